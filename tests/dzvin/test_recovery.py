"""What a core that starts after a kill finds open, and when it ends that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from crm_core import follow_ups
from crm_core.database import Connection, Pool
from crm_core.ledger import LedgerWriter
from crm_core.spool import Spool
from dzvin.recovery import calls_left, end_in_the_books
from tests.crm_core.company import MORNING, answered_call, found_company, missed_call, tell

CUSTOMER = "+380501110001"
KILLED = MORNING + timedelta(minutes=1)
STARTED = KILLED + timedelta(seconds=2)
LATER = KILLED + timedelta(minutes=1)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path)
    yield opened
    opened.close()


async def written(pool: Pool, spool: Spool) -> None:
    """Everything is in the database."""
    writer = asyncio.create_task(LedgerWriter(pool, spool).run())
    await spool.drained()
    writer.cancel()
    with suppress(asyncio.CancelledError):
        await writer


async def test_calls_whose_end_is_neither_in_the_database_nor_in_the_spool_are_left(
    conn: Connection, pool: Pool, spool: Spool
) -> None:
    await found_company(conn)
    in_database, in_spool = answered_call(CUSTOMER), answered_call("+380501110003")
    ended_in_spool = answered_call("+380501110002").facts
    over = missed_call("+380501110004").facts
    after_the_start = answered_call("+380501110005", at=LATER).facts
    await tell(conn, in_database.facts[:-1], ended_in_spool[:-1], over)
    for fact in (ended_in_spool[-1], *in_spool.facts[:-1], *after_the_start[:-1]):
        spool.append(fact)
    left = await calls_left(pool, spool, STARTED)
    assert {*left} == {in_database.call_id, in_spool.call_id}


async def test_a_call_that_was_cut_has_not_lasted_until_the_database_came_back(
    conn: Connection, pool: Pool, spool: Spool
) -> None:
    """Who was missed by the kill and is answered after it, while the database is away, is owed nothing."""
    people = await found_company(conn)
    cut = missed_call(CUSTOMER, at=KILLED - timedelta(seconds=5), rang="1003").facts[:-1]
    await tell(conn, cut)
    end_in_the_books(spool, await calls_left(pool, spool, STARTED), STARTED)
    for fact in answered_call(CUSTOMER, at=LATER).facts:
        spool.append(fact)
    await written(pool, spool)
    assert await follow_ups.open_list(conn, people["borys"]) == []
    ended: datetime = await conn.fetchval("SELECT ended_at FROM call WHERE outcome = 'interrupted'")
    assert ended == STARTED
