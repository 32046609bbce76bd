"""Prompts and music in a room, and digits through it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pbx.media.messages import Digit, RoomPlaybackEnded
from pbx.rtp.g711 import Law
from pbx.rtp.packet import Packet
from tests.pbx.media.rig import Rig
from tests.pbx.media.talk import FRAME, LOUD, SETTLED, WINDOW, Talk, hear, prompt, room_of
from tests.pbx.media.test_digits import presses
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.tones import level, tone


def ends(engine: Rig) -> list[tuple[int, str]]:
    return [(event.playback, event.reason) for event in engine.events if isinstance(event, RoomPlaybackEnded)]


def test_an_announcement_is_heard_by_all_beside_the_talk(engine: Rig) -> None:
    talk = Talk(engine, room_of(engine, 3))
    talk.speak(0, 1, 2)
    talk.heard()
    prompt(engine, 2100, seconds=0.4)
    talk.speak(0, 1, 2, frames=20)
    for leg, phone in enumerate(talk.phones):
        sound = hear(phone)[2 * FRAME : 2 * FRAME + 3 * WINDOW]
        assert level(sound, 2100) > LOUD * 0.95
        assert talk.tones(sound) == {0, 1, 2} - {leg}
    assert ends(engine) == [(70, "done")]


def test_a_prompt_for_one_is_heard_by_one(engine: Rig) -> None:
    talk = Talk(engine, room_of(engine, 3))
    prompt(engine, 2100, loop=True, only=1)
    talk.speak(0, 1, 2)
    heard = [hear(phone)[SETTLED * FRAME :][: 2 * WINDOW] for phone in talk.phones]
    assert [level(sound, 2100) > LOUD * 0.95 for sound in heard] == [False, True, False]
    assert [talk.tones(sound) for sound in heard] == [{1, 2}, {0, 2}, {0, 1}]
    engine.control.leave(0, 1)
    engine.advance()
    assert ends(engine) == [(70, "closed")]


def test_music_on_hold_for_one_member_hides_the_room_from_it_alone(engine: Rig) -> None:
    talk = Talk(engine, room_of(engine, 3))
    music = tone(2100, 0.2, amplitude=LOUD)
    engine.control.store_prompt(0, music)
    engine.control.play(1, 1, [(0, len(music))], loop=True, law=Law.ULAW)
    talk.speak(0, 1, 2)
    heard = [hear(phone)[SETTLED * FRAME :][: 2 * WINDOW] for phone in talk.phones]
    assert [level(sound, 2100) > LOUD * 0.95 for sound in heard] == [False, True, False]
    assert [talk.tones(sound) for sound in heard] == [{1, 2}, set(), {0, 1}]
    engine.control.stop_playing(1)
    talk.speak(0, 1, 2)
    assert talk.heard() == [{1, 2}, {0, 2}, {0, 1}]
    for phone in talk.phones:
        assert is_continuous(phone.heard)


def test_a_prompt_over_the_wait_music_ducks_it(engine: Rig) -> None:
    (phone,) = room_of(engine, 1)
    prompt(engine, 600, loop=True)
    engine.advance(300)
    hear(phone)
    prompt(engine, 2100, voice=1, seconds=0.4, duck=0.25)
    engine.advance(400)
    during = hear(phone)[FRAME : FRAME + 3 * WINDOW]
    assert level(during, 2100) > LOUD * 0.95
    assert level(during, 600) == pytest.approx(LOUD / 4, rel=0.05)
    engine.advance(300)
    assert level(hear(phone)[2 * FRAME : 2 * FRAME + 2 * WINDOW], 600) > LOUD * 0.95
    assert ends(engine) == [(71, "done")]
    engine.control.close_room(0)
    engine.advance()
    assert ends(engine) == [(71, "done"), (70, "closed")]


def test_a_second_prompt_of_one_voice_replaces_the_first(engine: Rig) -> None:
    room_of(engine, 2)
    prompt(engine, 600, loop=True)
    prompt(engine, 2100)
    engine.advance(300)
    assert ends(engine) == [(70, "replaced"), (70, "done")]


@pytest.mark.parametrize("passes", [True, False])
def test_digits_go_through_a_room_where_it_shall_be_so(engine: Rig, passes: bool) -> None:
    phones = room_of(engine, 3, passes_events=passes)
    talk = Talk(engine, phones)
    talk.speak(0, 1, 2)
    phones[0].press("5")
    talk.speak(0, 1, 2)
    engine.advance()
    for phone in phones:
        phone.listen()
        assert is_one_numbering(phone.heard)
    assert [digit.digit for digit in engine.events if isinstance(digit, Digit)] == ["5"]
    pressed = [[press.digit for press in presses(phone.heard)] for phone in phones]
    assert pressed == ([[], ["5"], ["5"]] if passes else [[], [], []])


@pytest.mark.parametrize("passes", [True, False])
def test_it_is_so_too_where_two_are_only_relayed(engine: Rig, passes: bool) -> None:
    phones = room_of(engine, 2, passes_events=passes)
    talk = Talk(engine, phones)
    talk.speak(0, 1)
    phones[0].press("5")
    talk.speak(0, 1)
    phones[1].listen()
    assert [press.digit for press in presses(phones[1].heard)] == (["5"] if passes else [])
    assert is_one_numbering(phones[1].heard)


def test_a_digit_reaches_only_those_who_hear_its_sender(engine: Rig) -> None:
    phones = room_of(engine, 3, passes_events=True)
    engine.control.set_gain(0, 0, 2, 0.0)
    engine.advance()
    phones[2].press("7")
    engine.advance()
    for phone in phones:
        phone.listen()
    assert [[press.digit for press in presses(phone.heard)] for phone in phones] == [[], ["7"], []]


def is_one_numbering(packets: list[Packet]) -> bool:
    """As `is_continuous`, but for events, whose timestamps stand still."""
    steps = {(b.sequence_number - a.sequence_number) & 0xFFFF for a, b in pairwise(packets)}
    return len({packet.ssrc for packet in packets}) == 1 and steps == {1}
