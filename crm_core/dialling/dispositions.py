"""What the agent says that a call came to, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from crm_core import follow_ups, settings
from crm_core.access import VISIBLE_CALL, Forbidden, NotFound, Right, allowed, require, sees_all
from crm_core.database import Connection
from crm_core.dialling import do_not_call
from crm_core.dialling.calling import go_on
from crm_core.dialling.lists import list_of
from crm_core.dialling.rules import Next, Outcome, next_try, zones_of
from crm_core.dictionaries import EntryTaken
from crm_core.organisation import User

MOST = 200
FARTHEST = timedelta(days=366)  # of a callback
LANGUAGES = frozenset({"uk", "en", "ru"})


class Act(StrEnum):
    """What follows."""

    DONE = "done"
    RETRY = "retry"
    DO_NOT_CALL = "do_not_call"
    CALLBACK = "callback"


class TooManyDispositions(Exception):
    """There are 200 already."""


class WhenMissing(Exception):
    """A callback needs a moment, which is still to come and within a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    key: str
    name: Mapping[str, str]  # by language: uk, en, ru
    act: Act
    system: bool


ALL = "SELECT key, name, act, system FROM disposition ORDER BY sort, key"


async def dispositions(conn: Connection, user: User) -> list[Disposition]:
    """Those of the system first. Raises Forbidden."""
    require(user, Right.CALL)
    return [
        Disposition(
            key=row["key"],
            name=msgspec.json.decode(row["name"], type=dict[str, str]),
            act=Act(row["act"]),
            system=row["system"],
        )
        for row in await conn.fetch(ALL)
    ]


COUNT = "SELECT count(*) FROM disposition"
ADD = "INSERT INTO disposition (key, name, act) VALUES ($1, $2::jsonb, $3)"
ADDED = """
    INSERT INTO audit (user_id, action, object_kind, detail)
    VALUES ($1, 'added', 'disposition', jsonb_build_object('key', $2::text))
"""


async def add_disposition(conn: Connection, user: User, key: str, name: Mapping[str, str], act: Act) -> None:
    """Raises EntryTaken, TooManyDispositions, Forbidden."""
    require(user, Right.CHANGE_LINES)
    async with conn.transaction():
        if await conn.fetchval(COUNT) >= MOST:
            raise TooManyDispositions
        try:
            await conn.execute(ADD, key, msgspec.json.encode(name).decode(), act)
        except asyncpg.UniqueViolationError:
            raise EntryTaken(key) from None
        await conn.execute(ADDED, user.id, key)


# ---- of a call -------------------------------------------------------------------------------------------------------

ACT = "SELECT act FROM disposition WHERE key = $1"
TRY = """
    SELECT t.entry_id, t.list_id, t.extension, t.outcome, e.e164, e.zones, e.tries, e.state,
           t.id = (SELECT last.id FROM dial_try last WHERE last.entry_id = e.id
                    ORDER BY last.begun_at DESC, last.id DESC LIMIT 1) AS is_last
      FROM dial_try t JOIN dial_entry e ON e.id = t.entry_id
     WHERE t.call_id = $1 FOR UPDATE OF e
"""
PARTY = (
    """
    SELECT p.e164 FROM call c JOIN party p ON p.id = c.party_id
     WHERE c.id = $3 AND """
    + VISIBLE_CALL
)
SET = """
    INSERT INTO call_disposition (call_id, disposition, note, set_by, set_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (call_id) DO UPDATE
       SET disposition = excluded.disposition, note = excluded.note, set_by = excluded.set_by, set_at = excluded.set_at
"""
AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, object_id, detail)
    VALUES ($1, 'disposition', 'call', $2, jsonb_build_object('disposition', $3::text))
"""


async def set_disposition(
    conn: Connection, user: User, call_id: UUID, key: str, *, note: str, at: datetime | None, now: datetime
) -> None:
    """What the call came to, by who had it, or by a supervisor; the last word counts. `at`: when to call back; without
    a zone it is the party's local time.

    Its act follows where the call is the last of an entry of a list. Of any other call `do_not_call` bars the number,
    and a callback is a follow-up. Raises WhenMissing, NotFound (the call or the disposition), Forbidden.
    """
    require(user, Right.CALL)
    async with conn.transaction():
        found = await conn.fetchval(ACT, key)
        row = await conn.fetchrow(TRY, call_id)
        if found is None:
            raise NotFound(key)
        if row is None:
            number = await _any_call(conn, user, call_id)
        elif row["extension"] != user.extension and not allowed(user, Right.SUPERVISE):
            raise Forbidden(f"{user.login}: not the agent's call")
        else:
            number = row["e164"]
        act = Act(found)
        await conn.execute(SET, call_id, key, note.replace("\0", ""), user.id, now)
        await conn.execute(AUDIT, user.id, call_id, key)
        if act is Act.DO_NOT_CALL and number:
            await do_not_call.bar(conn, user, number, reason=note, until=None, now=now)
        if row is None and act is Act.CALLBACK:
            await _call_back(conn, user, call_id, number, at, now)
        elif row is not None and row["is_last"]:
            await _act(conn, row, act, key, at, now)


async def _any_call(conn: Connection, user: User, call_id: UUID) -> str | None:
    row = await conn.fetchrow(PARTY, sees_all(user), user.id, call_id)
    if row is None:
        raise NotFound(call_id)
    number: str | None = row["e164"]
    return number


EVENT = "SELECT id FROM event WHERE call_id = $1"


async def _call_back(
    conn: Connection, user: User, call_id: UUID, number: str | None, at: datetime | None, now: datetime
) -> None:
    zone = (await settings.load(conn)).timezone
    when = _when(at, zones_of(number, zone) if number else [zone], now)
    event_id = await conn.fetchval(EVENT, call_id)
    if event_id is None:
        raise NotFound(call_id)
    await follow_ups.ask(conn, user, event_id, due_at=when, now=now)


CALLBACK = "UPDATE dial_entry SET state = 'waiting', result = $2, next_at = $3, agent = $4 WHERE id = $1"


async def _act(conn: Connection, row: asyncpg.Record, act: Act, key: str, at: datetime | None, now: datetime) -> None:
    of, entry_id = await list_of(conn, row["list_id"]), row["entry_id"]
    match act:
        case Act.CALLBACK:
            when = _when(at, row["zones"], now)
            await conn.execute(CALLBACK, entry_id, key, when, row["extension"] or None)
        case Act.RETRY:
            then = next_try(Outcome.AGAIN, row["tries"], of.tries, of.pauses, now)
            await go_on(conn, entry_id, then, key, of, row["zones"])
        case Act.DONE | Act.DO_NOT_CALL:
            await go_on(conn, entry_id, Next(None), key, of, row["zones"])


def _when(at: datetime | None, zones: Sequence[str], now: datetime) -> datetime:
    """Raises WhenMissing."""
    if at is None:
        raise WhenMissing
    when = at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zones[0]))
    if not now < when <= now + FARTHEST:
        raise WhenMissing
    return when
