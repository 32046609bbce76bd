"""Lists of numbers: made, opened, closed, and what came of them so far."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from crm_core.access import NotFound, Right, require
from crm_core.database import Connection
from crm_core.dialling.rules import PAUSES, USUAL_HOURS, check_hours
from crm_core.organisation import User
from crm_core.settings.working_time import BadHours

MOST_LISTS = 500
LONGEST_PAUSE = 30 * 24 * 60  # minutes
CALLER_ID = re.compile(r"\+?[0-9]{2,15}", re.ASCII)


class ListNameTaken(Exception):
    """There is a list with this name."""


class TooManyLists(Exception):
    """There are 500 already."""


class BadList(Exception):
    """`field` makes no sense."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class NewList(msgspec.Struct, frozen=True, kw_only=True):
    """`hours`: in which its parties are called, by their own clocks. `pauses`: minutes until the next try, by what a
    try came to. `points`: its priority in the line, below 0: callers who wait come first. `grace_minutes`: so long a
    callback is kept for the agent who promised it. `preview_seconds`: an agent looks at an entry first, and then it is
    called by itself; 0: it is called at once. `caller_id`: the number that its parties see; "": as in other calls."""

    name: str
    line: str
    party_first: bool = False
    hours: str = USUAL_HOURS
    tries: int = 3
    pauses: Mapping[str, int] = {}
    points: float = -100.0
    ring_seconds: int = 30
    grace_minutes: int = 30
    preview_seconds: int = 0
    caller_id: str = ""


class DialList(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    line: str
    party_first: bool
    hours: str
    tries: int
    pauses: Mapping[str, int]
    points: float
    ring_seconds: int
    grace_minutes: int
    preview_seconds: int
    caller_id: str
    is_open: bool
    created_at: datetime


COLUMNS = """
    l.id, l.name, l.line, l.party_first, l.hours, l.tries, l.pauses, l.points, l.ring_seconds, l.grace_minutes,
    l.preview_seconds, l.caller_id, l.is_open, l.created_at
"""
ALL = "SELECT" + COLUMNS + "FROM dial_list l ORDER BY l.created_at DESC, l.id LIMIT $1"
ONE = "SELECT" + COLUMNS + "FROM dial_list l WHERE l.id = $1"
OPEN = "SELECT" + COLUMNS + "FROM dial_list l WHERE l.is_open ORDER BY l.created_at, l.id LIMIT $1"
COUNT = "SELECT count(*) FROM dial_list"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('dzvin.dial_lists'))"
ADD = """
    INSERT INTO dial_list (id, name, line, party_first, hours, tries, pauses, points, ring_seconds, grace_minutes,
                           created_by, created_at, preview_seconds, caller_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11, $12, $13, $14)
"""
CHANGE = """
    UPDATE dial_list SET name = $2, line = $3, party_first = $4, hours = $5, tries = $6, pauses = $7::jsonb,
           points = $8, ring_seconds = $9, grace_minutes = $10, preview_seconds = $11, caller_id = $12
     WHERE id = $1 RETURNING id
"""
SWITCH = "UPDATE dial_list SET is_open = $2 WHERE id = $1 RETURNING id"
AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, object_id, detail)
    VALUES ($1, $2, 'dial_list', $3, jsonb_strip_nulls(jsonb_build_object('name', $4::text, 'rows', $5::integer)))
