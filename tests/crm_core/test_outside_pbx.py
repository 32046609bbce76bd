"""Calls that only another telephony server saw become ours, each once, and never instead of our own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm_core import events, follow_ups, settings
from crm_core.database import Connection, Pool
from crm_core.events import EventFilter, View
from crm_core.organisation import User
from crm_core.outside_pbx import OutsideCalls, asterisk, contract, states
from crm_core.outside_pbx.calls import BadRecord
from tests.crm_core.company import MORNING, answered_call, call_back, found_company, missed_call, tell
from tests.support.database import DatabaseServer

ANNA = "+380501112233"
BOHDAN = "+380671234567"
KYIV = ZoneInfo("Europe/Kyiv")
HOUR = timedelta(hours=1)
CDR = """
    CREATE TABLE cdr (calldate timestamp, clid text, src text, dst text, dcontext text, channel text, dstchannel text,
                      lastapp text, lastdata text, duration integer, billsec integer, disposition text,
                      uniqueid text, linkedid text);
    INSERT INTO cdr VALUES
        ('2030-01-07 09:30:00', '', '0501112233', '7000', 'in', 'PJSIP/life-00000001', '', 'Queue', '', 40, 0,
         'NO ANSWER', '1.1', '1.1'),
        ('2030-01-07 10:00:00', '', '0671234567', '7000', 'in', 'PJSIP/life-00000003', 'PJSIP/1002-00000004', 'Queue',
         '', 20, 0, 'NO ANSWER', '2.1', '2.1'),
        ('2030-01-07 10:00:00', '', '0671234567', '7000', 'in', 'PJSIP/life-00000003', 'PJSIP/1003-00000005', 'Queue',
         '', 90, 60, 'ANSWERED', '2.2', '2.1'),
        ('2030-01-07 11:00:00', '', '1003', '0931112233', 'out', 'PJSIP/1003-00000006', 'PJSIP/life-00000007', 'Dial',
         '', 35, 30, 'ANSWERED', '3.1', '3.1'),
        ('2030-01-07 11:10:00', '', '1003', '1002', 'in', 'PJSIP/1003-00000008', 'PJSIP/1002-00000009', 'Dial',
         '', 35, 30, 'ANSWERED', '4.1', '4.1');
"""


@pytest.fixture
async def asterisk_url(database_server: DatabaseServer) -> AsyncIterator[str]:
    """Another server's database, with a login of its own that may only read."""
    name = f"asterisk_{os.getpid()}"
    root = await asyncpg.connect(database_server.url)
    try:
        await root.execute(f'CREATE DATABASE "{name}"')
        await root.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'kept secret'")
        made = await asyncpg.connect(database_server.database(name))
        try:
            await made.execute(CDR)
            await made.execute(f"GRANT SELECT ON cdr TO {name}")
        finally:
            await made.close()
        place = database_server.database(name).rpartition("@")[2]
        yield f"postgresql://{name}:kept%20secret@{place}"
        await root.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await root.execute(f"DROP ROLE {name}")
    finally:
        await root.close()


async def office(conn: Connection, source: str, **more: str) -> dict[str, User]:
    return await found_company(conn, telephony_load="on", telephony_source=source, **more)


def loader(pool: Pool, now: datetime = MORNING + 24 * HOUR) -> OutsideCalls:
    return OutsideCalls(pool, lambda: now)


async def test_calls_of_an_asterisk_become_events_once(conn: Connection, pool: Pool, asterisk_url: str) -> None:
    people = await office(conn, asterisk_url)
    assert await loader(pool).look() == 3
    rows = (await events.register(conn, people["borys"])).rows
    assert [(row.type, row.e164, row.owner_name, row.started_at, row.talk_seconds) for row in rows] == [
        ("outgoing_call", "+380931112233", "Ірина Гай", MORNING + 1.5 * HOUR, 30.0),
        ("incoming_call", BOHDAN, "Ірина Гай", MORNING + 0.5 * HOUR, 60.0),
        ("missed_incoming_call", ANNA, "Ірина Гай", MORNING, 0.0),  # no phone rang
    ]
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert (owed.e164, owed.line, owed.owner_name) == (ANNA, "7000", "Ірина Гай")

    assert await loader(pool).look() == 0
    await conn.execute("DELETE FROM outside_source")  # as if it had never been read
    assert await loader(pool).look() == 0
    assert (await events.register(conn, people["borys"])).total == 3
    assert (await follow_ups.open_list(conn, people["borys"]))[0].missed_count == 1


async def test_nothing_is_loaded_while_it_is_off(conn: Connection, pool: Pool, asterisk_url: str) -> None:
    people = await office(conn, asterisk_url)
    await settings.write(conn, people["admin"], "telephony_load", "off")
    assert await loader(pool).look() == 0
    assert (await events.register(conn, people["borys"])).total == 0
    await settings.write(conn, people["admin"], "telephony_load", "on")
    assert await loader(pool).look() == 3


@pytest.mark.req("O-39")
async def test_what_we_saw_ourselves_comes_first(conn: Connection, pool: Pool, asterisk_url: str) -> None:
    people = await office(conn, asterisk_url)
    await tell(conn, missed_call(ANNA, at=MORNING + timedelta(seconds=2)).facts)
    assert await loader(pool).look() == 2
    unanswered = await events.register(conn, people["borys"], EventFilter(view=View.UNANSWERED))
    assert unanswered.total == 1


