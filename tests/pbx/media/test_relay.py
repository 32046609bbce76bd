"""Two bridged legs: what goes in here comes out there, in one numbering."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pbx.rtp.g711 import SILENCE, Law
from pbx.rtp.packet import Packet
from tests.pbx.media.rig import Phone, Rig
from tests.pbx.media.tones import heard, level, tone


def bridged(engine: Rig) -> tuple[Phone, Phone]:
    alice, bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.advance()
    return alice, bob


def is_continuous(packets: list[Packet]) -> bool:
    """One SSRC, no gap in the sequence numbers, timestamps that only grow."""
    steps = [(b.sequence_number - a.sequence_number) & 0xFFFF for a, b in pairwise(packets)]
    growth = [(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(packets)]
    return len({p.ssrc for p in packets}) == 1 and all(s == 1 for s in steps) and all(0 < g < 80000 for g in growth)


def test_each_hears_the_other(engine: Rig) -> None:
    alice, bob = bridged(engine)
    engine.talk([(alice, tone(440, 0.4)), (bob, tone(1000, 0.4))])
    assert level(bob.sound(), 440) > 7000
    assert level(bob.sound(), 1000) < 200
    assert level(alice.sound(), 1000) > 7000
    assert level(alice.sound(), 440) < 200


def test_nobody_hears_without_a_bridge(engine: Rig) -> None:
    alice, bob = engine.join(0), engine.join(1)
    engine.talk([(alice, tone(440, 0.1))])
    assert alice.listen() == bob.listen() == []
    assert engine.control.figures(0).drops[5] == 5  # unroutable


def test_the_listener_sees_one_stream_whoever_speaks(engine: Rig) -> None:
    alice, bob = bridged(engine)
    carol = engine.join(2)
    engine.talk([(alice, tone(440, 0.1))])
    engine.control.bridge(1, 2)
    engine.advance(300)
    engine.talk([(carol, tone(600, 0.1))])
    engine.control.bridge(0, 1)
    engine.talk([(alice, tone(440, 0.1))])
    packets = bob.listen()
    assert len(packets) == 15
    assert is_continuous(packets)
    assert [p.marker for p in packets].count(True) == 3
    # The pause of 300 ms is in the timestamps, to the packet.
    assert (packets[5].timestamp - packets[4].timestamp) & 0xFFFFFFFF == 160 + 300 * 8


def test_a_new_source_of_the_same_phone_is_taken_and_renumbered(engine: Rig) -> None:
    alice, bob = bridged(engine)
    engine.talk([(alice, tone(440, 0.1))])
    alice.ssrc, alice.sequence, alice.timestamp = 7, 40000, 123
    engine.talk([(alice, tone(440, 0.1))])
    packets = bob.listen()
    assert len(packets) == 10
    assert is_continuous(packets)


def test_losses_and_reordering_of_the_sender_stay_visible(engine: Rig) -> None:
    alice, bob = bridged(engine)
    packets = [alice.packet(bytes(160)) for _ in range(1)]
    for number in range(1, 6):
        packets.append(
            Packet(
                payload_type=0,
                sequence_number=(alice.sequence + number) & 0xFFFF,
                timestamp=(alice.timestamp + 160 * number) & 0xFFFFFFFF,
                ssrc=alice.ssrc,
                payload=bytes((number,)) * 160,
            )
        )
    for number in (0, 1, 4, 3, 5):  # 2 is lost, 3 and 4 change places
        alice.throw(packets[number].serialise())
        engine.advance()
    heard_packets = bob.listen()
    first = heard_packets[0]
    order = [(p.sequence_number - first.sequence_number) & 0xFFFF for p in heard_packets]
    times = [(p.timestamp - first.timestamp) & 0xFFFFFFFF for p in heard_packets]
    assert order == [0, 1, 4, 3, 5]
    assert times == [160 * number for number in order]


def test_sequence_numbers_and_timestamps_wrap(engine: Rig) -> None:
    alice, bob = bridged(engine)
    alice.sequence, alice.timestamp = 0xFFFE, 0xFFFFFFFF - 200
    engine.talk([(alice, tone(440, 0.2))])
    assert is_continuous(bob.listen())
    figures = engine.control.figures(0)
    assert (figures.received, figures.lost) == (10, 0)


@pytest.mark.parametrize("first", ["pcmu", "pcma"])
def test_laws_are_translated_when_the_legs_differ(engine: Rig, first: str) -> None:
    mine, theirs = (Law.ULAW, Law.ALAW) if first == "pcmu" else (Law.ALAW, Law.ULAW)
    alice = engine.join(0, codec="pcmu" if mine is Law.ULAW else "pcma")
    bob = engine.join(1, codec="pcma" if mine is Law.ULAW else "pcmu")
    engine.control.bridge(0, 1)
    engine.talk([(alice, tone(440, 0.3, mine)), (bob, tone(1000, 0.3, theirs))])
    assert level(bob.sound(theirs), 440) > 7000
    assert level(alice.sound(mine), 1000) > 7000
    assert {p.payload_type for p in bob.heard} == {bob.payload_type}


def test_payload_types_are_each_legs_own(engine: Rig) -> None:
    alice, bob = engine.phone(payload_type=0), engine.phone(payload_type=96, event_type=97)
    for leg, phone in enumerate((alice, bob)):
        phone.target = ("127.0.0.1", engine.open(leg))
        engine.update(leg, phone, event_type=phone.event_type)
    engine.control.bridge(0, 1)
    engine.advance()
    engine.talk([(alice, tone(440, 0.1)), (bob, tone(440, 0.1))])
    alice.press("5")
    engine.advance()
    assert {p.payload_type for p in alice.listen()} == {0}
    assert {p.payload_type for p in bob.listen()} == {96, 97}


def test_what_a_header_carries_beside_the_sound_is_not_passed_on(engine: Rig) -> None:
    alice, bob = bridged(engine)
    rich = Packet(
        payload_type=0,
        sequence_number=1,
        timestamp=2,
        ssrc=3,
        payload=bytes(range(160)),
        csrc=(9, 10),
        extension=(0xBEDE, b"topology"),
        padding=4,
    )
    alice.throw(rich.serialise())
    engine.advance()
    (packet,) = bob.listen()
    assert packet.payload == rich.payload
    assert (packet.csrc, packet.extension, packet.padding) == ((), None, 0)


@pytest.mark.parametrize(
    ("direction", "hears", "speaks"),
    [("sendrecv", True, True), ("sendonly", True, False), ("recvonly", False, True), ("inactive", False, False)],
)
def test_direction_is_ours_and_is_kept(engine: Rig, direction: str, hears: bool, speaks: bool) -> None:
    alice, bob = bridged(engine)
    match direction:
        case "sendonly" | "recvonly" | "inactive" | "sendrecv":
            engine.update(0, alice, direction=direction)
    engine.talk([(alice, tone(440, 0.1)), (bob, tone(1000, 0.1))])
    assert bool(alice.listen()) is hears
    assert bool(bob.listen()) is speaks


def test_a_hold_is_no_loss(engine: Rig) -> None:
    alice, bob = bridged(engine)
    engine.talk([(alice, tone(440, 0.1))])
    engine.update(1, bob, direction="inactive")
    engine.talk([(alice, tone(440, 0.4))])
    engine.update(1, bob)
    engine.talk([(alice, tone(440, 0.1))])
    engine.update(0, alice, direction="sendonly")
    engine.talk([(alice, tone(440, 0.4))])
    engine.update(0, alice)
    engine.talk([(alice, tone(440, 0.1))])
    packets = bob.listen()
    assert len(packets) == 15
    assert is_continuous(packets)


def test_unknown_payload_types_are_dropped_and_counted(engine: Rig) -> None:
    alice, bob = bridged(engine)
    alice.send(bytes(160), payload_type=13)
    alice.send(bytes(160), payload_type=9)
    engine.advance()
    assert bob.listen() == []
    assert engine.control.figures(0).drops[3] == 2


def test_nothing_is_sent_to_groups_or_to_nobody(engine: Rig) -> None:
    alice, bob = bridged(engine)
    for address in ("0.0.0.0", "239.1.2.3", "255.255.255.255"):
        engine.update(1, bob, address=address, sources=())
        engine.talk([(alice, tone(440, 0.1))])
    assert engine.control.figures(1).sent == 0


def test_a_leg_that_is_closed_is_left_alone(engine: Rig) -> None:
    alice, bob = bridged(engine)
    engine.talk([(alice, tone(440, 0.1))])
    engine.control.close_leg(1)
    bob.listen()
    engine.talk([(alice, tone(440, 0.1)), (bob, tone(440, 0.1))])
    assert bob.listen() == alice.listen() == []


def test_silence_is_silence(engine: Rig) -> None:
    alice, bob = bridged(engine)
    engine.talk([(alice, bytes((SILENCE[Law.ULAW],)) * 800)])
    assert heard(b"".join(p.payload for p in bob.listen()), 440) < 1
