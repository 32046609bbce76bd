"""What is done to the product during the day, one thing after the other, each when so many calls have begun."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random

import asyncpg

from tests.support.deadlines import eventually
from tests.support.server import Server

BACK_WITHIN = 60.0  # seconds
LOOK_EVERY = 0.1


class Fault(StrEnum):
    CORE_KILLED = "core killed"
    DATABASE_KILLED = "database killed"
    DATABASE_REFUSES = "database refuses"
    BOTH = "core killed while the database refuses"


@dataclass(frozen=True, slots=True)
class Happened:
    """Seconds of the wall clock. `over`: the next core is ready, the database takes connections again."""

    fault: Fault
    at: float
    over: float


@dataclass(slots=True)
class Faults:
    """`refusal`: seconds for which the database is away, each time."""

    server: Server
    refusal: float
    happened: list[Happened] = field(default_factory=list)

    @property
    def kills(self) -> list[Happened]:
        return [each for each in self.happened if each.fault in (Fault.CORE_KILLED, Fault.BOTH)]

    async def follow(self, plan: list[tuple[int, Fault]], begun: Callable[[], int]) -> None:
        """`plan`: after how many calls what happens, in order."""
        for after, fault in plan:
            while begun() < after:
                await asyncio.sleep(LOOK_EVERY)
            await self._do(fault)

    async def _do(self, fault: Fault) -> None:
        at = time.time()
        match fault:
            case Fault.CORE_KILLED:
                self.server.kill_core()
                await self.server.next_ready()
            case Fault.DATABASE_KILLED:
                os.kill(database_pid(self.server), signal.SIGKILL)
                await eventually("the database is back", lambda: accepts(self.server), seconds=BACK_WITHIN)
            case Fault.DATABASE_REFUSES:
                async with refusing(self.server):
                    await asyncio.sleep(self.refusal)
            case Fault.BOTH:
                async with refusing(self.server):
                    await asyncio.sleep(self.refusal / 2)
                    at = time.time()
                    self.server.kill_core()
                    await asyncio.sleep(self.refusal / 2)
                await self.server.next_ready()
        self.happened.append(Happened(fault, at, time.time()))


def plan(random: Random, calls: int, counts: dict[Fault, int]) -> list[tuple[int, Fault]]:
    """Spread over the day, each anywhere in a part of its own, so that all of them come in each part of the day."""
    return sorted(
        (int((number + random.random()) / count * calls * 0.95), fault)
        for fault, count in counts.items()
        for number in range(count)
    )


def database_pid(server: Server) -> int:
    """The supervisor's child now: another one than at the start, when it was killed."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    (pid,) = (int(pid) for pid in children if b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0])
    return pid


async def accepts(server: Server) -> bool:
    try:
        async with server.database() as conn:
            return bool(await conn.fetchval("SELECT true"))
    except (OSError, asyncpg.PostgresError):
        return False


@asynccontextmanager
async def refusing(server: Server) -> AsyncIterator[None]:
    """The server is there and lets nobody into the product's database; who is inside is thrown out."""
    url: str = json.loads((server.data / "run.json").read_text())["database_url"]
    place, _, rest = url.rpartition("/")
    name, _, query = rest.partition("?")
    conn = await asyncpg.connect(f"{place}/template1" + (f"?{query}" if query else ""))
    try:
        await conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            await conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            yield
        finally:
            await conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    finally:
        await conn.close()
