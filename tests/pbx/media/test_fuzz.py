"""Invariant: whatever comes in, the engine goes on, sends nothing to strangers, and has no fault of its own."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

import pytest

from pbx.media import engine_numbers as numbers
from pbx.media.engine_control import PLAYBACK_ENDS
from pbx.rtp.g711 import Law
from pbx.rtp.packet import Packet
from tests.pbx.media.rig import Phone, Rig
from tests.pbx.media.tones import level, tone

DATAGRAMS = 60_000


def datagram(dice: random.Random, phone: Phone) -> bytes:
    """Nonsense, and what looks nearly right."""
    match dice.randrange(6):
        case 0:
            return dice.randbytes(dice.randrange(40))
        case 1:
            return dice.randbytes(dice.randrange(9000))
        case 2:
            return bytes((0x80 | dice.randrange(64), dice.randrange(256))) + dice.randbytes(dice.randrange(300))
        case 3:
            return bytes((0x80 | dice.randrange(64), dice.choice((0, 101)))) + dice.randbytes(dice.randrange(60))
        case 4:
            good = bytearray(phone.packet(dice.randbytes(160)).serialise())
            good[dice.randrange(len(good))] = dice.randrange(256)
            return bytes(good)
        case _:
            return Packet(
                payload_type=dice.choice((0, 8, 101, 13)),
                sequence_number=dice.getrandbits(16),
                timestamp=dice.getrandbits(32),
                ssrc=dice.getrandbits(32),
                payload=dice.randbytes(dice.choice((0, 1, 3, 4, 160, 1400))),
                csrc=tuple(range(dice.randrange(16))),
                extension=(dice.getrandbits(16), bytes(4 * dice.randrange(8))) if dice.random() < 0.5 else None,
                padding=dice.randrange(8),
            ).serialise()


def test_random_datagrams_leave_it_alive(engine: Rig) -> None:
    dice = random.Random(1)
    alice, bob, stranger = engine.join(0), engine.join(1), engine.phone()
    engine.control.bridge(0, 1)
    engine.record(0, 0, 1, Law.ULAW)
    engine.advance()
    stranger.target = alice.target
    for number in range(DATAGRAMS):
        sender = (alice, alice, bob, stranger)[number % 4]
        sender.throw(datagram(dice, sender))
        if number % 8 == 7:
            engine.now += 1_000_000
            for _ in range(8):
                engine.control.engine.step(engine.now)
        if number % 2000 == 0:
            engine.control.recordings.drain(0, max(0, engine.control.recordings.ripe(0, engine.now)))
            alice.listen()
            bob.listen()
            engine.control.events()
    engine.advance(20)
    assert stranger.listen() == []
    assert engine.control.engine.faults() == 0
    drops = engine.control.figures(0).drops
    assert drops[numbers.MALFORMED] > 1000
    assert drops[numbers.OVERSIZED] > 1000
    assert drops[numbers.STRANGER] == DATAGRAMS // 4
    bob.listen()
    bob.heard.clear()
    engine.talk([(alice, tone(440, 0.3))])
    assert level(bob.sound(), 440) > 7000


def row(dice: random.Random) -> tuple[int, ...]:
    """A command of a room: mostly of numbers that there are, sometimes of any."""
    wild = dice.random() < 0.1
    what = dice.randrange(numbers.ROOM_OPEN, numbers.ROOM_STOP_PLAY + 1)
    lowest = numbers.NONE if what == numbers.GAIN else 0
    given = [dice.randrange(dice.randrange(1, 1 << 40)) if wild else dice.randrange(lowest, 6) for _ in range(3)]
    if what == numbers.ROOM_STOP_PLAY:
        given[2] %= len(PLAYBACK_ENDS)  # why: the control's own number
    gains = [dice.choice((0, 100, 256, 256, 5000, -7)) for _ in range(8)]
    return what, abs(given[0]), *given[1:], *gains


def test_random_commands_of_rooms_and_random_packets_leave_it_alive(
    engine: Rig, unraisable: list[BaseException | None]
) -> None:
    """Legs that are untouched by it hear each other all the while."""
    dice = random.Random(2)
    phones = [engine.join(leg) for leg in range(4)]
    alice, bob = engine.join(10), engine.join(11)
    engine.control.bridge(10, 11)
    engine.control.store_prompt(0, tone(600, 1.0))
    for number in range(4000):
        assert engine.control.engine.command(row(dice))
        phone = phones[number % 4]
        if dice.random() < 0.5:
            phone.send(dice.randbytes(dice.choice((80, 160, 160, 320))))
        else:
            phone.throw(datagram(dice, phone))
        engine.now += dice.choice((0, 1_000_000, 5_000_000))
        engine.control.engine.step(engine.now)
        if number % 500 == 0:
            engine.control.events()
            for listener in phones:
                listener.listen()
    engine.advance(40)
    assert len(unraisable) == engine.control.engine.faults()
    assert all(isinstance(error, IndexError | OverflowError | ValueError) for error in unraisable)
    engine.talk([(alice, tone(440, 0.3))])
    assert level(bob.sound(), 440) > 7000
    for room in range(4):  # and the rooms are of use again
        engine.control.close_room(room)
        engine.control.open_room(room)
    for leg in range(3):
        engine.control.join(0, leg)
    for phone in phones:
        phone.listen()
        phone.heard.clear()
    engine.talk([(phones[0], tone(440, 0.4))])
    assert level(phones[1].sound(), 440) > 5000


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException | None]]:
    """What the engine reported of its own faults."""
    reported: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: reported.append(report.exc_value))
    yield reported
    reported.clear()


def test_a_fault_of_ours_costs_one_packet_and_is_counted(engine: Rig, unraisable: list[BaseException | None]) -> None:
    """A peer number that no leg has: every packet of leg 0 runs into the bounds check, and no other leg notices."""
    broken, alice, bob = engine.join(0), engine.join(1), engine.join(2)
    engine.control.bridge(1, 2)
    engine.advance()
    engine.control.engine.command((numbers.BRIDGE, 0, 99_999))
    engine.control.engine.command((numbers.RECORD, 77_777, 0, 1))
    engine.control.engine.command((numbers.CLOSE, 77_777))
    engine.talk([(broken, tone(600, 0.1)), (alice, tone(440, 0.3))])
    assert level(bob.sound(), 440) > 7000
    faults = engine.control.engine.faults()
    assert faults >= 3
    assert len(unraisable) == faults
    assert all(isinstance(error, IndexError) for error in unraisable)


def test_a_fault_in_a_playback_silences_that_leg_only(engine: Rig, unraisable: list[BaseException | None]) -> None:
    broken, phone = engine.join(0), engine.join(1)
    engine.control.store_prompt(0, tone(440, 0.2))
    engine.control.play(0, 1, [(1 << 40, 160)], loop=True, law=Law.ULAW)
    engine.control.play(1, 2, [(0, 1600)], loop=True, law=Law.ULAW)
    engine.advance(500)
    assert broken.listen() == []
    assert level(phone.sound(), 440) > 7000
    assert engine.control.engine.faults() == len(unraisable) == 1
    assert [event for event in engine.events if getattr(event, "reason", "") == "failed"]
