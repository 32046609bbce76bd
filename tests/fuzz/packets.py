"""Mutated messages over UDP at the running product, from a stranger's address or from a trusted one; a phone that
registers and calls beside them must notice nothing.

From the trusted address some of the messages are calls that are let in (the load generators' door of the acceptance
file), and whoever is called there answers them, well or badly: so legs, ports and timers are made and must be gone
afterwards.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pbx.sip.errors import SipError
from pbx.sip.memo import ENTRIES
from pbx.sip.message import Request, parse
from pbx.sip.reply import reply
from tests.fuzz import framing
from tests.fuzz.corpus import a_message, seeds
from tests.fuzz.mutation import Mutator
from tests.pbx.switch import SDP
from tests.support.deadlines import eventually
from tests.support.leaks import GAUGES, LINGERING, holdings
from tests.support.phone import FakePhone
from tests.support.server import Server

STRANGER = "127.0.0.66"
TRUSTED = "127.0.0.1"
SOURCES = {"stranger": STRANGER, "trusted": TRUSTED}
LATEST = 0.1  # seconds: the 99th percentile of what a phone waits beside them
GROWTH = 0.05  # of memory
BATCH = 0.005  # seconds between two handfuls of messages
CALLS_EVERY = 150  # messages from the trusted address, one is a call that is let in
SETTLES = 180.0  # seconds: a leg without sound is dropped after some time, its transactions 32 later
SILENT_CALLS_LAST = 20  # seconds, not 60: so the product holds sooner as much at once as ever it will
WARM_UP = 60.0  # seconds, before memory is measured: calls that began are over, and their transactions gone


@dataclass(slots=True)
class Outcome:
    source: str
    warm_up: int  # messages before memory is measured
    sent: int = 0  # those among them
    options: list[float] = field(default_factory=list)  # seconds from request to answer, sorted at the end
    registrations: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)  # seconds from INVITE to its 180
    lost: int = 0  # probes without an answer
    escaped: int = 0
    restarts: int = 0
    memory: tuple[int, int] = (0, 0)  # KiB of the core after the warm-up, and the most afterwards
    left: dict[str, float] = field(default_factory=dict)

    @property
    def growth(self) -> float:
        return self.memory[1] / self.memory[0] - 1 if self.memory[0] else 0.0

    @property
    def is_broken(self) -> bool:
        harmed = self.escaped or self.restarts or self.left or self.lost
        return bool(harmed) or self.probe_p99 > LATEST or self.growth > GROWTH

    @property
    def probe_p99(self) -> float:
        return quantile([*self.options, *self.registrations, *self.calls], 0.99)

    def __str__(self) -> str:
        return (
            f"{self.sent} messages from {self.source}, {self.warm_up} of them to warm up: "
            f"{self.escaped} escaped exceptions, {self.restarts} restarts; "
            f"{len(self.options)} OPTIONS, {len(self.registrations)} registrations, {len(self.calls)} calls beside "
            f"them, {self.lost} lost, p50 {quantile(self.options, 0.5) * 1000:.1f} ms, "
            f"p99 {self.probe_p99 * 1000:.1f} ms; memory {self.memory[0]} -> {self.memory[1]} KiB "
            f"({self.growth:+.1%}); left behind: {self.left or 'nothing'}"
        )


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


async def run(
    server: Server, *, source: str, count: int, rate: float, seed: int, thorough: bool = True, tcp: bool = False
) -> Outcome:
    """Send them all, and look what has become of the server. Not `thorough`: no calls among them, no warm-up, and
    transactions may still linger afterwards; it saves two minutes. `tcp`: streams of some messages each in place of
    packets."""
    outcome, pid = Outcome(source, warm_up=round(WARM_UP * rate) if thorough else 0), server.pids.core
    count += outcome.warm_up
    gauges = (*GAUGES, *LINGERING) if thorough else GAUGES
    before = await holdings(server, gauges)
    if thorough:
        await _fill_memos(server)
    escaped = (await server.metrics())["dzvin_escaped_exceptions_total"]
    async with asyncio.TaskGroup() as group:
        probing = group.create_task(_probe(server, outcome))
        if tcp:
            await _send_streams(server, outcome, count, rate, seed)
        else:
            await _send(server, outcome, count, rate, seed, calls=thorough and source == TRUSTED)
        probing.cancel()
    at_the_end = resident(pid)
    await _settled(server, before, gauges, outcome)
    outcome.escaped = round((await server.metrics())["dzvin_escaped_exceptions_total"] - escaped)
    outcome.restarts = int(server.pids.core != pid or not Path(f"/proc/{pid}").exists())
    outcome.memory = outcome.memory[0], max(at_the_end, resident(pid))
    return outcome


# ---- the messages ----------------------------------------------------------------------------------------------------


async def _fill_memos(server: Server) -> None:
    """Send more different addresses than the product remembers (`pbx/sip/memo.py`), and as long as those of the corpus:
    what still grows afterwards grows without a bound."""
    with _bound(TRUSTED, 0) as sock:
        for number in range(round(1.2 * ENTRIES)):
            options = a_message("OPTIONS").replace(b"sip:1001@", b"sip:filler%d@" % number)
            options = options.replace(b"9fxced76sl", b"fill%d" % number).replace(b"sip:1002@", b"sip:%d@" % number)
            options = options.replace(b"z9hG4bK74bf9", b"z9hG4bKfill%d" % number)
            sock.sendto(options, server.sip)
            if number % 10 == 0:
                await asyncio.sleep(2 * BATCH)


async def _send(server: Server, outcome: Outcome, count: int, rate: float, seed: int, *, calls: bool) -> None:
    loop = asyncio.get_running_loop()
    with _bound(outcome.source, server.peer(5080) if outcome.source == TRUSTED else 0) as sock, _Callee(server):
        messages = _messages(seed, calls=calls)
        begun = loop.time()
        while outcome.sent < count:
            # After a pause of this process it does not make up for all at once: the phones live on the same loop.
            due = min(count, int((loop.time() - begun) * rate) + 1, outcome.sent + round(4 * rate * BATCH))
            while outcome.sent < due:
                with suppress(BlockingIOError, ConnectionRefusedError):
                    sock.sendto(next(messages), server.sip)
                outcome.sent += 1
                if outcome.sent == outcome.warm_up:
                    outcome.memory = resident(server.pids.core), 0
            with suppress(OSError):
                while sock.recv(65535):
                    pass
            await asyncio.sleep(BATCH)


async def _send_streams(server: Server, outcome: Outcome, count: int, rate: float, seed: int) -> None:
    """One connection for each stream: cut anywhere, closed or broken off, or left to the server to end."""
    chance, loop = random.Random(seed), asyncio.get_running_loop()
    mutator, begun = Mutator(seeds(), seed), loop.time()
    left: list[asyncio.StreamWriter] = []
    for number in range(count):
        if number == outcome.warm_up:
            outcome.memory = resident(server.pids.core), 0
        await asyncio.sleep(max(0.0, begun + number / rate - loop.time()))
        outcome.sent += 1
        with suppress(OSError):
            _, writer = await asyncio.open_connection(*server.sip, local_addr=(outcome.source, 0))
            for piece in framing.cut(b"".join(framing.pieces(mutator, chance)), chance):
                if writer.transport.is_closing():
                    break
                writer.write(piece)
            if chance.random() < 0.3:
                left = [*left[-50:], writer]
            elif chance.random() < 0.5:
                writer.transport.abort()
            else:
                writer.close()
    for writer in left:
        writer.close()


def _messages(seed: int, *, calls: bool) -> Iterator[bytes]:
    mutator, chance = Mutator(seeds(), seed), random.Random(seed)
    number = 0
    while True:
        if calls and number % CALLS_EVERY == 0:
            yield from _a_call(mutator, chance, number)
        yield mutator.message(number)
        number += 1


def _a_call(mutator: Mutator, chance: random.Random, number: int) -> Iterator[bytes]:
    """An INVITE through the door, now and then spoiled, and its CANCEL; no ACK, no BYE that would fit."""
    name = b"fuzz%d" % number
    invite = a_message("INVITE", ("Content-Type: application/sdp",), SDP.encode())
    invite = invite.replace(b"sip:1002@", b"sip:uas@").replace(b"z9hG4bK74bf9", b"z9hG4bK" + name)
    invite = invite.replace(b"3848276298220188511", name)
    yield mutator.spoiled(invite, chance) if chance.random() < 0.5 else invite
    if chance.random() < 0.5:
        cancel = invite.partition(b"Content-Type")[0].replace(b"INVITE", b"CANCEL") + b"Content-Length: 0\r\n\r\n"
        yield mutator.spoiled(cancel, chance) if chance.random() < 0.3 else cancel


class _Callee:
    """Answers what the product calls through the trunk `uas`, and spoils half of its answers."""

    def __init__(self, server: Server) -> None:
        self._socket = _bound(TRUSTED, server.peer(5070))
        self._mutator, self._chance = Mutator(seeds()), random.Random(5070)

    def __enter__(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._answer)

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def _answer(self) -> None:
        with suppress(OSError, SipError):
            data, source = self._socket.recvfrom(65535)
            request = parse(data)
            if not isinstance(request, Request) or request.method == "ACK":
                return
            status = self._chance.choice((180, 200, 200, 302, 486)) if request.method == "INVITE" else 200
            answer = reply(
                request, status, to_tag="uas", headers=[("Contact", "<sip:uas@127.0.0.1>")], body=SDP.encode(),
                content_type="application/sdp",
            ).serialise()  # fmt: skip
            if self._chance.random() < 0.5:
                answer = self._mutator.spoiled(answer, self._chance)
            self._socket.sendto(answer, source)


def _bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, port))
    return sock


# ---- the phone beside them -------------------------------------------------------------------------------------------


async def _probe(server: Server, outcome: Outcome) -> None:
    async with (
        FakePhone("1001", server=server.sip, password="pw1") as anna,
        FakePhone("1002", server=server.sip, password="pw2") as boris,
    ):
        for turn in range(1_000_000):
            try:
                outcome.options.append(await _timed(_options(anna, server)))
                if turn % 20 == 0:
                    outcome.registrations.append(await _timed(anna.register()) / 2)  # two requests
                    await boris.register()
                if turn % 50 == 0:
                    outcome.calls.append(await _call(anna, boris))
            except AssertionError:  # refused, or not in time
                outcome.lost += 1
            await asyncio.sleep(0.05)


async def _timed(work: object) -> float:
    begun = time.perf_counter()
    await work  # type: ignore[misc]  # a coroutine
    return time.perf_counter() - begun


async def _options(phone: FakePhone, server: Server) -> None:
    uri = f"sip:{server.sip[0]}"
    name = f"probe{random.getrandbits(64):x}"
    await phone.ask(phone.request("OPTIONS", uri, f"<{uri}>", name, f"<{uri}>", name, 1))


async def _call(anna: FakePhone, boris: FakePhone) -> float:
    begun = time.perf_counter()
    call = await anna.dial("1002")
    incoming = await boris.rings()
    incoming.ring()
    await call.ringing()
    took = time.perf_counter() - begun
    await incoming.answer()
    await call.answered()
    await call.hang_up()
    await incoming.ended()
    return took


# ---- afterwards ------------------------------------------------------------------------------------------------------


async def _settled(server: Server, before: dict[str, float], gauges: tuple[str, ...], outcome: Outcome) -> None:
    """Wait until the server holds what it held before; else say what it holds more."""

    async def more() -> dict[str, float]:
        after = await holdings(server, gauges)
        return {
            name: held - before.get(name, 0)
            for name, held in after.items()
            if held != before.get(name, 0) and not name.endswith(".facts")  # the spool's file of the moment
        }

    try:
        await eventually("everything is as before", more, lambda held: not held, SETTLES)
    except AssertionError:
        outcome.left = await more()


def resident(pid: int) -> int:
    """KiB of memory that a process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
