"""How calls fare while PostgreSQL hangs, refuses or is killed, measured at the phones; and when all is written after.

The same calls are played in quiet and under each fault, in turns: a customer calls a desk, which answers at once, they
talk for a moment, one hangs up. Set-up is from the customer's INVITE to the 200, teardown from the BYE to its 200. It
fails when a call fails, when the 99th percentile is beyond twice the quiet one (and beyond `NOISE`), when facts are
missing, doubled or out of order, or when they are in the database later than ten seconds after it is back.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.day.faults import accepts, database_pid, refusing
from tests.day.town import PROVIDER, Block, configuration, password
from tests.support.database import remove_cluster
from tests.support.deadlines import eventually
from tests.support.phone import FakePhone
from tests.support.phone_call import Call
from tests.support.server import Server, running_dzvin

NOISE = 0.020  # seconds: below that a percentile says what else the machine was doing
WRITTEN_WITHIN = 10.0  # seconds
PORTS = "10000-29999"
TALK = 0.6, 1.4  # seconds, so that the calls do not go in step
KILL_EVERY = 5.0  # seconds

FACTS = """
    SELECT c.sip_call_id, array_agg(l.kind ORDER BY l.seq) AS kinds, array_agg(l.at ORDER BY l.seq) AS times
      FROM ledger l JOIN call c ON c.id = l.call_id GROUP BY c.id
"""
TOLD = ["CallStarted", "CallRouted", "CallOffered", "CallRinging", "CallAnswered", "CallEnded"]


@dataclass(slots=True)
class Times:
    """Seconds, of each call."""

    setup: list[float] = field(default_factory=list)
    teardown: list[float] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        return (
            f"{name:10} {len(self.setup)} calls; set-up p50 {1000 * part(self.setup, 0.5):.1f} ms, "
            f"p99 {1000 * part(self.setup, 0.99):.1f} ms; teardown p99 {1000 * part(self.teardown, 0.99):.1f} ms"
        )


def part(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@asynccontextmanager
async def quiet(server: Server) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def hangs(server: Server) -> AsyncIterator[None]:
    """Every process of it is stopped: connections stay, nothing answers."""
    pid = database_pid(server)
    stopped = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    for one in stopped:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in stopped:
            os.kill(one, signal.SIGCONT)


@asynccontextmanager
async def killed(server: Server) -> AsyncIterator[None]:
    """Again and again; the supervisor starts it each time."""

    async def kill() -> None:
        while True:
            os.kill(database_pid(server), signal.SIGKILL)
            await asyncio.sleep(KILL_EVERY)
            await eventually("the database is back", lambda: accepts(server), seconds=60)

    killing = asyncio.create_task(kill())
    try:
        yield
    finally:
        killing.cancel()
        await asyncio.wait([killing])
    await eventually("the database is back", lambda: accepts(server), seconds=60)


Fault = Callable[[Server], AbstractAsyncContextManager[None]]
FAULTS: dict[str, Fault] = {"quiet": quiet, "hangs": hangs, "refuses": refusing, "killed": killed}


class Office:
    """Desks and a customer for each; `play` runs calls at all of them."""

    def __init__(self, server: Server, blocks: list[Block]) -> None:
        self._server = server
        self._blocks = blocks
        self._desks: list[FakePhone] = []
        self._random = Random(1)

    async def open(self, stack: AsyncExitStack) -> None:
        server = self._server
        self._provider = FakePhone("city", server=server.sip, port=server.peer(PROVIDER))
        stack.push_async_callback(self._provider.close)
        for block in self._blocks:
            desk = FakePhone(block.desk, server=server.sip, password=password(block.desk))
            stack.push_async_callback(desk.close)
            await desk.register(3600)
            self._desks.append(desk)

    async def play(self, calls: int, times: Times) -> None:
        share = calls // len(self._blocks)
        async with asyncio.TaskGroup() as group:
            for block, desk in zip(self._blocks, self._desks, strict=True):
                group.create_task(self._chain(block, desk, share, times))

    async def _chain(self, block: Block, desk: FakePhone, calls: int, times: Times) -> None:
        customer = next(block.customers())
        await asyncio.sleep(self._random.uniform(0, TALK[1]))  # calls that begin together wait for each other
        for _ in range(calls):
            since = time.perf_counter()
            call = await self._provider.dial(block.did(2), caller=customer)
            incoming = await desk.rings()
            incoming.ring()
            answering = asyncio.create_task(incoming.answer())
            await call.answered()
            times.setup.append(time.perf_counter() - since)
            await answering
            await asyncio.sleep(self._random.uniform(*TALK))
            since = time.perf_counter()
            await call.hang_up()
            times.teardown.append(time.perf_counter() - since)
            await incoming.ended()
            times.ids.append(call.sip_call_id)
            _silence(call, incoming)


def _silence(*calls: Call) -> None:
    for call in calls:
        call.audio.close()


async def measure(server: Server, given: argparse.Namespace, blocks: list[Block]) -> list[str]:
    """What is not as it should be. The faults take turns with quiet, so that whatever else the machine does meanwhile
    falls on all of them."""
    found = {name: Times() for name in FAULTS}
    late = dict.fromkeys(FAULTS, 0.0)
    async with AsyncExitStack() as stack:
        office = Office(server, blocks)
        await office.open(stack)
        await office.play(2 * len(blocks), Times())  # warm
        for _ in range(given.rounds):
            for name, fault in FAULTS.items():
                async with fault(server):
                    await office.play(given.calls // given.rounds, found[name])
                since = time.monotonic()
                await server.settled(60)
                late[name] = max(late[name], time.monotonic() - since)
    allowed = max(NOISE, 2 * part(found["quiet"].setup, 0.99))
    wrong: list[str] = []
    for name, times in found.items():
        print(f"{times.line(name)}; all written {late[name]:.1f} s after it was back, at most")
        if part(times.setup, 0.99) > allowed:
            wrong.append(f"{name}: set-up takes longer than {1000 * allowed:.1f} ms")
        if late[name] > WRITTEN_WITHIN:
            wrong.append(f"{name}: written {late[name]:.1f} s after the database was back")
    return wrong + await _facts(server, [each for times in found.values() for each in times.ids])


async def _facts(server: Server, ids: list[str]) -> list[str]:
    """Each call has its facts, each once, in the order in which they happened."""
    async with server.database() as conn:
        rows = {row["sip_call_id"]: row for row in await conn.fetch(FACTS)}
        aside = await conn.fetchval("SELECT count(*) FROM ledger_set_aside")
    wrong = [f"{aside} facts were set aside"] if aside else []
    for sip_call_id in ids:
        row = rows.get(sip_call_id)
        kinds = [kind for kind in row["kinds"] if kind in TOLD] if row else []
        if row is None or kinds != TOLD or row["times"] != sorted(row["times"]):
            wrong.append(f"facts of {sip_call_id}: {kinds}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.day.database_faults", description=__doc__)
    parser.add_argument("--calls", type=int, default=500, help="in quiet and under each fault")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=8)
    given = parser.parse_args()
    blocks = [Block(index) for index in range(given.at_once)]
    with tempfile.TemporaryDirectory(prefix="dzvin-day-") as folder:
        place = Path(folder)
        config = place / "town.toml"
        config.write_text(configuration(blocks))
        try:
            with running_dzvin(place / "data", config=config, overrides={"DZVIN_MEDIA__PORTS": PORTS}) as server:
                wrong = asyncio.run(measure(server, given, blocks))
        finally:
            remove_cluster(place / "data")
    for line in wrong:
        print(f"WRONG {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
