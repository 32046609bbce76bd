"""Opus as a far end asks for it (RFC 7587): lost packets said again, how wide, how many bits, pauses."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence

import pytest

from pbx.media.codec_libraries import OPUS_SET_DTX, OPUS_SET_INBAND_FEC, OPUS_SET_PACKET_LOSS
from pbx.media.messages import OpusWishes
from pbx.rtp.g711 import Law, decode, encode
from pbx.rtp.packet import Packet
from tests.pbx.media.linear import Coder, amplitude_of, rms, tone
from tests.pbx.media.rig import Rig
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.test_transcoding import Talk, Talker, talker

__all__ = ["talker"]

BURST = 20  # the packet in which the second sound begins


def tuned(talker: Talker, *settings: tuple[int, int]) -> Talker:
    """Its own encoder so."""
    coder: Coder = talker.coder
    for request, value in settings:
        coder.codecs.tune(coder._first, request, value)
    return talker


def vowel(pitch: float, seconds: float) -> array[int]:
    """Something like a voice: a fundamental and its overtones."""
    parts = [tone(pitch * n, seconds, 16000, 9000 / n) for n in range(1, 8)]
    return array("h", [sum(samples) for samples in zip(*parts, strict=True)])


def heard_with_a_loss(engine: Rig, talker: Talk, *, repeats: bool) -> array[int]:
    """What is heard of a vowel after a silence when the packet that it begins in is lost."""
    alice, bob = talker("opus", 0), talker("pcma", 1)
    tuned(alice, (OPUS_SET_INBAND_FEC, repeats), (OPUS_SET_PACKET_LOSS, 20))
    engine.control.bridge(0, 1)
    said = vowel(200, 0.4) + vowel(330, 0.4)
    for number, payload in enumerate(alice.payloads(said, 16000)):
        if number == BURST:
            alice.phone.sequence += 1
            alice.phone.timestamp += alice.ticks
        else:
            alice.send(payload)
        engine.advance(20, step=5)
    packets = bob.phone.listen()
    assert is_continuous(packets)
    return bob.coder.decode([packet.payload for packet in packets], 8000)


def first_of(sound: Sequence[int], frequency: float) -> int:
    """Where the first 20 ms with that tone begin, in steps of 2.5 ms."""
    return next(
        at for at in range(0, len(sound) - 160, 20) if amplitude_of(sound[at : at + 160], frequency, 8000) > 3000
    )


def test_a_lost_packet_is_heard_out_of_the_next_one_where_that_repeats_it(engine: Rig, talker: Talk) -> None:
    sound = heard_with_a_loss(engine, talker, repeats=True)
    # 40 ms of buffering, 6.5 ms of the codec and up to 20 ms of the clock after the 400 ms of the first vowel.
    assert first_of(sound, 330) <= 3200 + 8 * 15


def test_what_nothing_repeats_is_concealed(engine: Rig, talker: Talk) -> None:
    sound = heard_with_a_loss(engine, talker, repeats=False)
    assert first_of(sound, 330) > 3200 + 8 * 15


def settings(engine: Rig, wishes: OpusWishes, *, loss: int = 0) -> list[Packet]:
    """What a phone in Opus that asks for that hears of a vowel, then a second of silence, in G.711."""
    alice, bob = engine.join(0, codec="pcma"), engine.join(1, codec="opus")
    engine.update(1, bob, codec="opus", opus=wishes)
    engine.control.expect_loss(1, loss)
    engine.control.bridge(0, 1)
    chance = random.Random(1)
    voiced = array("h", [sample + chance.randrange(-400, 400) for sample in vowel(200, 1.0)[::2]])
    sound = encode(voiced.tobytes(), Law.ALAW) + encode(bytes(2 * 16000), Law.ALAW)
    engine.talk([(alice, sound)])
    assert len(decode(sound, Law.ALAW)) == 2 * 24000
    return bob.listen()


BANDWIDTHS = {
    config: width for width, configs in enumerate((range(4), range(4, 8), range(8, 12))) for config in configs
}


@pytest.mark.parametrize(("rate", "width"), [(8000, 0), (12000, 1), (16000, 2), (48000, 2)])
def test_no_wider_sound_is_sent_than_is_played(engine: Rig, rate: int, width: int) -> None:
    """RFC 7587 §6.1, maxplaybackrate; RFC 6716 §3.1: what a packet holds is in its first octet."""
    packets = settings(engine, OpusWishes(rate=rate))
    assert {BANDWIDTHS[packet.payload[0] >> 3] for packet in packets} <= set(range(width + 1))


def test_no_more_bits_are_sent_than_are_wanted(engine: Rig) -> None:
    few = settings(engine, OpusWishes(bitrate=8000))[10:50]
    assert 8 * 50 * sum(len(packet.payload) for packet in few) / len(few) < 9500


def repeats_in(packets: Sequence[Packet]) -> int:
    """Packets with the flag of a repetition in their SILK frame (RFC 6716 §4.2.3): the bit behind its voice flag."""
    return sum(packet.payload[1] >> 6 & 1 for packet in packets if len(packet.payload) > 2)


@pytest.mark.parametrize(("wanted", "loss", "repeated"), [(True, 20, True), (True, 0, False), (False, 20, False)])
def test_packets_repeat_the_last_one_once_losses_are_told_of(
    engine: Rig, wanted: bool, loss: int, repeated: bool
) -> None:
    packets = settings(engine, OpusWishes(repeats=wanted), loss=loss)
    assert (repeats_in(packets) > 10) is repeated


@pytest.mark.parametrize("wanted", [True, False])
def test_silence_is_a_pause_for_who_wants_pauses(engine: Rig, wanted: bool) -> None:
    """RFC 7587 §3.1.3."""
    packets = settings(engine, OpusWishes(pauses=wanted))
    assert (len(packets) < 80) is wanted
    if wanted:
        numbers = [packet.sequence_number for packet in packets]
        assert [(number - numbers[0]) & 0xFFFF for number in numbers] == list(range(len(numbers)))
        assert min(len(packet.payload) for packet in packets) > 2


def test_a_pause_is_heard_as_the_decoders_own_silence_and_is_no_loss(engine: Rig, talker: Talk) -> None:
    """In rooms and to other codecs. Senders say every 400 ms that they still pause (RFC 7587 §3.1.3)."""
    alice, bob = talker("opus", 0), talker("pcma", 1)
    tuned(alice, (OPUS_SET_DTX, 1))
    engine.control.bridge(0, 1)
    chance = random.Random(2)
    quiet = array("h", [chance.randrange(-60, 60) for _ in range(3 * 16000)])
    sent = 0
    for payload in alice.payloads(vowel(200, 0.5) + quiet + vowel(200, 0.5), 16000):
        if len(payload) > 2:
            sent += 1
            alice.send(payload)
        else:
            alice.phone.timestamp = (alice.phone.timestamp + alice.ticks) & 0xFFFFFFFF
        engine.advance(20, step=5)
    assert sent < 150  # of 200
    packets = bob.phone.listen()
    assert is_continuous(packets)
    assert len(packets) > 190
    sound = bob.hear()
    assert 0 < rms(sound[8000:24000]) < 100
    assert engine.control.figures(0).lost == 0


def test_what_comes_after_a_pause_without_a_packet_begins_in_time(engine: Rig, talker: Talk) -> None:
    alice, bob = talker("opus", 0), talker("pcma", 1)
    engine.control.bridge(0, 1)
    payloads = alice.payloads(vowel(200, 0.4), 16000)
    for payload in payloads:
        alice.send(payload)
        engine.advance(20, step=5)
    alice.phone.timestamp = (alice.phone.timestamp + 200 * alice.ticks) & 0xFFFFFFFF
    engine.advance(4000, step=20)
    before = len(bob.phone.listen())
    for payload in payloads:
        alice.send(payload)
        engine.advance(20, step=5)
    assert len(bob.phone.listen()) in range(before - 12, before + 1)
    assert is_continuous(bob.phone.heard)
