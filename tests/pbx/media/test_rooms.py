"""Rooms: who hears whom, in tones; when two are relayed and when they are mixed."""

from __future__ import annotations

from array import array
from itertools import pairwise

import pytest

from pbx.media.engine_control import RoomClosed
from pbx.media.engine_numbers import MEMBERS
from pbx.rtp.g711 import Law, decode
from tests.pbx.media.rig import Rig
from tests.pbx.media.talk import FRAME, LOUD, SETTLED, TONES, WINDOW, Talk, hear, prompt, room_of
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.tones import level, tone

# ---- conference ----------------------------------------------------------------------------------------------------


def test_each_of_three_hears_the_two_others_and_not_itself(engine: Rig) -> None:
    talk = Talk(engine, room_of(engine, 3))
    talk.speak(0, 1, 2)
    assert talk.heard() == [{1, 2}, {0, 2}, {0, 1}]


def test_members_come_and_go_while_others_talk(engine: Rig) -> None:
    talk = Talk(engine, room_of(engine, 4))
    talk.speak(0, 1, 2, 3)
    assert talk.heard() == [{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}]
    engine.control.leave(0, 1)
    talk.speak(0, 1, 2, 3)
    assert talk.heard() == [{2, 3}, set(), {0, 3}, {0, 2}]
    engine.control.join(0, 1)
    talk.speak(0, 1, 2, 3)
    assert talk.heard() == [{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}]
    engine.control.close_leg(2)
    talk.speak(0, 1, 3)
    assert talk.heard() == [{1, 3}, {0, 3}, set(), {0, 1}]


def test_a_muted_member_hears_and_is_not_heard(engine: Rig) -> None:
    talk = Talk(engine, room_of(engine, 3))
    engine.control.mute(0, 1, muted=True)
    talk.speak(0, 1, 2)
    assert talk.heard() == [{2}, {0, 2}, {0}]
    engine.control.mute(0, 1, muted=False)
    talk.speak(0, 1, 2)
    assert talk.heard() == [{1, 2}, {0, 2}, {0, 1}]


def test_of_two_one_may_be_muted(engine: Rig) -> None:
    talk = Talk(engine, room_of(engine, 2))
    engine.control.mute(0, 1, muted=True)
    talk.speak(0, 1)
    assert talk.heard() == [set(), {0}]


def test_members_speak_different_laws(engine: Rig) -> None:
    engine.control.open_room(0)
    phones = [engine.join(0), engine.join(1, codec="pcma"), engine.join(2)]
    for leg in range(3):
        engine.control.join(0, leg)
    sounds = [tone(TONES[0], 0.4), tone(TONES[1], 0.4, Law.ALAW), tone(TONES[2], 0.4)]
    engine.talk(list(zip(phones, sounds, strict=True)))
    assert level(phones[1].sound(Law.ALAW)[SETTLED * FRAME :], TONES[0]) > 7000
    assert level(phones[0].sound()[SETTLED * FRAME :], TONES[1]) > 7000
    assert {packet.payload_type for packet in phones[1].heard} == {8}


def test_a_hundred_members_hear_whoever_talks(engine: Rig) -> None:
    with_hundred = 100
    phones = room_of(engine, with_hundred)
    for leg in range(3, with_hundred):
        engine.control.update(
            leg,
            address="127.0.0.1",
            port=phones[leg].port,
            codec="pcmu",
            payload_type=0,
            event_type=None,
            direction="sendrecv",
            sources=(),
            learn_port=False,
        )
    talk = Talk(engine, phones[:3])
    talk.speak(0, 1, 2)
    for leg, phone in enumerate(phones):
        assert talk.tones(hear(phone)[SETTLED * FRAME :]) == {0, 1, 2} - {leg}
    listeners = {tuple(packet.payload for packet in phone.heard) for phone in phones[3:]}
    assert len(listeners) == 1, "one mix, one encoding, for all that hear the same"


