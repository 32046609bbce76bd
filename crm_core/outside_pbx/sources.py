"""Where an outside server keeps its calls: a table of a PostgreSQL server, or a CSV file. Rows come as text by column.

postgresql://reader:secret@server/asterisk    read-only, with its own login (R-CALL-28, R-CALL-29)
csv:/var/log/asterisk/cdr-csv/Master.csv      with a line of column names, or as Asterisk's cdr_csv writes it
"""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import asyncpg

from crm_core.outside_pbx import asterisk, contract
from crm_core.outside_pbx.calls import BadRecord
from crm_core.settings import Settings

PAGE = 20_000  # rows that are read, and held, together
AT_ONCE = 500  # rows between two looks of the core at its calls
WIDEST = 500  # characters of a value
LARGEST = 16 * 1024 * 1024  # bytes of a file's end: what stands before is not read
HEADER = 4096  # bytes in which the names of a file's columns stand
OLD = 1000  # rows, one behind the other: what stands before them in a file that Asterisk writes is older still
STILL = 60.0  # seconds without a change: so its last line is whole, though no end of line follows
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds, of a page

Row = dict[str, str]

_name = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?", re.ASCII)


class Failure(StrEnum):
    """Why a source gives nothing."""

    PASSWORD = "password"
    PERMISSION = "permission"
    DATABASE = "database"
    TABLE = "table"
    COLUMNS = "columns"
    UNREACHABLE = "unreachable"
    TIME_OUT = "time_out"
    FILE = "file"
    OTHER = "other"


class SourceFailed(Exception):
    """Nothing could be read; the text says why, without a password."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text[:500])
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`is_full`: there may be more rows behind the last one."""

    rows: Iterable[Row]
    is_full: bool = False


def label(source: str) -> str:
    """What people see of a source: where it is, never with what password."""
    if source.startswith("csv:"):
        return source
    parts = urlsplit(source)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


async def read(settings: Settings, since: datetime, now: datetime) -> Page:
    """Rows of calls that began at `since` or later, the oldest first, at most 20,000. A file gives those of its last
    16 MiB in any order, and perhaps older ones. Raises SourceFailed."""
    source = settings.telephony_source
    try:
        if source.startswith("csv:"):
            path, zone = Path(source.removeprefix("csv:")), ZoneInfo(settings.timezone)
            return await asyncio.to_thread(_read_csv, path, since, now, zone)
        async with asyncio.timeout(READ_TIMEOUT):
            return await _read_table(settings, since)
    except _FAILS as error:
        raise SourceFailed(
            _failure(error), f"{type(error).__name__}: {error}".replace(source, label(source))
        ) from error


# asyncpg names a connection that ends in the midst of an operation an InternalClientError.
_FAILS = OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
_KINDS: Sequence[tuple[Failure, type[BaseException] | tuple[type[BaseException], ...]]] = (
    (Failure.TIME_OUT, (TimeoutError, asyncpg.QueryCanceledError)),
    (Failure.FILE, (FileNotFoundError, PermissionError, IsADirectoryError)),
    (Failure.PASSWORD, asyncpg.InvalidAuthorizationSpecificationError),
    (Failure.PERMISSION, asyncpg.InsufficientPrivilegeError),
    (Failure.DATABASE, asyncpg.InvalidCatalogNameError),
    (Failure.TABLE, (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)),
    (Failure.COLUMNS, (asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)),  # or of what cannot be compared
    (
        Failure.UNREACHABLE,
        (
            OSError,
            asyncpg.PostgresConnectionError,
            asyncpg.OperatorInterventionError,
            asyncpg.TooManyConnectionsError,
            asyncpg.InternalClientError,
        ),
    ),
)


def _failure(error: BaseException) -> Failure:
    return next((failure for failure, kinds in _KINDS if isinstance(error, kinds)), Failure.OTHER)


