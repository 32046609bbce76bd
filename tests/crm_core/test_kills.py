"""Exactly once, with kills at random moments: the writer's process, and the whole server."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from crm_core import calls, events, follow_ups
from crm_core.database import Connection, migrate, open_pool
from crm_core.events import EventFilter, View
from crm_core.ledger import LedgerWriter
from crm_core.spool import Spool
from dzvin.postgres import EmbeddedPostgres
from tests.crm_core.company import MORNING, answered_call, found_company, missed_call
from tests.support.database import FAST, remove_cluster

REPOSITORY = Path(__file__).parents[2]
WRITER = """
import asyncio, sys
from pathlib import Path
from crm_core.database import open_pool
from crm_core.ledger import LedgerWriter
from crm_core.spool import Spool

async def main() -> None:
    pool = await open_pool(sys.argv[1], min_size=1)
    spool = Spool(Path(sys.argv[2]))
    writer = LedgerWriter(pool, spool)
    task = asyncio.create_task(writer.run())
    print("writing", flush=True)
    await writer.drained()
    task.cancel()
    await asyncio.wait([task])
    await pool.close()
    spool.close()

asyncio.run(main())
"""


async def write_and_perhaps_die(url: str, folder: Path, after: float | None) -> int:
    """Run a writer in its own process; kill it `after` so many seconds of writing. Returns its exit status."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, url, str(folder), cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"writing\n"
    if after is not None:
        await asyncio.sleep(after)  # the random moment
        if process.returncode is None:
            process.kill()
    return await process.wait()


@pytest.mark.slow
async def test_a_writer_killed_at_random_moments_writes_everything_once(
    conn: Connection, database_url: str, tmp_path: Path
) -> None:
    people = await found_company(conn)
    numbers = [f"+38050111{number:04}" for number in range(100)]
    spool = Spool(tmp_path)
    facts = [
        fact
        for round_ in range(3)
        for number in numbers
        for fact in missed_call(number, at=MORNING + timedelta(hours=round_), rang="1003").facts
    ]
    for fact in facts:
        spool.append(fact)
    spool.close()
    moments = random.Random(os.environ.get("PYTEST_RANDOM_SEED", "dzvin"))
    killed = 0
    while status := await write_and_perhaps_die(
        database_url, tmp_path, moments.uniform(0.005, 0.15) if killed < 6 else None
    ):
        assert status == -9
        killed += 1
    assert [row["id"] for row in await conn.fetch("SELECT id FROM ledger ORDER BY seq")] == [fact.id for fact in facts]
    open_ = await follow_ups.open_list(conn, people["borys"])
    assert sorted(each.phone for each in open_) == numbers
    assert {each.missed_count for each in open_} == {3}
    assert (await events.register(conn, people["borys"], EventFilter(view=View.UNANSWERED))).total == 300
    assert await calls.unfinished(conn) == []


@pytest.fixture
async def own_server() -> AsyncIterator[EmbeddedPostgres]:
    """A server that the test may kill."""
    folder = Path(tempfile.mkdtemp(prefix="dzvin-test-"))
    server = EmbeddedPostgres(folder, settings=FAST)
    yield server
    await server.stop()
    remove_cluster(folder)
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
async def test_a_server_that_goes_away_in_the_middle_costs_only_lateness(
    own_server: EmbeddedPostgres, tmp_path: Path, kill: bool
) -> None:
    url = await own_server.start()
    pool = await open_pool(url, min_size=1)
    await migrate(pool)
    async with pool.acquire() as conn:
        people = await found_company(conn)
    spool = Spool(tmp_path)
    writer = LedgerWriter(pool, spool)
    task = asyncio.create_task(writer.run())
    written = []
    for number in range(300):
        story = answered_call(f"+38050111{number:04}").facts
        written += story
        for fact in story:
            spool.append(fact)
        if number == 100:
            if kill and own_server.pid:
                os.kill(own_server.pid, 9)
                await own_server.wait()
            else:
                await own_server.stop()
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        while not writer.troubles:
            await asyncio.sleep(0.01)
    assert spool.pending > 0
    assert await own_server.start() == url
    async with asyncio.timeout(60):
        await writer.drained()
    task.cancel()
    await asyncio.wait([task])
    reader = await asyncpg.connect(url)
    assert [row["id"] for row in await reader.fetch("SELECT id FROM ledger ORDER BY seq")] == [
        each.id for each in written
    ]
    assert (await events.register(reader, people["borys"])).total == 300
    assert writer.set_aside == 0
    await reader.close()
    await pool.close()
    spool.close()
