"""What breaks while people talk: the database goes or hangs, a media worker dies, everything is stopped and started."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.day.faults import refusing
from tests.scenarios.company import HEARD, Company, connect, hear_each_other
from tests.support import tones
from tests.support.deadlines import eventually, until
from tests.support.leaks import nothing_left
from tests.support.server import Server, gone, running_dzvin, start, stop

FACTS_IN_ORDER = """
    SELECT c.sip_call_id, array_agg(l.kind ORDER BY l.seq) AS kinds, array_agg(l.at ORDER BY l.seq) AS times
      FROM ledger l JOIN call c ON c.id = l.call_id WHERE c.sip_call_id = ANY($1::text[])
     GROUP BY c.id ORDER BY min(l.seq)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_dzvin(tmp_path_factory.mktemp("faults") / "data") as server:
        yield server


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


@asynccontextmanager
async def hung(pid: int) -> AsyncIterator[None]:
    """The processes are there and do nothing: worse than gone, since nobody is told."""
    stopped = family(pid)
    for one in stopped:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in stopped:
            os.kill(one, signal.SIGCONT)


async def test_calls_go_on_while_the_database_hangs(server: Server) -> None:
    """Rule 1: signalling and audio never wait for PostgreSQL; the live panel does not either."""
    assert server.pids.database
    async with (
        nothing_left(server),
        Company(server) as company,
        server.sign_in("supervisor") as panel,
        panel.live() as live,
    ):
        known = {row["id"] for row in await panel.events()}
        anna, boris = await company.phone("1001"), await company.phone("1002")
        async with hung(server.pids.database):
            talk = await connect(anna, boris, "1002")
            await live.call("talking")
            await hear_each_other(talk.caller, talk.callee)
            await talk.caller.hang_up()
            await talk.callee.ended()
            await live.call("ended")
            assert (await server.metrics())["dzvin_spool_facts"] > 0
        await server.settled(60)
        event = await panel.event(lambda row: row["id"] not in known and row["type"] == "incoming_call", 60)
        assert event["answered_at"] and event["ended_at"]


async def test_calls_go_on_while_the_database_is_gone(server: Server) -> None:
    async with Company(server) as company:
        anna, boris = await company.phone("1001"), await company.phone("1002")
        assert server.pids.database
        os.kill(server.pids.database, signal.SIGKILL)
        await gone(server.pids.database)
        talk = await connect(anna, boris, "1002")
        await hear_each_other(talk.caller, talk.callee)
        await talk.caller.hang_up()
        await talk.callee.ended()
        await server.settled(60)
        async with server.database() as conn:
            told = await conn.fetchval("SELECT count(*) FROM ledger WHERE kind = 'CallEnded'")
            assert told == await conn.fetchval("SELECT count(DISTINCT call_id) FROM event WHERE call_id IS NOT NULL")


async def test_calls_go_on_while_the_database_refuses_and_their_facts_come_in_order(server: Server) -> None:
    async with Company(server) as company:
        anna, boris = await company.phone("1001"), await company.phone("1002")
        async with refusing(server):
            talks = []
            for _ in range(3):
                talk = await connect(anna, boris, "1002")
                await talk.caller.hang_up()
                await talk.callee.ended()
                talks.append(talk.caller.sip_call_id)
            assert (await server.metrics())["dzvin_spool_facts"] > 0
        await server.settled(60)
        async with server.database() as conn:
            rows = await conn.fetch(FACTS_IN_ORDER, talks)
    assert [row["sip_call_id"] for row in rows] == talks
    for row in rows:
        assert row["times"] == sorted(row["times"])
        kinds = [kind for kind in row["kinds"] if kind in ("CallStarted", "CallAnswered", "CallEnded")]
        assert kinds == ["CallStarted", "CallAnswered", "CallEnded"]


async def test_a_killed_media_worker_ends_its_calls_and_is_replaced(server: Server) -> None:
    async with Company(server) as company, server.sign_in("admin") as panel:
        known = {row["id"] for row in await panel.events()}
        anna, boris = await company.phone("1001"), await company.phone("1002")
        talk = await connect(anna, boris, "1002")
        await hear_each_other(talk.caller, talk.callee)
        os.kill(server.pids.media[0], signal.SIGKILL)
        await asyncio.gather(talk.caller.ended(), talk.callee.ended())

        async def health() -> int:
            return (await panel.client.get("/health")).status_code

        await eventually("a worker is there again", health, lambda status: status == 200)
        again = await connect(anna, boris, "1002")
        await hear_each_other(again.caller, again.callee)
        await again.caller.hang_up()
        await again.callee.ended()

        async def recordings() -> list[str]:
            rows = await panel.events()
            return [str(row["recording_id"]) for row in rows if row["id"] not in known and row["recording_id"]]

        # What the dead worker had written plays too: a recording is whole up to its last half second.
        for recording in await eventually("both calls have a recording", recordings, lambda found: len(found) == 2):
            left, right = await panel.recording(recording)
            assert tones.level(left, 440) > HEARD
            assert tones.level(right, 1000) > HEARD


async def test_a_stop_ends_calls_and_a_second_start_knows_everything(tmp_path: Path) -> None:
    server = await asyncio.to_thread(start, tmp_path / "data")
    try:
        async with Company(server) as company:
            anna, boris = await company.phone("1001"), await company.phone("1002")
            talk = await connect(anna, boris, "1002")
            stopping = asyncio.create_task(asyncio.to_thread(stop, server))
            await asyncio.gather(talk.caller.ended(20), talk.callee.ended(20), stopping)
            overrides = {"DZVIN_SIP__UDP": f"127.0.0.1:{server.sip[1]}"}
            server = await asyncio.to_thread(start, tmp_path / "data", overrides=overrides)
            again = await connect(anna, boris, "1002")
            await hear_each_other(again.caller, again.callee)
            await again.caller.hang_up()
            await again.callee.ended()
            async with server.sign_in("admin") as panel:
                calls = [row for row in await panel.events() if row["type"] == "incoming_call"]
                assert len(calls) == 2
    finally:
        await asyncio.to_thread(stop, server)
    await until("nobody is left", lambda: not any(Path(f"/proc/{pid}").exists() for pid in server.pids.media))