NAMES = """
    SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""

# A database without an encoding keeps whatever bytes a caller sent, and would send none of a page for one odd byte.
AS_BYTES = r"decode(replace({}, '\', '\\'), 'escape')"


async def _read_table(settings: Settings, since: datetime) -> Page:
    form = asterisk if settings.telephony_kind == "asterisk" else contract
    table, started = settings.telephony_table, form.STARTED
    assert _name.fullmatch(table), "settings let nothing else through"
    conn = await asyncpg.connect(
        settings.telephony_source,
        timeout=CONNECT_TIMEOUT,
        command_timeout=READ_TIMEOUT,
        # A time without a zone is compared as the installation's. And nothing is ever written there.
        server_settings={"timezone": settings.timezone, "datestyle": "ISO", "default_transaction_read_only": "on"},
    )
    try:
        await conn.transaction(readonly=True).start()  # it ends with the connection: a server that hangs ends none
        there = {row["attname"] for row in await conn.fetch(NAMES, table)}
        if not there:
            raise SourceFailed(Failure.TABLE, f"there is no table {table}")
        if started not in there:
            raise SourceFailed(Failure.COLUMNS, f"{table} has no column {started}")
        # As text, whatever their type: a uniqueid that is a number would lose its last noughts.
        names = [name for name in form.COLUMNS if name in there]
        written = AS_BYTES if conn.get_settings().server_encoding == "SQL_ASCII" else "{}"
        values = ", ".join(written.format(f"left(r.{name}::text, {WIDEST})") for name in names)
        cursor = await conn.cursor(
            f"SELECT {values} FROM {table} r WHERE r.{started} >= $1::timestamptz ORDER BY r.{started} LIMIT $2",
            since,
            PAGE,
        )
        rows: list[Row] = []
        while found := await cursor.fetch(AT_ONCE):
            rows.extend(_texts(names, row) for row in found)
        return Page(rows=rows, is_full=len(rows) == PAGE)
    finally:
        conn.terminate()


def _texts(names: Sequence[str], values: Iterable[str | bytes | None]) -> Row:
    return {name: _text(value) for name, value in zip(names, values, strict=True)}


def _text(value: str | bytes | None) -> str:
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else value or "").strip()


def _read_csv(path: Path, since: datetime, now: datetime, zone: ZoneInfo) -> Page:
    if path.exists() and not path.is_file():
        raise IsADirectoryError(f"{path} is no file")  # whoever opens a pipe waits for its writer
    with path.open("rb") as file:
        header = file.readline(HEADER).decode("utf-8-sig", "replace").strip()
        size = file.seek(0, 2)
        file.seek(max(0, size - LARGEST))
        text = file.read(LARGEST).decode("utf-8-sig", "replace").replace("\0", "")
    lines = text.split("\n")
    if size > LARGEST:
        del lines[0]  # half a line
    if lines and lines[-1] and now.timestamp() - path.stat().st_mtime < STILL:
        del lines[-1]  # it is being written
    named = _fields(header)
    if not {"key", "uniqueid"} & set(named):
        return Page(rows=_latest(_csv_rows(asterisk.CSV_COLUMNS, reversed(lines)), since, zone))
    if size <= LARGEST:
        del lines[0]
    return Page(rows=_csv_rows(named, lines))


def _latest(rows: Iterable[Row], since: datetime, zone: ZoneInfo) -> Iterator[Row]:
    """Of rows that were written one after the other, from the last one back to where only old ones stand."""
    old = 0
    for row in rows:
        try:
            old = old + 1 if contract.moment(row.get(asterisk.STARTED, ""), zone) < since else 0
        except BadRecord:
            pass
        yield row
        if old == OLD:
            return


def _csv_rows(names: Sequence[str], lines: Iterable[str]) -> Iterator[Row]:
    for line in lines:
        if fields := _fields(line):
            row = dict(zip(names, fields, strict=False))
            if "start" in row:  # as cdr_custom names it
                row.setdefault("calldate", row["start"])
            yield row


def _fields(line: str) -> list[str]:
    """Of a line by itself: a quote that is never closed costs no other."""
    try:
        return next(csv.reader([line.rstrip("\r")]), [])
    except csv.Error:
        return [line[:WIDEST]]
