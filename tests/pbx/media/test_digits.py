"""Digits of a call as telephone events: heard once, passed on, sent."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pbx.media.messages import Digit
from pbx.rtp import dtmf
from pbx.rtp.dtmf import KeyPress, KeyPresses, build
from pbx.rtp.g711 import Law
from pbx.rtp.packet import Packet
from tests.pbx.media.rig import Phone, Rig
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.tones import frames, tone


def digits(engine: Rig) -> list[tuple[int, str, int]]:
    return [(event.leg, event.digit, event.milliseconds) for event in engine.events if isinstance(event, Digit)]


def presses(packets: list[Packet]) -> list[KeyPress]:
    """What a phone makes of the telephone events that it hears."""
    known = KeyPresses()
    found: list[KeyPress] = []
    for packet in packets:
        if packet.payload_type == 101:
            found += known.receive(packet.timestamp, dtmf.parse(packet.payload))
    return found + known.flush()


def throw_event(phone: Phone, event: dtmf.TelephoneEvent) -> None:
    phone.throw(phone.packet(event.serialise(), payload_type=phone.event_type).serialise())
    phone.sequence = (phone.sequence + 1) & 0xFFFF


@pytest.mark.req("R-PHONE-18")
def test_every_key_is_told_once_with_its_length(engine: Rig) -> None:
    phone = engine.join(0)
    for key in dtmf.DIGITS:
        phone.press(key, 120)
        engine.advance(200, step=10)
    assert digits(engine) == [(0, key, 120) for key in dtmf.DIGITS]
    assert engine.control.figures(0).digits == 16


def test_two_presses_of_one_key_are_two(engine: Rig) -> None:
    phone = engine.join(0)
    for _ in range(2):
        phone.press("1", 80)
        engine.advance(100, step=10)
    assert [digit for _, digit, _ in digits(engine)] == ["1", "1"]


def test_a_press_whose_ends_are_lost_is_told_when_nothing_more_comes(engine: Rig) -> None:
    phone = engine.join(0)
    for event in [event for event in build("4", 100) if not event.end]:
        throw_event(phone, event)
        engine.advance(20, step=20)
    assert digits(engine) == []
    engine.advance(400, step=50)
    assert digits(engine) == [(0, "4", 80)]


def test_a_press_whose_ends_are_lost_is_told_when_the_next_begins(engine: Rig) -> None:
    phone = engine.join(0)
    throw_event(phone, next(build("4", 100)))
    phone.timestamp += 800
    engine.advance(100, step=50)
    phone.press("5")
    engine.advance(50, step=10)
    assert [digit for _, digit, _ in digits(engine)] == ["4", "5"]


def test_a_late_copy_of_an_old_press_is_no_new_one(engine: Rig) -> None:
    phone = engine.join(0)
    late = phone.packet(list(build("1", 80))[-1].serialise(), payload_type=101).serialise()
    phone.press("1", 80)
    phone.press("2", 80)
    engine.advance(30, step=1)
    phone.throw(late)
    engine.advance(300, step=10)
    assert [digit for _, digit, _ in digits(engine)].count("1") == 1


def test_flash_and_other_events_are_no_digits(engine: Rig) -> None:
    phone = engine.join(0)
    throw_event(phone, dtmf.TelephoneEvent(event=16, end=True, duration=800))
    throw_event(phone, dtmf.TelephoneEvent(event=255, end=True, duration=800))
    phone.throw(phone.packet(b"\x01", payload_type=101).serialise())
    engine.advance(400, step=50)
    assert digits(engine) == []


def test_digits_pass_to_the_other_leg_with_its_payload_type(engine: Rig) -> None:
    alice, bob = engine.join(0), engine.join(1, event_type=110)
    engine.control.bridge(0, 1)
    engine.talk([(alice, tone(440, 0.1))])
    alice.press("9", 100)
    engine.advance(20)
    engine.talk([(alice, tone(440, 0.1))])
    packets = bob.listen()
    events = [packet for packet in packets if packet.payload_type == 110]
    assert len(events) == 7
    assert len({packet.timestamp for packet in events}) == 1
    assert all((b.sequence_number - a.sequence_number) & 0xFFFF == 1 for a, b in pairwise(packets))


def test_digits_leave_no_gap_where_the_other_leg_takes_none(engine: Rig) -> None:
    alice, bob = engine.join(0), engine.join(1, event_type=None)
    engine.control.bridge(0, 1)
    engine.talk([(alice, tone(440, 0.1))])
    alice.press("9", 100)
    engine.advance(20)
    engine.talk([(alice, tone(440, 0.1))])
    packets = bob.listen()
    assert {packet.payload_type for packet in packets} == {0}
    assert is_continuous(packets)
    assert digits(engine) == [(0, "9", 100)]


def test_digits_are_sent_as_rfc_4733_wants_them(engine: Rig) -> None:
    phone = engine.join(0)
    for key in "12#":
        engine.control.send_digit(0, key, 100)
    engine.advance(1000)
    packets = phone.listen()
    assert presses(packets) == [KeyPress(key, 800) for key in "12#"]
    assert len(packets) == 3 * 7
    for number in range(3):
        one = packets[7 * number : 7 * number + 7]
        events = [dtmf.parse(packet.payload) for packet in one]
        assert len({packet.timestamp for packet in one}) == 1
        assert [packet.marker for packet in one] == [True] + [False] * 6
        assert [event.end for event in events] == [False] * 4 + [True] * 3
        assert [event.duration for event in events] == [160, 320, 480, 640, 800, 800, 800]
    assert all((b.sequence_number - a.sequence_number) & 0xFFFF == 1 for a, b in pairwise(packets))


def test_sound_waits_while_a_digit_is_sent(engine: Rig) -> None:
    alice, bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.talk([(alice, tone(440, 0.1))])
    engine.control.send_digit(1, "5", 100)
    engine.talk([(alice, tone(440, 0.6))])
    packets = bob.listen()
    kinds = [packet.payload_type for packet in packets]
    first, last = kinds.index(101), len(kinds) - kinds[::-1].index(101)
    assert kinds[first:last] == [101] * 7
    assert kinds[last:].count(0) > 10
    assert presses(packets) == [KeyPress("5", 800)]


def test_a_digit_interrupts_music_and_the_music_goes_on(engine: Rig) -> None:
    phone = engine.join(0)
    engine.control.store_prompt(0, tone(440, 0.2))
    engine.control.play(0, 1, [(0, 1600)], loop=True, law=Law.ULAW)
    engine.advance(100)
    engine.control.send_digit(0, "5", 60)
    engine.advance(600)
    packets = phone.listen()
    assert presses(packets) == [KeyPress("5", 480)]
    assert [packet.payload_type for packet in packets][-5:] == [0] * 5


def test_no_more_digits_wait_than_there_is_room_for(engine: Rig) -> None:
    phone = engine.join(0)
    for _ in range(40):
        engine.control.send_digit(0, "1", 40)
    engine.advance(12_000, step=5)
    assert len(presses(phone.listen())) == 32


def test_no_digit_is_sent_to_a_leg_without_telephone_events(engine: Rig) -> None:
    phone = engine.join(0, event_type=None)
    engine.control.send_digit(0, "1", 40)
    engine.advance(500, step=5)
    assert phone.listen() == []
    engine.talk([(phone, b"".join(frames(tone(440, 0.1))))])