def test_of_a_crowd_that_talks_at_once_the_loudest_are_mixed(engine: Rig) -> None:
    phones = room_of(engine, 12)
    engine.talk([(phone, tone(300 + 100 * leg, 0.3, amplitude=500 + 200 * leg)) for leg, phone in enumerate(phones)])
    sound = hear(phones[0])[SETTLED * FRAME :][:WINDOW]
    assert [level(sound, 300 + 100 * leg) > 400 for leg in range(12)] == [False] * 4 + [True] * 8


def test_a_room_that_is_full_takes_nobody_in(engine: Rig) -> None:
    """129 members cannot be: the last one hears nothing, and the others go on."""
    phones = room_of(engine, MEMBERS + 1)
    talk = Talk(engine, phones[:3])
    talk.speak(0, 1, 2)
    assert talk.tones(hear(phones[MEMBERS - 1])[SETTLED * FRAME :]) == {0, 1, 2}
    assert hear(phones[MEMBERS]) == b""


def test_a_room_that_closes_lets_everybody_go(engine: Rig) -> None:
    talk = Talk(engine, room_of(engine, 3))
    engine.control.close_room(0)
    talk.speak(0, 1, 2)
    assert talk.heard(skip=0) == [set(), set(), set()]
    assert RoomClosed(0) in engine.events
    engine.control.join(0, 1)
    engine.control.open_room(0)
    for leg in (0, 2):
        engine.control.join(0, leg)
    talk.speak(0, 1, 2)
    assert talk.heard() == [{2}, set(), {0}], "who joined while there was no room is not in it"


def test_a_gain_is_a_factor(engine: Rig) -> None:
    phones = room_of(engine, 3)
    engine.control.set_gain(0, 0, 1, 0.5)
    engine.control.set_gain(0, 2, 1, 2.0)
    engine.talk([(phones[1], tone(600, 0.3, amplitude=LOUD))])
    assert level(hear(phones[0])[SETTLED * FRAME :][:WINDOW], 600) == pytest.approx(LOUD / 2, rel=0.02)
    assert level(hear(phones[2])[SETTLED * FRAME :][:WINDOW], 600) == pytest.approx(LOUD * 2, rel=0.02)


def test_a_sum_that_is_too_loud_saturates(engine: Rig) -> None:
    phones = room_of(engine, 3)
    engine.control.set_gain(0, 0, None, 16.0)
    engine.talk([(phone, tone(600, 0.3, amplitude=30000)) for phone in phones[1:]])
    sound = array("h", hear(phones[0])[SETTLED * FRAME :])
    assert (max(sound), min(sound)) == (32124, -32124)


# ---- relayed and mixed ---------------------------------------------------------------------------------------------


def test_a_room_of_two_is_relayed_on_arrival(engine: Rig) -> None:
    alice, bob = room_of(engine, 2)
    alice.send(tone(440, 0.02))
    engine.advance()
    assert len(bob.listen()) == 1
    engine.advance(200)
    assert bob.listen() == [], "no clock runs"


