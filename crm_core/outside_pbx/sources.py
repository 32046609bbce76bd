"""Where an outside server keeps its calls: a table of a PostgreSQL server, or a CSV file. Rows come as text by column.

postgresql://reader:secret@server/asterisk    read-only, with its own login (R-CALL-28, R-CALL-29)
csv:/var/log/asterisk/cdr-csv/Master.csv      with a line of column names, or as Asterisk's cdr_csv writes it
"""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec

from crm_core.outside_pbx.asterisk import CSV_COLUMNS
from crm_core.settings import Settings

MOST = 200_000  # rows of one look
AT_ONCE = 500  # rows between two looks of the core at its calls
LARGEST = 16 * 1024 * 1024  # bytes of a file's end: what stands before is not read
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds

Row = dict[str, str]

_name = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?", re.ASCII)


class SourceFailed(Exception):
    """Nothing could be read; the text says why, without a password."""


def label(source: str) -> str:
    """What people see of a source: where it is, never with what password."""
    if source.startswith("csv:"):
        return source
    parts = urlsplit(source)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


async def read(settings: Settings, since: datetime) -> Sequence[Row]:
    """Rows of calls that began at `since` or later, the oldest first, at most 200,000. A file gives all that its last
    16 MiB hold. Raises SourceFailed."""
    source = settings.telephony_source
    try:
        if source.startswith("csv:"):
            return await asyncio.to_thread(_read_csv, Path(source.removeprefix("csv:")))
        return await _read_table(source, settings, since)
    except (OSError, TimeoutError, ValueError, csv.Error, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise SourceFailed(f"{type(error).__name__}: {error}"[:500].replace(source, label(source))) from error


async def _read_table(source: str, settings: Settings, since: datetime) -> Sequence[Row]:
    column = "calldate" if settings.telephony_kind == "asterisk" else "started_at"
    assert _name.fullmatch(settings.telephony_table), "settings let nothing else through"
    conn = await asyncpg.connect(
        source,
        timeout=CONNECT_TIMEOUT,
        command_timeout=READ_TIMEOUT,
        # Of a column without a time zone: it is the installation's. And nothing is ever written there.
        server_settings={"timezone": settings.timezone, "default_transaction_read_only": "on"},
    )
    try:
        query = (
            f"SELECT to_jsonb(r) || jsonb_build_object('{column}', r.{column}::timestamptz) AS row"
            f" FROM {settings.telephony_table} r WHERE r.{column} >= $1::timestamptz ORDER BY r.{column} LIMIT $2"
        )
        rows: list[Row] = []
        async with conn.transaction(readonly=True):
            cursor = await conn.cursor(query, since, MOST)
            while found := await cursor.fetch(AT_ONCE):
                rows.extend(_texts(msgspec.json.decode(row["row"])) for row in found)
        return rows
    finally:
        conn.terminate()


def _texts(row: dict[str, object]) -> Row:
    return {name: "" if value is None else str(value) for name, value in row.items()}


def _read_csv(path: Path) -> Sequence[Row]:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LARGEST))
        text = file.read(LARGEST).decode("utf-8", "replace").replace("\0", "")
    if size > LARGEST:
        text = text.partition("\n")[2]  # the first line is half a line
    lines = [line for line in csv.reader(text.splitlines()) if line]
    if not lines:
        return []
    names: Sequence[str] = CSV_COLUMNS
    if {"key", "uniqueid"} & set(lines[0]):
        names, lines = lines[0], lines[1:]
    rows = [dict(zip(names, line, strict=False)) for line in lines[-MOST:]]
    for row in rows:
        if "start" in row:  # as cdr_custom names it
            row.setdefault("calldate", row["start"])
    return rows
