"""Strangers at the RTP and RTCP ports of a live call: sprays in the three situations of RTP Bleed, and datagrams of all
kinds, random and spoiled ones.

The call is bridged and recorded, and SDP names the right addresses. What strangers send that is well-formed carries a
sound that nobody else makes, so that one octet of it in anybody's ear or in the recording is seen.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from pbx.media.engine_numbers import STRANGER
from pbx.media.reports import LOOKS, Reports, ReportState
from pbx.rtp import rtcp
from pbx.rtp.g711 import Law
from pbx.rtp.packet import Packet
from pbx.rtp.rtcp import Goodbye, ReceiverReport, ReportBlock, SenderReport
from tests.pbx.media.rig import HOST, MILLISECOND, Phone, Rig, rig, udp
from tests.pbx.media.tones import level, tone

Situation = Literal["before", "during", "after"]
SITUATIONS: tuple[Situation, ...] = ("before", "during", "after")
FOREIGN = b"\x2a" * 160  # loud, and in no sound of the phones
TRACE = FOREIGN[:8]  # so much of it in a row is no chance
SPRAY = 10  # packets of one spray to each port
HOSTS = (HOST, "127.0.0.77")  # behind the phones' own address, and elsewhere
QUIET_MS = 30_000  # a phone is dead


@dataclass(slots=True)
class Outcome:
    sprayed: int = 0  # datagrams of strangers
    refused: int = 0  # of those, counted as strangers' by the engine
    to_strangers: int = 0  # packets that went to them
    overheard: int = 0  # packets with their sound that a phone heard
    recorded: int = 0  # pieces of the recording with their sound
    faults: int = 0
    levels: tuple[float, float] = 0.0, 0.0  # what each phone heard of the other at last; a tone's own is 8000

    @property
    def is_harmless(self) -> bool:
        leaks = self.to_strangers + self.overheard + self.recorded + self.faults
        return not leaks and min(self.levels) > 7000


@dataclass(slots=True)
class Stage:
    """A call of two phones, and strangers around it."""

    engine: Rig
    outcome: Outcome = field(default_factory=Outcome)
    alice: Phone = field(init=False)
    bob: Phone = field(init=False)
    strangers: list[Phone] = field(init=False)
    ports: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.ports = [self.engine.open(0), self.engine.open(1)]
        self.alice, self.bob = self.engine.phone(), self.engine.phone()
        self.strangers = [self.engine.phone(host=host) for host in HOSTS]

    def set_up(self) -> None:
        for leg, phone in enumerate((self.alice, self.bob)):
            self.engine.update(leg, phone)
            phone.target = (HOST, self.ports[leg])
        self.engine.control.bridge(0, 1)
        self.engine.record(0, 0, 1, Law.ULAW)
        self.engine.advance()

    def talk(self, seconds: float = 0.02) -> None:
        self.engine.talk([(self.alice, tone(440, seconds)), (self.bob, tone(1000, seconds))])
        self.look()

    def spray(self) -> None:
        """A steady, well-formed stream to every port from each stranger."""
        for stranger in self.strangers:
            for _ in range(SPRAY):
                for port in self.ports:
                    stranger.target = (HOST, port)
                    stranger.throw(stranger.packet(FOREIGN).serialise())
                    self.outcome.sprayed += 1
                stranger.sequence = (stranger.sequence + 1) & 0xFFFF
                stranger.timestamp = (stranger.timestamp + 160) & 0xFFFFFFFF
            self.engine.advance()

    def look(self) -> None:
        """Count what leaked, and forget it."""
        for phone in (self.alice, self.bob):
            self.outcome.overheard += sum(TRACE in packet.payload for packet in phone.listen())
            phone.heard.clear()
        for stranger in self.strangers:
            self.outcome.to_strangers += len(stranger.listen())
            stranger.heard.clear()
        recordings = self.engine.control.recordings
        while (count := recordings.ripe(0, self.engine.now)) > 0:
            self.outcome.recorded += sum(TRACE in channel for channel in recordings.drain(0, count))

    def end(self) -> Outcome:
        """One more second of talk, and all counts."""
        self.look()
        self.engine.talk([(self.alice, tone(440, 0.5)), (self.bob, tone(1000, 0.5))])
        self.outcome.levels = level(self.bob.sound(), 440), level(self.alice.sound(), 1000)
        self.look()
        self.outcome.faults = self.engine.control.engine.faults()
        self.outcome.refused = sum(self.engine.control.figures(leg).drops[STRANGER] for leg in (0, 1))
        return self.outcome


def spray(kind: str, situation: Situation, sprays: int) -> Outcome:
    """So many sprays before the call is set up, while it talks, or when its phones are dead. Afterwards the phones talk
    again: the call must be unharmed."""
    with rig(kind) as engine:
        stage = Stage(engine)
        if situation != "before":
            stage.set_up()
            stage.talk(0.2)
        if situation == "after":
            engine.advance(QUIET_MS, step=100)
        for number in range(sprays):
            stage.spray()
            if situation == "during":
                stage.talk()
            elif number % 50 == 0:
                engine.advance(20)
                stage.look()
        if situation == "before":
            stage.set_up()
            stage.spray()
        return stage.end()


# ---- datagrams of all kinds ------------------------------------------------------------------------------------------


def datagram(dice: random.Random, phone: Phone, payload: bytes) -> bytes:
    """Nonsense, and what looks nearly right."""
    match dice.randrange(6):
        case 0:
            return dice.randbytes(dice.randrange(40))
        case 1:
            return dice.randbytes(dice.choice((100, 1500, 9000)))
        case 2:
            return bytes((0x80 | dice.randrange(64), dice.randrange(256))) + dice.randbytes(dice.randrange(300))
        case 3:
            return bytes((0x80 | dice.randrange(64), dice.choice((0, 101)))) + dice.randbytes(dice.randrange(60))
        case 4:
            good = bytearray(phone.packet(payload).serialise())
            good[dice.randrange(len(good))] = dice.randrange(256)
            return bytes(good)
        case _:
            return Packet(
                payload_type=dice.choice((0, 8, 101, 13)),
                sequence_number=dice.getrandbits(16),
                timestamp=dice.getrandbits(32),
                ssrc=dice.choice((phone.ssrc, dice.getrandbits(32))),
                payload=payload[: dice.choice((0, 1, 3, 4, 160))],
                csrc=tuple(range(dice.randrange(16))),
                extension=(dice.getrandbits(16), bytes(4 * dice.randrange(8))) if dice.random() < 0.5 else None,
                padding=dice.randrange(8),
            ).serialise()


def fuzz(kind: str, count: int, seed: int) -> Outcome:
    """So many datagrams at a call that talks: three of four from strangers, the fourth from a phone itself, which may
    spoil its own sound and nothing else."""
    dice = random.Random(seed)
    with rig(kind) as engine:
        stage = Stage(engine)
        stage.set_up()
        stage.talk(0.1)
        for number in range(count):
            sender = (*stage.strangers, stage.strangers[0], stage.alice)[number % 4]
            if sender is not stage.alice:
                sender.target = (HOST, stage.ports[number // 4 % 2])
                stage.outcome.sprayed += 1
            sender.throw(datagram(dice, sender, FOREIGN if sender is not stage.alice else bytes(160)))
            if number % 8 == 7:
                engine.now += MILLISECOND
                for _ in range(8):
                    engine.control.engine.step(engine.now)
            if number % 400 == 399:
                stage.talk()
                engine.control.events()
        return stage.end()


# ---- RTCP ------------------------------------------------------------------------------------------------------------


def forgeries(dice: random.Random, state: ReportState, ours: int, theirs: int) -> Iterator[bytes]:
    """Well-formed reports with every number right, and the same spoiled."""
    block = ReportBlock(
        ssrc=ours, fraction_lost=255, lost=9999, highest_sequence=1, jitter=99999,
        last_sender_report=state.sent_reports[-1] if state.sent_reports else 1, delay=0,
    )  # fmt: skip
    whole = rtcp.serialise((
        SenderReport(ssrc=theirs, ntp=dice.getrandbits(64), timestamp=0, packets=1, octets=1, blocks=(block,)),
        ReceiverReport(ssrc=theirs, blocks=(block,)),
        Goodbye((theirs, ours)),
    ))  # fmt: skip
    while True:
        spoiled = bytearray(whole)
        for _ in range(dice.randrange(3)):
            spoiled[dice.randrange(len(spoiled))] = dice.randrange(256)
        yield bytes(spoiled[: dice.choice((len(spoiled), dice.randrange(len(spoiled) + 1)))])


async def fuzz_rtcp(count: int, seed: int) -> int:
    """So many forged RTCP datagrams at a leg that reports; how many of its figures they have changed (none shall)."""
    from tests.pbx.media.test_reports import OURS, THEIRS, figures

    dice = random.Random(seed)
    far, ours, strangers = udp(), udp(), [udp(host) for host in HOSTS]
    reports = Reports(lambda _leg: figures())
    reports.open(0, ours)
    reports.point(0, HOST, far.getsockname()[1])
    state = reports.state(0)
    state.due = 0.0
    reports.tick()
    state.due = time.monotonic() + 1e6
    before = replace(state)
    forged = forgeries(dice, state, OURS, THEIRS)
    try:
        for number in range(count):
            strangers[number % 2].sendto(next(forged), ours.getsockname())
            if number % (LOOKS // 2) == 0:
                await asyncio.sleep(0)
                reports.tick()
        await asyncio.sleep(0.01)
        reports.tick()
        after = replace(state, looks=before.looks, deaf=before.deaf)
        changed: int = sum(getattr(after, name) != getattr(before, name) for name in ReportState.__slots__)
        leaked = 0
        for stranger in strangers:
            try:
                stranger.recv(2048)
                leaked += 1
            except BlockingIOError:
                pass
        return changed + leaked
    finally:
        reports.close(0)
        for sock in (far, ours, *strangers):
            sock.close()