def test_from_relay_to_room_and_back_is_one_stream_without_a_gap(engine: Rig) -> None:
    """What bob hears of alice while carol comes and goes, twice."""
    phones = room_of(engine, 2)
    phones.append(engine.join(2))
    talk = Talk(engine, phones)
    talk.speak(0, 1)
    for _ in range(2):
        engine.control.join(0, 2)
        talk.speak(0, 1, 2)
        engine.control.leave(0, 2)
        talk.speak(0, 1, 2)
    for phone in phones[:2]:
        phone.listen()
        assert is_continuous(phone.heard)
        steps = [(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(phone.heard)]
        assert min(steps) >= 160, "no frame overlaps another"
        assert max(steps) <= 320, "nor is there a hole of more than one frame"
    bob = [level(decode(packet.payload, Law.ULAW), TONES[0]) > LOUD * 0.9 for packet in phones[1].heard]
    holes = "".join("#" if there else "." for there in bob)
    assert "..." not in holes, holes
    assert bob.count(False) <= 2 * 2, "and only where the mixing began"
    assert bob.count(True) >= talk.frames - 1, "all that alice said is there"


@pytest.mark.parametrize("reason", ["gain", "mute", "prompt"])
def test_two_are_mixed_only_as_long_as_there_is_a_reason(engine: Rig, reason: str) -> None:
    phones = room_of(engine, 2)
    talk = Talk(engine, phones)
    match reason:
        case "gain":
            engine.control.set_gain(0, 0, 1, 0.5)
        case "mute":
            engine.control.mute(0, 0, muted=True)
        case _:
            prompt(engine, 2100, loop=True)
    engine.advance(100)
    assert len(phones[0].listen()) >= 4, "mixed"
    match reason:
        case "gain":
            engine.control.set_gain(0, 0, 1, 1.0)
        case "mute":
            engine.control.mute(0, 0, muted=False)
        case _:
            engine.control.stop_playing_to_room(0, 0)
    engine.advance()
    talk.speak(0, 1)
    phones[0].listen()
    engine.advance(200)
    assert phones[0].listen() == [], "relayed"
    assert is_continuous(phones[0].heard)


def test_who_is_alone_in_a_room_has_a_steady_stream_of_silence(engine: Rig) -> None:
    (phone,) = room_of(engine, 1)
    engine.advance(1000)
    assert 50 <= len(phone.listen()) <= 51
    assert is_continuous(phone.heard)
    assert level(phone.sound(), 440) < 1


def test_a_leg_is_in_one_room_or_one_bridge(engine: Rig) -> None:
    phones = [engine.join(leg) for leg in range(4)]
    talk = Talk(engine, phones)
    engine.control.bridge(0, 1)
    engine.control.open_room(0)
    engine.control.open_room(1)
    for leg in (1, 2, 3):
        engine.control.join(0, leg)
    talk.speak(0, 1, 2, 3)
    assert talk.heard() == [set(), {2, 3}, {1, 3}, {1, 2}]
    engine.control.join(1, 3)
    talk.speak(0, 1, 2, 3)
    assert talk.heard() == [set(), {2}, {1}, set()]
    engine.control.bridge(0, 2)
    talk.speak(0, 1, 2, 3)
    assert talk.heard() == [{2}, set(), {0}, set()]


def test_a_hold_of_one_member_leaves_the_others_alone(engine: Rig) -> None:
    talk = Talk(engine, room_of(engine, 3))
    engine.update(1, talk.phones[1], direction="inactive")
    talk.speak(0, 1, 2)
    assert talk.heard() == [{2}, set(), {0}]
    engine.update(1, talk.phones[1])
    talk.speak(0, 1, 2)
    assert talk.heard() == [{1, 2}, {0, 2}, {0, 1}]


@pytest.mark.parametrize("phase", range(0, 20, 3))
def test_no_gap_of_more_than_40_ms_is_heard_when_a_talk_becomes_a_conference(engine: Rig, phase: int) -> None:
    """Wherever in the 20 ms of its packets it begins."""
    phones = [engine.join(leg) for leg in range(3)]
    engine.control.bridge(0, 1)
    alice, bob, _ = phones
    engine.talk([(alice, tone(440, 1.2))])
    alice.send(tone(440, 0.02))
    engine.advance(phase)
    engine.control.open_room(0)
    for leg in range(3):
        engine.control.join(0, leg)
    engine.advance(20 - phase)
    engine.talk([(alice, tone(440, 0.4))])
    sounding = [packet.timestamp for packet in bob.listen() if len(set(packet.payload)) > 10]
    gaps = [((b - a) & 0xFFFFFFFF) / 8 - 20 for a, b in pairwise(sounding)]
    assert max(gaps) <= 40
