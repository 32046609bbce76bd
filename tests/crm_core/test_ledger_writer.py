"""From the spool to rows exactly once, whatever happens to the writer and to the data base."""

from __future__ import annotations

import asyncio
import os
import signal
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from callflow.facts import CallRinging, PartyIntroduced, PhoneOnline
from crm_core import calls, events, fact_codec, ledger
from crm_core.database import Connection, Pool
from crm_core.fact_codec import AnyFact
from crm_core.ledger import LedgerWriter
from crm_core.organisation import User
from crm_core.projection import project
from crm_core.spool import Spool
from tests.crm_core.company import MORNING, Telling, answered_call, call_back, found_company, missed_call
from tests.support.database import DatabaseServer

ANNA = "+380501112233"


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool(tmp_path / "spool")
    yield opened
    opened.close()


@asynccontextmanager
async def writing(pool: Pool, spool: Spool) -> AsyncIterator[LedgerWriter]:
    writer = LedgerWriter(pool, spool)
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=12)  # sooner than a batch gives up
        assert task.cancelled(), "the writer stops at once, whatever it waits for"


async def drained(writer: LedgerWriter, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        await writer.drained()


def append(spool: Spool, *stories: Sequence[AnyFact]) -> list[AnyFact]:
    facts = [fact for story in stories for fact in story]
    for fact in facts:
        spool.append(fact)
    return facts


async def in_ledger(conn: Connection) -> list[object]:
    return [row["id"] for row in await conn.fetch("SELECT id FROM ledger ORDER BY seq")]


async def test_every_fact_is_there_once_and_in_order(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User]
) -> None:
    stories = [answered_call(f"+38050111{number:04}").facts for number in range(60)]
    facts = append(spool, *stories)
    async with writing(pool, spool) as writer:
        await drained(writer)
        assert spool.pending == 0
        facts += append(spool, missed_call(ANNA).facts)
        await drained(writer)
    assert await in_ledger(conn) == [fact.id for fact in facts]
    assert (await events.register(conn, people["borys"])).total == 61


async def test_facts_of_many_calls_at_once_keep_their_order_in_each_call(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User]
) -> None:
    stories = [answered_call(f"+38050111{number:04}", seconds=number + 2).facts for number in range(20)]
    for step in range(max(map(len, stories))):
        append(spool, [story[step] for story in stories])
    async with writing(pool, spool) as writer:
        await drained(writer)
    page = await events.register(conn, people["borys"], size=50)
    assert sorted(row.talk_seconds for row in page.rows) == [number + 2 for number in range(20)]


