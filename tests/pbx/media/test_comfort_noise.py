"""Comfort noise (RFC 3389) and pauses: passed on to who takes it, heard as silence by others, and never as a loss."""

from __future__ import annotations

from array import array
from itertools import pairwise

import pytest

from pbx.media.engine_control import Settings
from pbx.media.messages import MediaSilent
from pbx.rtp.g711 import Law, decode
from tests.pbx.media.rig import Phone, Rig, rig
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.test_transcoding import Talk, talker
from tests.pbx.media.tones import tone

__all__ = ["talker"]

NOISE = 13  # RFC 3551 §6
LEVEL = 50  # -dBov: an effective value of 104


def pause(phone: Phone, engine: Rig, seconds: float, *, level: int = LEVEL) -> None:
    """One packet of it, and nothing more; the clock of the sender goes on."""
    phone.throw(phone.packet(bytes((level,)), payload_type=NOISE).serialise())
    phone.sequence = (phone.sequence + 1) & 0xFFFF
    phone.timestamp = (phone.timestamp + round(8000 * seconds)) & 0xFFFFFFFF
    engine.advance(1000 * seconds, step=5)


def says(phone: Phone, engine: Rig, seconds: float) -> None:
    engine.talk([(phone, tone(440, seconds))])


def bridge(engine: Rig, *, takes: bool) -> tuple[Phone, Phone]:
    alice, bob = engine.join(0), engine.join(1)
    engine.update(0, alice, noise_type=NOISE)
    engine.update(1, bob, noise_type=NOISE if takes else None)
    engine.control.bridge(0, 1)
    engine.advance()
    return alice, bob


def effective(sound: bytes) -> float:
    samples = array("h", sound)
    value: float = (sum(sample * sample for sample in samples) / max(len(samples), 1)) ** 0.5
    return value


def test_it_is_passed_on_to_who_agreed_on_it(engine: Rig) -> None:
    alice, bob = bridge(engine, takes=True)
    says(alice, engine, 0.1)
    pause(alice, engine, 1.0)
    says(alice, engine, 0.1)
    packets = bob.listen()
    (noise,) = [packet for packet in packets if packet.payload_type == NOISE]
    assert noise.payload == bytes((LEVEL,))
    assert len(packets) == 11
    assert is_continuous(packets)
    after = packets[packets.index(noise) + 1]
    assert (after.timestamp - noise.timestamp) & 0xFFFFFFFF == 8000


def test_others_hear_noise_of_that_level_until_there_is_sound_again(engine: Rig) -> None:
    alice, bob = bridge(engine, takes=False)
    says(alice, engine, 0.1)
    bob.listen()
    pause(alice, engine, 1.0)
    packets = bob.listen()
    assert len(packets) == pytest.approx(50, abs=1)
    assert effective(decode(b"".join(packet.payload for packet in packets), Law.ULAW)) == pytest.approx(104, rel=0.2)
    says(alice, engine, 0.1)
    assert len(bob.listen()) == pytest.approx(5, abs=1)
    assert is_continuous(bob.heard)
    assert {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(bob.heard[5:50])} == {160}


def test_nothing_is_said_any_more_when_the_two_part(engine: Rig) -> None:
    alice, bob = bridge(engine, takes=False)
    says(alice, engine, 0.1)
    pause(alice, engine, 0.1)
    engine.control.unbridge(0)
    engine.advance(40)
    bob.listen()
    engine.advance(200)
    assert bob.listen() == []


def test_it_is_no_sound_where_it_was_not_agreed_on(engine: Rig) -> None:
    alice, bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.advance()
    pause(alice, engine, 0.1)
    assert bob.listen() == []
    assert engine.control.figures(0).drops[3] == 1  # unknown payload


def test_between_unlike_codecs_a_pause_is_noise_and_no_repeated_sound(engine: Rig, talker: Talk) -> None:
    alice, bob = engine.join(0), talker("g722", 1)
    engine.update(0, alice, noise_type=NOISE)
    engine.control.bridge(0, 1)
    says(alice, engine, 0.5)
    pause(alice, engine, 2.0)
    says(alice, engine, 0.2)
    packets = bob.phone.listen()
    assert is_continuous(packets)
    assert len(packets) > 130  # the pause too
    sound = bob.hear()
    assert effective(sound[6000:18000].tobytes()) == pytest.approx(104, rel=0.3)


def test_a_recording_has_silence_there_and_what_follows_in_its_place(engine: Rig) -> None:
    alice, _ = bridge(engine, takes=True)
    engine.record(0, 0, 1, Law.ULAW)
    says(alice, engine, 0.5)
    pause(alice, engine, 1.5)
    says(alice, engine, 0.3)
    engine.control.stop_record(0)
    engine.advance(20)
    left, _ = engine.control.recordings.drain(0, engine.control.recordings.ripe(0, engine.now))
    sound = decode(left, Law.ULAW)
    assert effective(sound[2 * 4200 : 2 * 15_800]) == 0
    assert effective(sound[2 * 16_000 : 2 * 18_000]) > 3000


@pytest.mark.parametrize("announced", [True, False])
def test_who_has_announced_a_pause_is_not_taken_for_silent(kind: str, announced: bool) -> None:
    small = Settings(legs=4, rooms=1, recordings=1, prompt_octets=1 << 16, silent_after=1.0, lost_after=3.0)
    with rig(kind, small) as engine:
        alice, _ = bridge(engine, takes=True)
        says(alice, engine, 0.1)
        if announced:
            pause(alice, engine, 0.1)
        engine.advance(10_000, step=100)
        told = [(event.leg, event.lost) for event in engine.events if isinstance(event, MediaSilent) and event.leg == 0]
        assert told == ([] if announced else [(0, False), (0, True)])
        engine.advance(25_000, step=100)
        assert [event.leg for event in engine.events if isinstance(event, MediaSilent) and event.lost].count(0) == 1


def test_a_pause_is_no_loss_and_no_jitter(engine: Rig) -> None:
    alice, _ = bridge(engine, takes=True)
    for _ in range(3):
        says(alice, engine, 0.2)
        pause(alice, engine, 0.7)
    figures = engine.control.figures(0)
    assert (figures.lost, figures.received) == (0, 33)
    assert figures.jitter_ms < 1


def test_a_packet_without_a_level_says_nothing(engine: Rig) -> None:
    alice, bob = bridge(engine, takes=True)
    alice.throw(alice.packet(b"", payload_type=NOISE).serialise())
    engine.advance(20)
    assert bob.listen() == []
    assert engine.control.engine.faults() == 0


def test_nobody_is_made_to_hear_loud_noise(engine: Rig) -> None:
    alice, bob = bridge(engine, takes=False)
    says(alice, engine, 0.1)
    bob.listen()
    pause(alice, engine, 0.5, level=0)
    sound = decode(b"".join(packet.payload for packet in bob.listen()), Law.ULAW)
    assert effective(sound) == pytest.approx(32767 * 10 ** (-30 / 20), rel=0.1)