"""


def _from_row(row: asyncpg.Record) -> DialList:
    return DialList(**{**dict(row), "pauses": msgspec.json.decode(row["pauses"], type=dict[str, int])})


async def lists(conn: Connection, user: User) -> list[DialList]:
    """The newest first. Raises Forbidden."""
    require(user, Right.SUPERVISE)
    return [_from_row(row) for row in await conn.fetch(ALL, MOST_LISTS)]


async def open_lists(conn: Connection) -> list[DialList]:
    """Those that are called now, the oldest first."""
    return [_from_row(row) for row in await conn.fetch(OPEN, MOST_LISTS)]


async def list_of(conn: Connection, list_id: UUID) -> DialList:
    """Raises NotFound."""
    row = await conn.fetchrow(ONE, list_id)
    if row is None:
        raise NotFound(list_id)
    return _from_row(row)


def check(new: NewList) -> None:
    """Raises BadList."""
    try:
        check_hours(new.hours)
    except BadHours:
        raise BadList("hours") from None
    for field, text in (("name", new.name), ("line", new.line)):
        if not text.strip() or "\0" in text or len(text) > 100:
            raise BadList(field)
    if not 1 <= new.tries <= 50:
        raise BadList("tries")
    if not all(outcome in PAUSES and 1 <= minutes <= LONGEST_PAUSE for outcome, minutes in new.pauses.items()):
        raise BadList("pauses")
    if not 5 <= new.ring_seconds <= 180:
        raise BadList("ring_seconds")
    if not 0 <= new.grace_minutes <= 7 * 24 * 60:
        raise BadList("grace_minutes")
    if not 0 <= new.preview_seconds <= 600:
        raise BadList("preview_seconds")
    if not abs(new.points) <= 1_000_000:
        raise BadList("points")
    if new.caller_id and not CALLER_ID.fullmatch(new.caller_id):
        raise BadList("caller_id")


async def add_list(conn: Connection, user: User, new: NewList, *, now: datetime) -> UUID:
    """A closed list without numbers. Raises BadList, ListNameTaken, TooManyLists, Forbidden."""
    require(user, Right.CHANGE_LINES)
    check(new)
    list_id, pauses = uuid7(), msgspec.json.encode(new.pauses).decode()
    async with conn.transaction():
        await conn.execute(ONE_AT_A_TIME)
        if await conn.fetchval(COUNT) >= MOST_LISTS:
            raise TooManyLists
        try:
            await conn.execute(
                ADD, list_id, new.name, new.line, new.party_first, new.hours, new.tries, pauses, new.points,
                new.ring_seconds, new.grace_minutes, user.id, now, new.preview_seconds, new.caller_id,
            )  # fmt: skip
        except asyncpg.UniqueViolationError:
            raise ListNameTaken(new.name) from None
        await conn.execute(AUDIT, user.id, "made", list_id, new.name, None)
    return list_id


async def change_list(conn: Connection, user: User, list_id: UUID, new: NewList) -> None:
    """All its settings. They hold for who comes into the line from then on, and for when the next try is. Raises
    BadList, ListNameTaken, NotFound, Forbidden."""
    require(user, Right.CHANGE_LINES)
    check(new)
    pauses = msgspec.json.encode(new.pauses).decode()
    async with conn.transaction():
        try:
            found = await conn.fetchval(
                CHANGE, list_id, new.name, new.line, new.party_first, new.hours, new.tries, pauses, new.points,
                new.ring_seconds, new.grace_minutes, new.preview_seconds, new.caller_id,
            )  # fmt: skip
        except asyncpg.UniqueViolationError:
            raise ListNameTaken(new.name) from None
        if found is None:
            raise NotFound(list_id)
        await conn.execute(AUDIT, user.id, "changed", list_id, new.name, None)


async def switch_list(conn: Connection, user: User, list_id: UUID, *, is_open: bool) -> None:
    """Open: its numbers are called. Closed: no further one is; calls that are under way go on. Raises NotFound,
    Forbidden."""
    require(user, Right.CHANGE_LINES)
    async with conn.transaction():
        if await conn.fetchval(SWITCH, list_id, is_open) is None:
            raise NotFound(list_id)
        await conn.execute(AUDIT, user.id, "opened" if is_open else "closed", list_id, None, None)


# ---- what came of it -------------------------------------------------------------------------------------------------

STATES = "SELECT state, count(*) AS entries FROM dial_entry WHERE list_id = $1 GROUP BY state"
CAME_TO = """
    SELECT coalesce(d.disposition, t.outcome, 'dialling') AS result, count(*) AS calls
      FROM dial_try t LEFT JOIN call_disposition d ON d.call_id = t.call_id
     WHERE t.list_id = $1 GROUP BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """`entries` by state. `calls` by their disposition, or where none was set by what the try came to."""

    entries: Mapping[str, int]
    calls: Mapping[str, int]


async def results(conn: Connection, user: User, list_id: UUID) -> Results:
    """All of one moment. Raises NotFound, Forbidden."""
    require(user, Right.SUPERVISE)
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        await list_of(conn, list_id)
        return Results(
            entries={row["state"]: row["entries"] for row in await conn.fetch(STATES, list_id)},
            calls={row["result"]: row["calls"] for row in await conn.fetch(CAME_TO, list_id)},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DialledCall:
    """A try. `outcome` None: is being dialled."""

    call_id: UUID
    entry_id: UUID
    e164: str
    name: str
    extension: str
    begun_at: datetime
    outcome: str | None
    disposition: str | None
    note: str | None


MOST_CALLS = 500
WHICH = """
    SELECT t.call_id, t.entry_id, e.e164, e.name, t.extension, t.begun_at, t.outcome, d.disposition, d.note
      FROM dial_try t JOIN dial_entry e ON e.id = t.entry_id LEFT JOIN call_disposition d ON d.call_id = t.call_id
     WHERE t.list_id = $1 AND ($2::text IS NULL OR coalesce(d.disposition, t.outcome, 'dialling') = $2)
       AND ($3::timestamptz IS NULL OR t.begun_at < $3)
     ORDER BY t.begun_at DESC, t.id DESC LIMIT $4
"""


async def which_calls(
    conn: Connection, user: User, list_id: UUID, *, result: str | None, before: datetime | None
) -> Sequence[DialledCall]:
    """The calls behind a count of `Results`, the newest first, 500 at a time. Raises NotFound, Forbidden."""
    require(user, Right.SUPERVISE)
    await list_of(conn, list_id)
    return [DialledCall(**dict(row)) for row in await conn.fetch(WHICH, list_id, result, before, MOST_CALLS)]


# ---- one entry, for the agent who is to call it ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCard:
    """`tries`: made so far; `result`: of the last; `note`: what the agent of the last call wrote."""

    id: UUID
    list_name: str
    e164: str
    name: str
    client_id: UUID | None
    client_name: str | None
    tries: int
    result: str
    note: str | None


CARD = """
    SELECT e.id, l.name AS list_name, e.e164, e.name, e.client_id, c.name AS client_name, e.tries, e.result,
           (SELECT d.note FROM dial_try t JOIN call_disposition d ON d.call_id = t.call_id
             WHERE t.entry_id = e.id ORDER BY t.begun_at DESC, t.id DESC LIMIT 1) AS note
      FROM dial_entry e JOIN dial_list l ON l.id = e.list_id LEFT JOIN client c ON c.id = e.client_id
     WHERE e.id = $1
"""


async def entry_card(conn: Connection, user: User, entry_id: UUID) -> EntryCard:
    """For the agent to whom the engine has offered it: that is not asked here. Raises NotFound, Forbidden."""
    require(user, Right.CALL)
    row = await conn.fetchrow(CARD, entry_id)
    if row is None:
        raise NotFound(entry_id)
    return EntryCard(**dict(row))
