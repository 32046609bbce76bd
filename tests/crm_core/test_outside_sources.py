"""Tables and files of outside servers as they are found: of other types, large, written while they are read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm_core import settings
from crm_core.database import Connection, Pool
from crm_core.organisation import User
from crm_core.outside_pbx import OutsideCalls, SourceState, sources, states
from crm_core.outside_pbx.sources import Failure, Row, SourceFailed
from crm_core.settings import BadSetting, Settings
from tests.crm_core.company import MORNING, found_company, missed_call, tell
from tests.support.database import DatabaseServer

EVENING = MORNING + timedelta(hours=12)
WEEK = MORNING - timedelta(days=7)
KYIV = ZoneInfo("Europe/Kyiv")
NINE = "2030-01-07 09:30:00"  # in Kyiv, where it is MORNING


async def failure(url: str, table: str = "cdr") -> Failure:
    with pytest.raises(SourceFailed) as failed:
        await sources.read(Settings(telephony_source=url, telephony_table=table), WEEK, EVENING)
    assert "hush" not in str(failed.value)
    return failed.value.failure


@dataclass(slots=True)
class Foreign:
    """An empty database on another server."""

    conn: asyncpg.Connection
    url: str

    async def read(self, table: str = "cdr") -> list[Row]:
        page = await sources.read(Settings(telephony_source=self.url, telephony_table=table), WEEK, EVENING)
        return list(page.rows)

    async def failure(self, table: str = "cdr") -> Failure:
        return await failure(self.url, table)


@pytest.fixture
async def foreign(database_server: DatabaseServer) -> AsyncIterator[Foreign]:
    name = f"foreign_{os.getpid()}"
    root = await asyncpg.connect(database_server.url)
    await root.execute(f'CREATE DATABASE "{name}"')
    conn = await asyncpg.connect(database_server.database(name))
    try:
        yield Foreign(conn, database_server.database(name))
    finally:
        await conn.close()
        await root.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await root.close()


async def test_values_are_read_as_they_stand_whatever_their_type(foreign: Foreign) -> None:
    """A padded word is a word, a number keeps its last nought, NULL is nothing."""
    await foreign.conn.execute(
        "CREATE TABLE cdr (calldate timestamptz, src varchar(80), dst char(20), disposition character(45),"
        " duration numeric(8,3), billsec real, uniqueid numeric(20,2), userfield text);"
        f"INSERT INTO cdr VALUES ('{NINE}+02', NULL, '7000', 'ANSWERED', 40.250, 1.5, 1893999999.10, 'x')"
    )
    (row,) = await foreign.read()
    assert row == {
        "calldate": f"{NINE}+02", "src": "", "dst": "7000", "disposition": "ANSWERED", "duration": "40.250",
        "billsec": "1.5", "uniqueid": "1893999999.10",
    }  # fmt: skip


async def test_a_huge_value_is_cut(foreign: Foreign) -> None:
    await foreign.conn.execute(
        f"CREATE TABLE cdr AS SELECT timestamp '{NINE}' AS calldate, repeat('9', 1000000) AS src, '1.1' AS uniqueid"
    )
    (row,) = await foreign.read()
    assert len(row["src"]) == sources.WIDEST


async def test_an_odd_byte_in_a_database_without_an_encoding_costs_no_row(foreign: Foreign) -> None:
    name = foreign.url.rpartition("/")[2]
    await foreign.conn.execute(
        f"CREATE DATABASE {name}_raw ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    )
    foreign.url += "_raw"
    raw = await asyncpg.connect(foreign.url)
    try:
        await raw.execute(f"CREATE TABLE cdr AS SELECT timestamp '{NINE}' AS calldate, E'a\\\\b\\xCF' AS src")
        (row,) = await foreign.read()
        assert row == {"calldate": NINE, "src": "a\\b\N{REPLACEMENT CHARACTER}"}
    finally:
        await raw.close()
        await foreign.conn.execute(f"DROP DATABASE {name}_raw WITH (FORCE)")


async def test_what_cannot_be_read_says_why(foreign: Foreign) -> None:
    assert await foreign.failure() is Failure.TABLE
    assert await foreign.failure("no_schema.cdr") is Failure.TABLE
    await foreign.conn.execute("CREATE TABLE cdr (uniqueid text)")
    assert await foreign.failure() is Failure.COLUMNS
    await foreign.conn.execute("ALTER TABLE cdr ADD calldate text")  # nothing that can be compared with a time
    assert await foreign.failure() is Failure.COLUMNS
    foreign.url += "_gone"
    assert await foreign.failure() is Failure.DATABASE
    assert await failure("postgresql://reader:hush@127.0.0.1:1/db") is Failure.UNREACHABLE  # nobody listens


async def test_a_table_that_is_locked_costs_no_more_than_the_time_for_a_page(
    foreign: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "READ_TIMEOUT", 0.3)
    await foreign.conn.execute("CREATE TABLE cdr (calldate timestamp, uniqueid text)")
    async with foreign.conn.transaction():
        await foreign.conn.execute("LOCK cdr")
        assert await foreign.failure() is Failure.TIME_OUT


async def test_a_server_that_says_nothing_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CONNECT_TIMEOUT", 0.2)
    left = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        except OSError:
            pass
        finally:
            writer.close()
            left.set()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        url = f"postgresql://reader:hush@127.0.0.1:{server.sockets[0].getsockname()[1]}/db"
        assert await failure(url) is Failure.TIME_OUT
        await left.wait()


@dataclass(slots=True)
class Office:
    """Our side: it loads from a source, at `now`."""

    conn: Connection
    pool: Pool
    admin: User
    now: datetime = EVENING

    async def look(self) -> int:
        return await OutsideCalls(self.pool, lambda: self.now).look()

    async def state(self) -> SourceState:
        return (await states(self.conn, self.admin))[0]

    async def keys(self) -> list[str]:
        return [row["sip_call_id"] for row in await self.conn.fetch("SELECT sip_call_id FROM call ORDER BY started_at")]


async def office(conn: Connection, pool: Pool, source: str, **more: str) -> Office:
    people = await found_company(conn, telephony_load="on", telephony_source=source, **more)
    return Office(conn, pool, people["admin"])


ROWS = """
    CREATE TABLE cdr AS
    SELECT timestamp '2030-01-07 09:30:00' + make_interval(secs => n * {apart}) AS calldate,
           '050111' || 1000 + n AS src, '7000' AS dst, 'PJSIP/life-00000001' AS channel, '' AS dstchannel,
           'Queue' AS lastapp, 5 AS duration, 0 AS billsec, 'NO ANSWER' AS disposition,
           '9.' || n AS uniqueid, '9.' || n AS linkedid
      FROM generate_series(0, {last}) AS n
