"""How many facts a second the spool accepts, and how many reach PostgreSQL with all that is made of them.

The facts are those of whole calls, two hundred at once: three in four answered, held and recorded, the others missed
and owed. PostgreSQL is the embedded one as the product runs it, on a disk, with fsync.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path

from crm_core.database import migrate, open_pool
from crm_core.fact_codec import AnyFact
from crm_core.ledger import LedgerWriter
from crm_core.spool import Spool
from dzvin.postgres import EmbeddedPostgres
from tests.bench import processor
from tests.crm_core.company import MORNING, Telling, found_company, missed_call
from tests.support.database import remove_cluster

AT_ONCE = 200  # calls
ACCEPTED, WRITTEN = 10_000, 2_000  # facts a second that are promised


def story(number: int) -> Sequence[AnyFact]:
    customer, at = f"+38050{number % 100_000:07}", MORNING + timedelta(seconds=number)
    if number % 4 == 0:
        return missed_call(customer, at=at, rang="1003").facts
    telling = Telling(at).inbound(customer).to_line().rings("1003").answered("1003").recorded()
    telling = telling.held("1003", 5).talked("1003", 60).ended().recording_ready()
    return telling.measured("1003").measured(None).facts


def facts(count: int) -> Iterator[AnyFact]:
    """Of calls that go on at the same time, so that a batch holds facts of many."""
    made, number = 0, 0
    while made < count:
        stories = [story(number + each) for each in range(AT_ONCE)]
        number += AT_ONCE
        for together in zip_longest(*stories):
            for fact in together:
                if fact is not None:
                    yield fact
                    made += 1


def accept(spool: Spool, told: Sequence[AnyFact]) -> float:
    """Facts a second, one after the other as fast as they are taken."""
    since, worked, longest = time.perf_counter(), time.process_time(), 0.0
    for fact in told:
        before = time.perf_counter()
        spool.append(fact)
        longest = max(longest, time.perf_counter() - before)
    lasted, worked = time.perf_counter() - since, time.process_time() - worked
    rate = len(told) / lasted
    print(
        f"spool: {len(told)} facts in {lasted:.2f} s: {rate:.0f} a second, {worked / lasted:.0%} of a processor; "
        f"the longest took {1000 * longest:.1f} ms"
    )
    return rate


async def write(postgres: EmbeddedPostgres, url: str, spool: Spool) -> float:
    """Facts a second from the spool to a committed transaction."""
    pool = await open_pool(url, min_size=1)
    try:
        await migrate(pool)
        async with pool.acquire() as conn:
            await found_company(conn)
        waiting = spool.pending
        assert postgres.pid is not None
        since, ours, theirs = time.perf_counter(), time.process_time(), processor.seconds([postgres.pid])
        writer = LedgerWriter(pool, spool)
        task = asyncio.create_task(writer.run())
        await writer.drained()
        lasted = time.perf_counter() - since
        ours, theirs = time.process_time() - ours, processor.seconds([postgres.pid]) - theirs
        task.cancel()
        await asyncio.wait([task])
        async with pool.acquire() as conn:
            told = await conn.fetchval("SELECT count(*) FROM ledger")
            events = await conn.fetchval("SELECT count(*) FROM event")
        assert told == waiting, f"{told} of {waiting} facts are in the ledger"
    finally:
        await pool.close()
    rate = waiting / lasted
    print(
        f"PostgreSQL: {waiting} facts in {lasted:.1f} s: {rate:.0f} a second with {events} Events; "
        f"processor: {ours / lasted:.0%} the writer, {theirs / lasted:.0%} PostgreSQL"
    )
    return rate


async def bench(folder: Path, count: int) -> bool:
    """Whether both promises are kept."""
    postgres = EmbeddedPostgres(folder / "data")
    try:
        url = await postgres.start()
        told = list(facts(count))
        spool = Spool(folder / "spool")
        accepted = accept(spool, told)
        written = await write(postgres, url, spool)
        spool.close()
    finally:
        await postgres.stop()
        remove_cluster(folder / "data")
    return accepted >= ACCEPTED and written >= WRITTEN


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ledger", description=__doc__)
    parser.add_argument("--facts", type=int, default=50_000)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dzvin-bench-"))
    folder.chmod(0o755)  # root's server runs as another account
    try:
        kept = asyncio.run(bench(folder, given.facts))
    finally:
        shutil.rmtree(folder)
    print(f"{os.cpu_count()} processors; promised: {ACCEPTED} accepted, {WRITTEN} written a second")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
