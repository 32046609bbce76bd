"""What the engine counts, against the definitions in `pbx.rtp.sequence`; silence and its end."""

from __future__ import annotations

import random

import pytest

from pbx.media.messages import MediaSilent, MediaStarted
from pbx.rtp.packet import Packet
from pbx.rtp.sequence import Reception
from tests.pbx.media.rig import MILLISECOND, Rig
from tests.pbx.media.tones import tone


@pytest.mark.parametrize("seed", range(5))
def test_losses_and_jitter_are_those_of_rfc_3550(engine: Rig, seed: int) -> None:
    """Lost, doubled, reordered, jittering, wrapping: the engine and the definition agree to the unit."""
    dice = random.Random(seed)
    phone = engine.join(0)
    reception = Reception()
    packets = [
        Packet(
            payload_type=0,
            sequence_number=(65500 + number) & 0xFFFF,
            timestamp=(2**32 - 3000 + 160 * number) & 0xFFFFFFFF,
            ssrc=99,
            payload=bytes(160),
        )
        for number in range(300)
        if dice.random() > 0.1
    ]
    for at in range(0, len(packets) - 5, 7):
        packets[at], packets[at + 3] = packets[at + 3], packets[at]
        if dice.random() < 0.3:
            packets.insert(at, packets[at])
    for packet in packets:
        engine.now += dice.randrange(5, 40) * MILLISECOND
        phone.throw(packet.serialise())
        engine.control.engine.step(engine.now)
        reception.receive(packet.sequence_number, packet.timestamp, engine.now // 125000)
    figures = engine.control.figures(0)
    assert figures.received == reception.received == len(packets)
    assert (figures.expected, figures.lost) == (reception.expected, reception.lost)
    assert figures.jitter == reception.jitter
    assert figures.highest_sequence == reception.highest


def test_a_restart_of_the_numbers_is_no_loss(engine: Rig) -> None:
    phone = engine.join(0)
    engine.talk([(phone, tone(440, 0.1))])
    phone.sequence = (phone.sequence + 30000) & 0xFFFF
    phone.ssrc ^= 1
    engine.talk([(phone, tone(440, 0.1))])
    figures = engine.control.figures(0)
    assert (figures.received, figures.expected, figures.lost) == (10, 10, 0)


def test_sent_packets_and_octets_are_counted(engine: Rig) -> None:
    alice, _bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.talk([(alice, tone(440, 0.2))])
    figures = engine.control.figures(1)
    assert (figures.sent, figures.sent_octets) == (10, 1600)
    assert engine.control.figures(0).received_octets == 1600


def test_silence_is_told_early_and_again_when_it_is_lost(engine: Rig) -> None:
    phone = engine.join(0)
    engine.talk([(phone, tone(440, 0.1))])
    engine.advance(61_000, step=100)
    told = [event for event in engine.events if isinstance(event, MediaSilent)]
    assert [event.lost for event in told] == [False, True]
    assert 5.0 <= told[0].seconds < 5.3
    assert 60.0 <= told[1].seconds < 60.3


def test_the_end_of_a_silence_is_told(engine: Rig) -> None:
    phone = engine.join(0)
    engine.talk([(phone, tone(440, 0.1))])
    engine.advance(6_000, step=100)
    engine.talk([(phone, tone(440, 0.1))])
    kinds = [type(event) for event in engine.events if isinstance(event, MediaStarted | MediaSilent)]
    assert kinds == [MediaStarted, MediaSilent, MediaStarted]


@pytest.mark.parametrize("direction", ["recvonly", "inactive"])
def test_a_held_phone_may_be_silent(engine: Rig, direction: str) -> None:
    phone = engine.join(0)
    engine.talk([(phone, tone(440, 0.1))])
    engine.update(0, phone, direction="recvonly" if direction == "recvonly" else "inactive")
    engine.advance(120_000, step=100)
    assert not any(isinstance(event, MediaSilent) for event in engine.events)
    engine.update(0, phone)
    engine.advance(4_000, step=100)
    assert not any(isinstance(event, MediaSilent) for event in engine.events)
    engine.advance(2_000, step=100)
    assert any(isinstance(event, MediaSilent) for event in engine.events)


def test_the_silence_of_a_phone_that_has_not_spoken_counts_from_the_answer(engine: Rig) -> None:
    phone = engine.join(0)
    engine.advance(50_000, step=100)
    engine.update(0, phone)
    engine.advance(50_000, step=100)
    assert not any(event.lost for event in engine.events if isinstance(event, MediaSilent))
    engine.advance(11_000, step=100)
    assert any(event.lost for event in engine.events if isinstance(event, MediaSilent))


def test_a_phone_that_never_speaks_is_told_too(engine: Rig) -> None:
    engine.join(0)
    engine.advance(61_000, step=100)
    assert [event.lost for event in engine.events if isinstance(event, MediaSilent)] == [False, True]
