"""Listen, whisper, barge, take over: gains of a room, and what each party hears of it."""

from __future__ import annotations

from array import array
from itertools import pairwise

import pytest

from tests.pbx.media.rig import Rig
from tests.pbx.media.talk import FRAME, LOUD, SETTLED, TONES, WINDOW, Talk, hear
from tests.pbx.media.tones import level

CUSTOMER, AGENT, SUPERVISOR = range(3)


@pytest.fixture
def three(engine: Rig) -> Talk:
    """Customer, agent, and a supervisor who has come to listen: nobody hears them."""
    phones = [engine.join(leg) for leg in range(3)]
    engine.control.open_room(0)
    engine.control.join(0, CUSTOMER)
    engine.control.join(0, AGENT)
    engine.control.join(0, SUPERVISOR, heard=0.0)
    return Talk(engine, phones)


def test_who_listens_hears_both_and_is_heard_by_nobody(three: Talk) -> None:
    three.speak(CUSTOMER, AGENT, SUPERVISOR)
    assert three.heard() == [{AGENT}, {CUSTOMER}, {CUSTOMER, AGENT}]


@pytest.mark.parametrize("whisper", [0.0, 1.0])
def test_the_customer_hears_nothing_at_all_of_who_listens_or_whispers(engine: Rig, three: Talk, whisper: float) -> None:
    engine.control.set_gain(0, AGENT, SUPERVISOR, whisper)
    three.speak(CUSTOMER, AGENT, SUPERVISOR, frames=50)
    sound = hear(three.phones[CUSTOMER])[SETTLED * FRAME :][: 8 * WINDOW]
    assert level(sound, TONES[SUPERVISOR]) < LOUD / 1000, "60 dB"
    assert level(sound, TONES[AGENT]) > LOUD * 0.95


def test_a_whisper_is_for_the_agent_alone(engine: Rig, three: Talk) -> None:
    engine.control.set_gain(0, AGENT, SUPERVISOR, 1.0)
    three.speak(CUSTOMER, AGENT, SUPERVISOR)
    assert three.heard() == [{AGENT}, {CUSTOMER, SUPERVISOR}, {CUSTOMER, AGENT}]


def test_who_barges_in_is_heard_by_both(engine: Rig, three: Talk) -> None:
    engine.control.set_gain(0, None, SUPERVISOR, 1.0)
    three.speak(CUSTOMER, AGENT, SUPERVISOR)
    assert three.heard() == [{AGENT, SUPERVISOR}, {CUSTOMER, SUPERVISOR}, {CUSTOMER, AGENT}]


def test_who_takes_over_stays_with_the_customer(engine: Rig, three: Talk) -> None:
    engine.control.set_gain(0, None, SUPERVISOR, 1.0)
    engine.control.leave(0, AGENT)
    three.speak(CUSTOMER, AGENT, SUPERVISOR)
    assert three.heard() == [{SUPERVISOR}, set(), {CUSTOMER}]


def test_who_comes_later_does_not_hear_the_listener_either(engine: Rig, three: Talk) -> None:
    engine.control.leave(0, AGENT)
    engine.control.join(0, AGENT)
    three.speak(CUSTOMER, AGENT, SUPERVISOR)
    assert three.heard() == [{AGENT}, {CUSTOMER}, {CUSTOMER, AGENT}]


def test_switching_between_the_modes_takes_at_most_60_ms_and_leaks_nothing(engine: Rig, three: Talk) -> None:
    """Frame by frame, from the moment of the command: what the customer hears of the supervisor."""
    three.speak(CUSTOMER, SUPERVISOR)
    phone = three.phones[CUSTOMER]
    for gain in (1.0, 0.0, 1.0, 0.0):
        hear(phone)
        engine.control.set_gain(0, CUSTOMER, SUPERVISOR, gain)
        three.speak(CUSTOMER, SUPERVISOR, frames=15)
        sound = hear(phone)[: 14 * FRAME]
        for frame in range(3, 14):  # 60 ms after the command
            there = level(sound[frame * FRAME : (frame + 1) * FRAME], TONES[SUPERVISOR])
            assert (there > LOUD * 0.9) if gain else (there < LOUD / 1000)


STEADY = bytes((0xAF,)) * 160  # 4092, all the time: a constant shows a step best
STEP = 256  # of µ-law at that height


@pytest.mark.parametrize("by", ["gain", "mute"])
def test_what_comes_and_goes_is_faded_not_switched(engine: Rig, three: Talk, by: str) -> None:
    agent, phone = three.phones[AGENT], three.phones[CUSTOMER]
    for there in (True, False, True, False):
        engine.talk([(agent, STEADY * 8)])
        hear(phone)
        if by == "gain":
            engine.control.set_gain(0, CUSTOMER, AGENT, 1.0 if there else 0.0)
        else:
            engine.control.mute(0, AGENT, muted=not there)
        engine.talk([(agent, STEADY * 8)])
        samples = array("h", hear(phone))
        assert max(abs(b - a) for a, b in pairwise(samples)) <= STEP
        assert samples[-1] == (4092 if there else 0)


def test_what_changes_for_one_is_not_noticed_by_another(engine: Rig, three: Talk) -> None:
    engine.talk([(three.phones[AGENT], STEADY * 8)])
    for phone in three.phones:
        hear(phone)
    engine.control.set_gain(0, CUSTOMER, AGENT, 0.0)
    engine.talk([(three.phones[AGENT], STEADY * 8)])
    assert set(array("h", hear(three.phones[SUPERVISOR]))) == {4092}
    assert array("h", hear(three.phones[CUSTOMER]))[-1] == 0