"""
ONE_MORE = """
    INSERT INTO cdr SELECT calldate + $1, src, dst, channel, dstchannel, lastapp, duration, billsec, disposition,
                           '8.1', '8.1'
      FROM cdr WHERE uniqueid = '9.0'
"""


async def test_a_large_table_is_read_page_by_page_to_its_end(
    conn: Connection, pool: Pool, foreign: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "PAGE", 7)
    await foreign.conn.execute(ROWS.format(apart=1, last=29))
    here = await office(conn, pool, foreign.url)
    assert await here.look() == 30
    assert await here.keys() == [f"9.{n}" for n in range(30)]
    assert (await here.state()).loaded == 30
    assert await here.look() == 0


async def test_more_rows_of_one_second_than_a_page_holds_stop_nothing(
    conn: Connection, pool: Pool, foreign: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "PAGE", 7)
    await foreign.conn.execute(ROWS.format(apart=0, last=9))
    await foreign.conn.execute(ONE_MORE, timedelta(hours=1))
    here = await office(conn, pool, foreign.url)
    assert await here.look() == 8
    assert "8.1" in await here.keys()


async def test_a_look_ends_with_the_page_in_which_it_is_turned_off(
    conn: Connection, pool: Pool, foreign: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "PAGE", 7)
    await foreign.conn.execute(ROWS.format(apart=60, last=29))
    here = await office(conn, pool, foreign.url)
    read = sources.read

    async def read_and_turn_off(*asked: Any) -> sources.Page:
        await settings.write(conn, here.admin, "telephony_load", "off")
        return await read(*asked)

    monkeypatch.setattr(sources, "read", read_and_turn_off)
    assert 0 < await here.look() <= 7
    assert await here.look() == 0


async def test_one_call_of_ours_stands_for_one_of_there(conn: Connection, pool: Pool, foreign: Foreign) -> None:
    """A caller rang three times in half a minute, and we saw two of them: one was seen there alone. Nobody can tell who
    withheld the number, so what we saw in that moment is the same call."""
    await foreign.conn.execute(ROWS.format(apart=9, last=2))
    await foreign.conn.execute(ONE_MORE, timedelta(0))
    await foreign.conn.execute("UPDATE cdr SET src = CASE uniqueid WHEN '8.1' THEN 'anonymous' ELSE '0501112233' END")
    here = await office(conn, pool, foreign.url)
    for number, seconds in (("+380501112233", 1), ("+380501112233", 19), ("", 2)):
        await tell(conn, missed_call(number, at=MORNING + timedelta(seconds=seconds)).facts)
    assert [await here.look() for _ in range(3)] == [1, 0, 0]
    assert await conn.fetchval("SELECT started_at FROM call WHERE sip_call_id = '9.1'") == MORNING + timedelta(
        seconds=9
    )


async def test_what_is_written_late_is_loaded_at_the_next_look(conn: Connection, pool: Pool, foreign: Foreign) -> None:
    await foreign.conn.execute(ROWS.format(apart=3600, last=1))
    here = await office(conn, pool, foreign.url)
    assert await here.look() == 2
    await foreign.conn.execute(ONE_MORE, timedelta(minutes=-50))
    assert await here.look() == 1
    assert await here.keys() == ["8.1", "9.0", "9.1"]


async def test_another_table_of_the_same_server_is_loaded_from_its_beginning(
    conn: Connection, pool: Pool, foreign: Foreign
) -> None:
    await foreign.conn.execute(ROWS.format(apart=36_000, last=1))
    await foreign.conn.execute("CREATE TABLE old AS TABLE cdr")
    await foreign.conn.execute("DELETE FROM cdr WHERE uniqueid = '9.0'; DELETE FROM old WHERE uniqueid = '9.1'")
    here = await office(conn, pool, foreign.url)
    assert await here.look() == 1
    await settings.write(conn, here.admin, "telephony_table", "old")
    assert await here.look() == 1
    assert await here.keys() == ["9.0", "9.1"]


async def test_what_the_rule_for_short_numbers_leaves_out_is_not_told_as_loaded_at_each_look(
    conn: Connection, pool: Pool, foreign: Foreign
) -> None:
    await foreign.conn.execute(ROWS.format(apart=1, last=1))
    here = await office(conn, pool, foreign.url, min_number_length="12")
    assert [await here.look() for _ in range(2)][1] == 0


async def test_a_call_that_our_data_base_refuses_is_set_aside_and_the_others_pass(
    conn: Connection, pool: Pool, foreign: Foreign
) -> None:
    await conn.execute("ALTER TABLE party ADD CONSTRAINT odd CHECK (number <> '0501111001')")
    await foreign.conn.execute(ROWS.format(apart=1, last=2))
    here = await office(conn, pool, foreign.url)
    await tell(conn, missed_call("0501111000", at=MORNING).facts)  # so one of there is known
    assert await here.look() == 1
    state = await here.state()
    assert (await here.keys(), state.loaded, state.failure) == ([ANY, "9.2"], 1, None)
    assert [(aside.row[:3], aside.flaw, aside.detail) for aside in state.set_aside] == [
        ("9.1", "refused", "CheckViolationError")
    ]


def csv_rows(path: Path, now: datetime) -> list[Row]:
    return list(sources._read_csv(path, WEEK, now, KYIV).rows)


def test_of_the_file_that_asterisk_writes_no_more_is_read_than_is_new(tmp_path: Path) -> None:
    """A call of an hour is written behind many that began after it."""
    ago = [*range(30_000, 0, -10), 5000, 10]  # minutes
    written = ((n, (MORNING.astimezone(KYIV) - timedelta(minutes=each))) for n, each in enumerate(ago))
    file = tmp_path / "Master.csv"
    file.write_text("".join(f",1,2,,,,,,,{at:%Y-%m-%d %H:%M:%S},,,1,1,,,{n},\n" for n, at in written))
    rows = csv_rows(file, EVENING)
    week = 7 * 24 * 6
    assert len(rows) == week + 2 + sources.OLD
    assert {row["uniqueid"] for row in rows} >= {str(n) for n in range(3000 - week, 3002)}


def test_a_line_that_is_being_written_is_left_for_the_next_look(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text("key,number\na,1\nb,2\nc")
    os.utime(file, (MORNING.timestamp(), MORNING.timestamp()))
    assert [row["key"] for row in csv_rows(file, MORNING + timedelta(seconds=5))] == ["a", "b"]
    assert [row["key"] for row in csv_rows(file, MORNING + timedelta(minutes=5))] == ["a", "b", "c"]


def test_the_names_of_a_large_files_columns_stand_at_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LARGEST", 20)
    file = tmp_path / "calls.csv"
    file.write_text("key,number\n" + "".join(f"{n},050000{n}\n" for n in range(10, 20)))
    assert csv_rows(file, EVENING) == [{"key": "19", "number": "05000019"}]


def test_a_file_may_begin_with_a_byte_order_mark_and_end_its_lines_as_windows_does(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_bytes("\ufeffkey,number\r\na,1\r\n\r\n".encode())
    assert csv_rows(file, EVENING) == [{"key": "a", "number": "1"}]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.touch()
    assert csv_rows(file, EVENING) == []


@pytest.mark.parametrize("kind", ["pipe", "folder", "nothing"])
async def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    """Whoever opens a pipe waits for its writer, and the core for that thread when it ends."""
    place = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    with pytest.raises(SourceFailed) as failed:
        await sources.read(Settings(telephony_source=f"csv:{place}"), WEEK, EVENING)
    assert failed.value.failure is Failure.FILE


@pytest.mark.parametrize(
    "source",
    ["postgresql://reader:hush@word@server/db", "postgresql://reader:hush/word@server/db",
     "postgresql://reader:12/34hush@server/db", "postgresql://reader:hush#word@server/db",
     "postgresql://reader:hush?word@server/db", "postgresql://server/db?user=reader&password=hush",
     "postgresql://server/db?pass%77ord=hush", "postgresql://reader:hush@[server/db", "mysql://reader:hush@server/db"],
)  # fmt: skip
def test_a_source_that_would_show_its_password_is_refused_without_showing_it(source: str) -> None:
    with pytest.raises(BadSetting) as refused:
        settings.check("telephony_source", source)
    assert "hush" not in str(refused.value)


async def test_a_source_as_an_older_version_left_it_is_not_shown(conn: Connection) -> None:
    people = await found_company(conn)
    source = "postgresql://server/db?user=reader&password=hush"
    await conn.execute("INSERT INTO setting (key, value) VALUES ('telephony_source', $1)", source)
    assert "hush" not in str(await settings.shown(conn, people["admin"]))


@pytest.mark.parametrize(
    "source",
    ["postgresql://reader:hush%40%2F%3F%23@server:5433/db?sslmode=require", "postgres://reader@[::1]/db",
     "postgresql:///db?host=/run/postgresql", "csv:/var/log/a@b.csv", ""],
)  # fmt: skip
def test_other_sources_are_taken(source: str) -> None:
    settings.check("telephony_source", source)
    assert "hush" not in sources.label(source)


@pytest.mark.parametrize("table", ["cdr; DROP TABLE x", 'cdr"', "cdr r, x", "a.b.c", "cdr\n", "сdr", "", "a" * 64])
def test_a_table_is_a_name_and_nothing_else(table: str) -> None:
    with pytest.raises(BadSetting):
        settings.check("telephony_table", table)