async def test_what_was_made_good_before_it_was_loaded_is_not_owed(
    conn: Connection, pool: Pool, asterisk_url: str
) -> None:
    people = await office(conn, asterisk_url)
    back = call_back(ANNA, at=MORNING + HOUR)
    await tell(conn, back.facts)
    await loader(pool).look()
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert (await events.register(conn, people["borys"], EventFilter(view=View.UNANSWERED))).total == 0
    types = {row.call_id: row.type for row in (await events.register(conn, people["borys"])).rows}
    assert types[back.call_id] == "missed_call_answer"


async def test_what_was_answered_before_it_was_missed_is_owed(conn: Connection, pool: Pool, asterisk_url: str) -> None:
    people = await office(conn, asterisk_url)
    await tell(conn, answered_call(ANNA, at=MORNING - HOUR).facts)
    await loader(pool).look()
    assert len(await follow_ups.open_list(conn, people["borys"])) == 1


async def test_the_short_number_rule_holds_for_what_is_loaded(conn: Connection, pool: Pool, asterisk_url: str) -> None:
    people = await office(conn, asterisk_url, min_number_length="11")
    await loader(pool).look()
    assert (await events.register(conn, people["borys"])).total == 0


async def test_a_source_that_fails_is_told_without_its_password(
    conn: Connection, pool: Pool, asterisk_url: str
) -> None:
    people = await office(conn, asterisk_url, telephony_table="no_such_table")
    assert await loader(pool).look() == 0
    (state,) = await states(conn, people["admin"])
    assert "no_such_table" in state.error
    assert "secret" not in state.source + state.error
    shown = await settings.shown(conn, people["admin"])
    assert "secret" not in str(shown["telephony_source"])
    await settings.write(conn, people["admin"], "telephony_source", asterisk_url)
    assert "secret" not in await conn.fetchval("SELECT string_agg(detail::text, '') FROM audit")


async def test_a_call_may_still_get_another_row_for_a_minute(conn: Connection, pool: Pool, asterisk_url: str) -> None:
    await office(conn, asterisk_url)
    assert await loader(pool, MORNING + timedelta(seconds=60)).look() == 0
    assert await loader(pool, MORNING + timedelta(seconds=100)).look() == 1


async def test_a_file_of_asterisk_is_read(conn: Connection, pool: Pool, tmp_path: Path) -> None:
    file = tmp_path / "Master.csv"
    file.write_text(
        '"","0501112233","7000","in","""Анна"" <0501112233>","SIP/life-1","","Queue","7000","2030-01-07 09:30:00",,'
        '"2030-01-07 09:30:40",40,0,"NO ANSWER","DOCUMENTATION","1.1",""\n'
        "a line that is none\n"
    )
    people = await office(conn, f"csv:{file}")
    assert await loader(pool).look() == 1
    assert await loader(pool).look() == 0
    (row,) = (await events.register(conn, people["borys"])).rows
    assert (row.type, row.e164, row.started_at) == ("missed_incoming_call", ANNA, MORNING)


async def test_any_server_is_loaded_through_the_documented_form(conn: Connection, pool: Pool, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text(
        "key,direction,number,extension,line,started_at,answered_at,ended_at\n"
        "a,inbound,+380501112233,1003,,2030-01-07T09:30:00+02:00,,2030-01-07T09:30:40+02:00\n"
        "b,outbound,0671234567,1002,,2030-01-07 10:00:00,2030-01-07 10:00:10,2030-01-07 10:01:00\n"
    )
    people = await office(conn, f"csv:{file}", telephony_kind="calls")
    assert await loader(pool).look() == 2
    later, earlier = (await events.register(conn, people["borys"])).rows
    assert (later.type, later.owner_name, later.talk_seconds) == ("outgoing_call", "Тарас Шум", 50.0)
    assert (earlier.type, earlier.owner_name) == ("missed_incoming_call", "Ірина Гай")


async def test_a_file_that_is_not_there_is_told(conn: Connection, pool: Pool, tmp_path: Path) -> None:
    people = await office(conn, f"csv:{tmp_path}/nothing.csv")
    assert await loader(pool).look() == 0
    assert "nothing.csv" in (await states(conn, people["admin"]))[0].error


def test_music_while_waiting_is_no_answer() -> None:
    row = {"uniqueid": "1", "src": "0501112233", "dst": "7000", "channel": "SIP/life-1", "lastapp": "Queue",
           "disposition": "ANSWERED", "calldate": "2030-01-07 09:30:00", "duration": "40", "billsec": "40"}  # fmt: skip
    call = asterisk.call_of([asterisk.record_of(row, KYIV)], internal_digits=4)
    assert call
    assert (call.answered_at, call.started_at, call.line) == (None, datetime(2030, 1, 7, 7, 30, tzinfo=UTC), "7000")


@pytest.mark.parametrize(
    "change",
    [{"uniqueid": ""}, {"duration": "x"}, {"billsec": "50"}, {"calldate": ""}, {"uniqueid": "x" * 201},
     {"calldate": "9999-12-31 23:59:59"}, {"calldate": "0001-01-01 00:00:00"}],
)  # fmt: skip
def test_a_row_that_makes_no_sense_is_refused(change: dict[str, str]) -> None:
    row = {"uniqueid": "1", "calldate": "2030-01-07 09:30:00", "duration": "40", "billsec": "40", **change}
    with pytest.raises(BadRecord):
        asterisk.record_of(row, KYIV)
    with pytest.raises(BadRecord):
        contract.call_of({"key": "a", "direction": "inbound", "started_at": "2030-01-07", "ended_at": "x"}, KYIV)
