"""Prompts and hold music: paced by an absolute clock, in the leg's own numbering."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pbx.media.messages import PlaybackEnded
from pbx.rtp.g711 import Law
from pbx.rtp.packet import Packet
from tests.pbx.media.rig import Phone, Rig
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.tones import level, tone


def stored(engine: Rig, sound: bytes, at: int = 0) -> tuple[int, int]:
    engine.control.store_prompt(at, sound)
    return at, len(sound)


def ended(engine: Rig) -> list[tuple[int, str]]:
    return [(event.playback, event.reason) for event in engine.events if isinstance(event, PlaybackEnded)]


def arrivals(engine: Rig, phone: Phone, milliseconds: int) -> list[tuple[float, Packet]]:
    """Each packet with the millisecond in which it came."""
    found = []
    start = engine.now
    for _ in range(milliseconds):
        engine.advance(1)
        found += [((engine.now - start) / 1e6, packet) for packet in phone.listen()]
    return found


def test_a_prompt_is_heard_once_and_its_end_is_told(engine: Rig) -> None:
    phone = engine.join(0)
    engine.control.play(0, 7, [stored(engine, tone(440, 0.5))], loop=False, law=Law.ULAW)
    engine.advance(1000)
    assert len(phone.listen()) == 25
    assert level(phone.sound(), 440) > 7000
    assert ended(engine) == [(7, "done")]


def test_a_packet_leaves_every_20_ms_however_long_it_lasts(engine: Rig) -> None:
    phone = engine.join(0)
    engine.control.play(0, 7, [stored(engine, tone(440, 0.2))], loop=True, law=Law.ULAW)
    engine.advance()
    (first,) = phone.listen()
    came = arrivals(engine, phone, 5000)
    assert [time for time, _ in came] == pytest.approx([20.0 * number for number in range(1, 251)])
    assert is_continuous([packet for _, packet in came])
    assert all((b[1].timestamp - a[1].timestamp) & 0xFFFFFFFF == 160 for a, b in pairwise(came))
    assert first.marker
    assert not any(packet.marker for _, packet in came)


def test_being_late_once_makes_nothing_late_afterwards(engine: Rig) -> None:
    phone = engine.join(0)
    engine.control.play(0, 7, [stored(engine, tone(440, 0.2))], loop=True, law=Law.ULAW)
    engine.advance(100)
    engine.advance(150, step=150)  # the thread was not run for 150 ms
    engine.advance(750)
    packets = phone.listen()
    assert len(packets) == 51
    assert is_continuous(packets)


def test_after_a_long_stall_the_clock_goes_on_from_now(engine: Rig) -> None:
    phone = engine.join(0)
    engine.control.play(0, 7, [stored(engine, tone(440, 0.2))], loop=True, law=Law.ULAW)
    engine.advance(100)
    before = phone.listen()[-1]
    engine.advance(3000, step=3000)
    packets = phone.listen()
    assert len(packets) <= 11, "no burst of what is past"
    assert (packets[-1].timestamp - before.timestamp) & 0xFFFFFFFF >= 2900 * 8


def test_many_streams_do_not_leave_in_one_burst(engine: Rig) -> None:
    phones = [engine.join(leg) for leg in range(10)]
    segment = stored(engine, tone(440, 0.2))
    for leg in range(10):
        engine.control.play(leg, leg + 1, [segment], loop=True, law=Law.ULAW)
    engine.advance(40)
    for phone in phones:
        phone.listen()
    per_millisecond = []
    for _ in range(20):
        engine.advance(1)
        per_millisecond.append(sum(len(phone.listen()) for phone in phones))
    assert sum(per_millisecond) == 10
    assert max(per_millisecond) == 1


def test_several_prompts_follow_each_other_without_a_gap(engine: Rig) -> None:
    phone = engine.join(0)
    first = stored(engine, tone(440, 0.2))
    second = stored(engine, tone(600, 0.2), at=8000)
    engine.control.play(0, 1, [first, second, first], loop=False, law=Law.ULAW)
    engine.advance(800)
    packets = phone.listen()
    assert len(packets) == 30
    assert is_continuous(packets)
    assert level(phone.sound()[: 2 * 1600], 440) > 7000
    assert level(phone.sound()[2 * 1600 : 4 * 1600], 600) > 7000


def test_a_playback_hides_the_bridge_and_gives_it_back(engine: Rig) -> None:
    alice, bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.talk([(alice, tone(1000, 0.1))])
    engine.control.play(1, 1, [stored(engine, tone(440, 0.2))], loop=True, law=Law.ULAW)
    engine.talk([(alice, tone(1000, 0.4))])
    engine.control.stop_playing(1)
    engine.talk([(alice, tone(1000, 0.1))])
    packets = bob.listen()
    assert is_continuous(packets)
    assert [packet.marker for packet in packets].count(True) == 3
    music = bob.sound()[2 * 5 * 160 : 2 * 24 * 160]
    assert level(music, 440) > 7000
    assert level(music, 1000) < 300
    assert level(bob.sound()[-2 * 4 * 160 :], 1000) > 7000
    assert ended(engine) == [(1, "stopped")]


def test_a_second_playback_replaces_the_first(engine: Rig) -> None:
    phone = engine.join(0)
    engine.control.play(0, 1, [stored(engine, tone(440, 0.2))], loop=True, law=Law.ULAW)
    engine.advance(100)
    engine.control.play(0, 2, [stored(engine, tone(600, 0.2), at=8000)], loop=False, law=Law.ULAW)
    engine.advance(400)
    assert is_continuous(phone.listen())
    assert ended(engine) == [(1, "replaced"), (2, "done")]


def test_a_prompt_of_the_other_law_is_translated(engine: Rig) -> None:
    phone = engine.join(0, codec="pcma")
    engine.control.play(0, 1, [stored(engine, tone(440, 0.4, Law.ULAW))], loop=False, law=Law.ULAW)
    engine.advance(500)
    assert level(phone.sound(Law.ALAW), 440) > 7000


def test_a_held_phone_misses_what_is_played_meanwhile(engine: Rig) -> None:
    phone = engine.join(0)
    engine.control.play(0, 1, [stored(engine, tone(440, 1.0))], loop=False, law=Law.ULAW)
    engine.advance(200)
    engine.update(0, phone, direction="inactive")
    engine.advance(400)
    engine.update(0, phone)
    engine.advance(600)
    assert 28 <= len(phone.listen()) <= 32
    assert ended(engine) == [(1, "done")]


def test_the_end_of_a_leg_ends_its_playback(engine: Rig) -> None:
    engine.join(0)
    engine.control.play(0, 1, [stored(engine, tone(440, 1.0))], loop=True, law=Law.ULAW)
    engine.advance(100)
    engine.control.close_leg(0)
    engine.advance(100)
    assert ended(engine) == [(1, "closed")]