async def test_a_writer_killed_after_the_commit_writes_nothing_twice(
    conn: Connection, pool: Pool, tmp_path: Path, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction is committed, the spool has not heard of it: the next start reads all of it again."""
    spool = Spool(tmp_path / "killed")
    facts = append(spool, missed_call(ANNA).facts, missed_call(ANNA, at=MORNING + timedelta(hours=1)).facts)

    def die(_: object) -> NoReturn:
        raise SystemExit("killed")

    monkeypatch.setattr(spool, "acknowledge", die)
    with pytest.raises(SystemExit):
        await LedgerWriter(pool, spool)._take(spool.read(100))
    assert len(await in_ledger(conn)) == len(facts)

    again = Spool(tmp_path / "killed")
    async with writing(pool, again) as writer:
        await drained(writer)
        assert writer.set_aside == 0
    assert await in_ledger(conn) == [fact.id for fact in facts]
    assert await conn.fetchval("SELECT missed_count FROM task") == 2
    assert await conn.fetchval("SELECT count(*) FROM outbox WHERE kind = 'follow_up.opened'") == 1
    spool.close()
    again.close()


async def test_a_writer_killed_before_the_commit_loses_nothing(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = append(spool, missed_call(ANNA).facts)
    reached = asyncio.Event()

    async def hang(connection: Connection, new: Sequence[AnyFact]) -> None:
        await project(connection, new)
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(ledger, "project", hang)
    async with writing(pool, spool):
        await reached.wait()
    monkeypatch.undo()
    assert await in_ledger(conn) == []
    async with writing(pool, spool) as writer:
        await drained(writer)
    assert await in_ledger(conn) == [fact.id for fact in facts]


async def test_one_bad_fact_is_set_aside_and_the_others_pass(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = missed_call(ANNA), missed_call("+380671234567")
    facts = append(spool, good.facts[:3], bad.facts, good.facts[3:])
    poison = bad.facts[1]  # CallStarted: what follows in that call makes nothing

    async def refuse(connection: Connection, new: Sequence[AnyFact]) -> None:
        if poison in new:
            raise ValueError("cannot be projected")
        await project(connection, new)

    monkeypatch.setattr(ledger, "project", refuse)
    async with writing(pool, spool) as writer:
        await drained(writer)
        assert writer.set_aside == 1
    assert await in_ledger(conn) == [fact.id for fact in facts if fact is not poison]
    row = await conn.fetchrow("SELECT fact_id, kind, reason, record FROM ledger_set_aside")
    assert row is not None
    assert (row["fact_id"], row["kind"]) == (poison.id, "CallStarted")
    assert "cannot be projected" in row["reason"]
    assert fact_codec.decode(row["record"]) == poison
    page = await events.register(conn, people["borys"])
    assert [event.phone for event in page.rows] == [ANNA]


async def test_a_fact_that_the_schema_refuses_is_set_aside(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User]
) -> None:
    await conn.execute("ALTER TABLE event ADD CONSTRAINT no_anna CHECK (phone <> '+380501112233')")
    append(spool, missed_call(ANNA).facts, answered_call("+380671234567").facts)
    async with writing(pool, spool) as writer:
        await drained(writer)
        assert writer.set_aside == 1
    assert (await events.register(conn, people["borys"])).total == 1


async def test_unknown_kinds_and_garbage_are_set_aside_once(conn: Connection, pool: Pool, spool: Spool) -> None:
    known = PhoneOnline(id=uuid7(), at=MORNING, extension="1")
    spool.append(known)
    newer = fact_codec.encode(known).replace(b"PhoneOnline", b"PhoneHolyst")
    for record in (newer, b"garbage"):
        spool._write(len(record).to_bytes(4, "little") + zlib.crc32(record).to_bytes(4, "little") + record)
        spool._segments[-1].unread += 1
        spool._pending += 1
    async with writing(pool, spool) as writer:
        await drained(writer)
        assert writer.set_aside == 2
    assert await conn.fetchval("SELECT count(*) FROM ledger_set_aside") == 2
    assert await in_ledger(conn) == [known.id]


async def test_a_fact_that_cannot_even_be_set_aside_waits(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User]
) -> None:
    await conn.execute("ALTER TABLE event ADD CONSTRAINT no_anna CHECK (phone <> '+380501112233')")
    await conn.execute("ALTER TABLE ledger_set_aside RENAME TO gone")
    append(spool, missed_call(ANNA).facts)
    async with writing(pool, spool) as writer:
        async with asyncio.timeout(30):
            while writer.troubles < 2:
                await asyncio.sleep(0.02)
        await conn.execute("ALTER TABLE gone RENAME TO ledger_set_aside")
        await drained(writer)
    assert await conn.fetchval("SELECT count(*) FROM ledger_set_aside") == 1


async def test_nul_in_text_from_the_wire_is_no_reason_to_set_a_fact_aside(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User]
) -> None:
    call = Telling().inbound("+38050\0111", name="An\0na\udc80")
    append(spool, call.facts, [PhoneOnline(id=uuid7(), at=MORNING, extension="1001", user_agent="\0\ud800")])
    async with writing(pool, spool) as writer:
        await drained(writer)
        assert writer.set_aside == 0
    assert (await events.register(conn, people["borys"])).total == 2


async def test_telephony_can_say_more_than_the_crm_reads(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User]
) -> None:
    stray = CallRinging(id=uuid7(), at=MORNING, call_id=uuid7(), leg=uuid7(), extension="1001")
    alone = PartyIntroduced(id=uuid7(), at=MORNING, party=uuid7(), number=ANNA)
    append(spool, [stray, alone])
    async with writing(pool, spool) as writer:
        await drained(writer)
        assert writer.set_aside == 0
    assert await in_ledger(conn) == [stray.id, alone.id]


# The data base is away


async def test_a_terminated_connection_costs_only_lateness(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User]
) -> None:
    facts: list[AnyFact] = []
    async with writing(pool, spool) as writer:
        for number in range(10):
            facts += append(spool, answered_call(f"+38050111{number:04}").facts)
            await asyncio.sleep(0)
            await conn.execute("""
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()
            """)
        await drained(writer)
    assert await in_ledger(conn) == [fact.id for fact in facts]
    assert (await events.register(conn, people["borys"])).total == 10


async def test_a_data_base_that_hangs_costs_only_lateness(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = append(spool, answered_call(ANNA).facts)
    async with writing(pool, spool) as writer:
        await drained(writer)
        backends = [
            row["pid"]
            for row in await conn.fetch("""
                SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
            """)
        ]
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(ledger, "BATCH_TIMEOUT", 0.3)
        try:
            facts += append(spool, call_back(ANNA, at=MORNING + timedelta(hours=1)).facts)
            async with asyncio.timeout(30):
                while not writer.troubles:
                    await asyncio.sleep(0.02)
        finally:
            monkeypatch.undo()  # on a busy machine a batch may take as long
            for pid in backends:
                os.kill(pid, signal.SIGCONT)
        facts += append(spool, missed_call(ANNA, at=MORNING + timedelta(hours=2)).facts)
        await drained(writer)
    assert await in_ledger(conn) == [fact.id for fact in facts]
    assert (await events.register(conn, people["borys"])).total == 3


async def test_the_writer_can_be_stopped_while_the_data_base_hangs(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User]
) -> None:
    append(spool, answered_call(ANNA).facts)
    async with writing(pool, spool) as writer:
        await drained(writer)
        backends = await conn.fetch("""
            SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        """)
        for row in backends:
            os.kill(row["pid"], signal.SIGSTOP)
        append(spool, missed_call(ANNA).facts)
        await asyncio.sleep(0.1)
    for row in backends:
        os.kill(row["pid"], signal.SIGCONT)


async def test_a_data_base_that_refuses_is_waited_for(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User], database_server: DatabaseServer
) -> None:
    name = await conn.fetchval("SELECT current_database()")
    keeper = await asyncpg.connect(database_server.url)
    await keeper.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await pool.expire_connections()
    facts = append(spool, missed_call(ANNA).facts)
    async with writing(pool, spool) as writer:
        async with asyncio.timeout(30):
            while writer.troubles < 3:
                await asyncio.sleep(0.02)
        assert spool.pending == len(facts)
        await keeper.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await drained(writer)
    await keeper.close()
    assert await in_ledger(conn) == [fact.id for fact in facts]


async def test_the_next_core_closes_what_the_killed_one_left_open(
    conn: Connection, pool: Pool, spool: Spool, people: dict[str, User]
) -> None:
    left = [Telling().inbound(f"+38050111{number:04}").to_line().rings("1003") for number in range(10)]
    append(spool, *(call.facts for call in left))
    async with writing(pool, spool) as writer:
        await drained(writer)
    assert {each.call_id for each in await calls.unfinished(conn)} == {call.call_id for call in left}


async def test_a_batch_of_many_calls_takes_no_more_statements_than_one(
    conn: Connection, people: dict[str, User]
) -> None:
    """The core pays for each answer of the data base by waking up, twenty calls a second."""
    statements: list[str] = []

    def note(record: asyncpg.connection.LoggedQuery) -> None:
        statements.append(record.query)

    def story(number: str) -> Sequence[AnyFact]:
        call = Telling().inbound(number).to_line().rings("1003").answered("1003").recorded()
        online = PhoneOnline(id=uuid7(), at=MORNING, extension="1001")
        return [*call.talked("1003", 60).recording_ready().ended().facts, online]

    async def statements_for(facts: Sequence[AnyFact]) -> Sequence[str]:
        statements.clear()
        await project(conn, await ledger.write(conn, facts))
        await asyncio.sleep(0)  # asyncpg tells of a statement in the loop's next turn
        return tuple(statements)

    async with conn.transaction():
        await project(conn, await ledger.write(conn, story(ANNA)))  # the connection learns the types first
        conn.add_query_logger(note)
        alone = await statements_for(story(ANNA))
        together = await statements_for([fact for digit in range(9) for fact in story(f"+38050111220{digit}")])
        conn.remove_query_logger(note)
    assert together == alone
    assert len(alone) == 24
