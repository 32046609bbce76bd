"""Nothing is left behind: what the server holds after a scenario is exactly what it held before."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.deadlines import eventually
from tests.support.server import Server

SETTLES_WITHIN = 30.0  # seconds: less than a transaction of RFC 3261 stays after its end
LOOK_AGAIN = 0.1
ALIKE = 3  # looks in a row
GAUGES = (
    "dzvin_calls", "dzvin_sip_legs", "dzvin_media_legs", "dzvin_waiting", "dzvin_registered", "dzvin_spool_facts",
    "dzvin_tasks", "dzvin_sip_subscriptions", "dzvin_sip_publications", "dzvin_sip_messages",
)  # fmt: skip
LINGERING = ("dzvin_sip_transactions", "dzvin_sip_timers", "dzvin_sip_traces")
LINGERS = 60.0  # seconds: RFC 3261 keeps a transaction for 32 after its end, to answer what the network brings late
SEGMENT = re.compile(r"[0-9]+\.facts$")  # the spool goes on in the next file when one is full
POOL = 16
POOLED = "database"
KEPT = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
IN_USE = f"{KEPT} AND state <> 'idle'"

Holdings = dict[str, float]


async def holdings(server: Server, gauges: tuple[str, ...] = GAUGES) -> Holdings:
    """What the core and its media workers hold now: gauges, open files by kind, sockets, connections in use."""
    metrics = await server.metrics()
    held: Holdings = {name: metrics[name] for name in gauges}
    async with server.database() as conn:
        held["database connections in use"] = await conn.fetchval(IN_USE)
        kept, port = await conn.fetchval(KEPT), int(await conn.fetchval("SHOW port"))
    # A pool keeps what it has opened for some minutes; so its connections are bounded rather than counted.
    assert kept <= POOL, f"{kept} database connections"
    processes = {"core": server.pids.core} | {f"media {at}": pid for at, pid in enumerate(server.pids.media)}
    for name, pid in processes.items():
        held |= {f"{name}: {kind}": count for kind, count in await asyncio.to_thread(open_files, pid, port)}
    return held


def open_files(pid: int, database_port: int) -> list[tuple[str, int]]:
    """Open files of a process by kind, but for the connections of its database pool."""
    inodes = sockets(pid, database_port)
    kinds: Counter[str] = Counter()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue
        kind, _, inode = SEGMENT.sub(".facts", target).partition(":")
        kinds[inodes.get(inode.strip("[]"), "other socket") if kind == "socket" else kind] += 1
    kinds.pop(POOLED, None)
    return sorted(kinds.items())


def sockets(pid: int, database_port: int) -> dict[str, str]:
    """The kind of each socket by its inode, in the network that the process lives in."""
    found: dict[str, str] = {}
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]:
            columns = line.split()
            pooled = int(columns[2].rpartition(":")[2], 16) == database_port
            found[columns[9]] = POOLED if pooled else protocol
    for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]:
        found[line.split()[6]] = "unix"
    return found


@asynccontextmanager
async def nothing_left(
    server: Server, gauges: tuple[str, ...] = GAUGES, seconds: float = SETTLES_WITHIN
) -> AsyncIterator[None]:
    """Raises AssertionError that names what is held more or less than before, once it had time to settle."""
    before = await at_rest(server, gauges)
    yield
    until = asyncio.get_running_loop().time() + seconds
    # A look that has begun is finished: on a busy machine it may take as long as there is time.
    while (after := await holdings(server, gauges)) != before:
        if asyncio.get_running_loop().time() >= until:
            changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
            told = "\n".join(f"  {name}: {before.get(name, 0):g} -> {after.get(name, 0):g}" for name in sorted(changed))
            raise AssertionError(f"{seconds:g} s after the scenario the server still differs:\n{told}")
        await asyncio.sleep(LOOK_AGAIN)


async def at_rest(server: Server, gauges: tuple[str, ...]) -> Holdings:
    """What it holds when it has nothing to do. One look is not enough: what the scenario before has left for a moment
    yet, such as a connection that is being closed or a fact on its way to the database, would be counted as there for
    good, and missed afterwards."""
    looks: list[Holdings] = []

    async def look() -> Holdings:
        looks.append(await holdings(server, gauges))
        return looks[-1]

    def rests(held: Holdings) -> bool:
        busy = held["database connections in use"] or held.get("dzvin_spool_facts")
        return not busy and len(looks) >= ALIKE and all(earlier == held for earlier in looks[-ALIKE:])

    return await eventually("the server has nothing to do", look, rests, LINGERS)


async def nothing_lingers(server: Server) -> None:
    """After the last scenario: no transaction and no timer is left. Raises NotInTime."""

    async def look() -> Holdings:
        metrics = await server.metrics()
        return {name: metrics[name] for name in LINGERING}

    await eventually("transactions and timers end", look, lambda held: not any(held.values()), LINGERS)
