"""What the dialler does with entries: waiting → reserved (waits in the line) → dialling → waiting again, or done.

A try counts from the moment at which the party is dialled, once, whatever becomes of the core: what was being dialled
when a core ended is `interrupted`, and what was reserved waits as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from crm_core.database import Connection
from crm_core.dialling import do_not_call
from crm_core.dialling.lists import DialList, list_of
from crm_core.dialling.rules import Next, Outcome, next_try, opens

BATCH = 200  # entries that are looked at in one go
BATCHES = 5  # at most, when most may not be called now
TAKEN_AGAIN = timedelta(minutes=10)  # when the same number is being dialled for another list
BARRED = "do_not_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """`agent`: whose callback it is, alone until `alone_until`."""

    id: UUID
    e164: str
    name: str
    agent: str | None
    alone_until: datetime | None


# ---- waiting → reserved ----------------------------------------------------------------------------------------------

# SKIP LOCKED: who is at an entry already has it.
DUE = """
    WITH due AS (
        SELECT id FROM dial_entry
         WHERE list_id = $1 AND state = 'waiting' AND next_at <= $2 AND agent IS {agent}
         ORDER BY next_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
    )
    UPDATE dial_entry e SET state = 'reserved' FROM due WHERE e.id = due.id
    RETURNING e.id, e.e164, e.name, e.zones, e.agent, e.next_at
"""
DUE_TO_ALL, DUE_TO_ONE = DUE.format(agent="NULL"), DUE.format(agent="NOT NULL")


async def reserve(conn: Connection, of: DialList, most: int, now: datetime) -> list[Reserved]:
    """Up to `most` entries that may be called now, and all callbacks that are due, at most 200. Others that were due
    wait until they may be."""
    found: list[Reserved] = []
    async with conn.transaction():
        found += await _allowed(conn, of, await conn.fetch(DUE_TO_ONE, of.id, now, BATCH), now)
        wanted = len(found) + most
        for _ in range(BATCHES):
            asked = min(wanted - len(found), BATCH)
            if asked <= 0:
                break
            rows = await conn.fetch(DUE_TO_ALL, of.id, now, asked)
            found += await _allowed(conn, of, rows, now)
            if len(rows) < asked:
                break
    return found


LATER = """
    UPDATE dial_entry e SET state = 'waiting', next_at = later.next_at
      FROM unnest($1::uuid[], $2::timestamptz[]) AS later (id, next_at) WHERE e.id = later.id
"""
BAR = "UPDATE dial_entry SET state = 'done', result = 'do_not_call' WHERE id = ANY($1::uuid[])"


async def _allowed(conn: Connection, of: DialList, rows: Sequence[asyncpg.Record], now: datetime) -> list[Reserved]:
    barred = await do_not_call.among(conn, [row["e164"] for row in rows], now)
    grace = timedelta(minutes=of.grace_minutes)
    allowed: list[Reserved] = []
    later: dict[UUID, datetime] = {}
    for row in rows:
        if row["e164"] in barred:
            continue
        at = _opens(of, row["zones"], now, promised=row["agent"] is not None)
        if at > now:
            later[row["id"]] = at
            continue
        alone_until = row["next_at"] + grace if row["agent"] else None
        allowed.append(
            Reserved(id=row["id"], e164=row["e164"], name=row["name"], agent=row["agent"], alone_until=alone_until)
        )
    await conn.execute(LATER, list(later), list(later.values()))
    await conn.execute(BAR, [row["id"] for row in rows if row["e164"] in barred])
    return sorted(allowed, key=lambda each: each.id)


def _opens(of: DialList, zones: Sequence[str], now: datetime, *, promised: bool) -> datetime:
    """The party itself has chosen the moment of a callback."""
    if promised:
        return now
    return opens(of.hours, zones, now) or now + timedelta(days=1)


RELEASE = "UPDATE dial_entry SET state = 'waiting' WHERE id = $1 AND state = 'reserved'"


async def release(conn: Connection, entry_id: UUID) -> None:
    """Nobody was dialled: it waits as before. Safe to call whatever it is doing."""
    await conn.execute(RELEASE, entry_id)


HELD_TRIES = "SELECT list_id, tries, zones FROM dial_entry WHERE id = $1 AND state = 'reserved' FOR UPDATE"


async def not_dialled(conn: Connection, entry_id: UUID, why: Outcome, now: datetime) -> None:
    """There was no way to its party: it counts as no try, and is not at once the next again; a number that leads
    nowhere is done. Nothing happens where something else was said of it."""
    async with conn.transaction():
        entry = await conn.fetchrow(HELD_TRIES, entry_id)
        if entry is not None:
            of = await list_of(conn, entry["list_id"])
            then = next_try(why, 0, of.tries, of.pauses, now)
            await go_on(conn, entry_id, then, why.value, of, entry["zones"])


SKIP = """
    INSERT INTO dial_skip (id, entry_id, extension, reason, at)
    SELECT $2, id, $3, $4, $5 FROM dial_entry WHERE id = $1 AND state = 'reserved'
"""


async def skip(conn: Connection, entry_id: UUID, extension: str, reason: str, now: datetime) -> None:
    """An agent looked at it and leaves it for later: it counts as no try."""
    async with conn.transaction():
        await conn.execute(SKIP, entry_id, uuid7(), extension, reason.replace("\0", ""), now)
        await not_dialled(conn, entry_id, Outcome.SKIPPED, now)


# ---- reserved → dialling ---------------------------------------------------------------------------------------------

HELD = """
    SELECT e.e164, e.zones, e.agent, e.list_id, l.is_open
      FROM dial_entry e JOIN dial_list l ON l.id = e.list_id
     WHERE e.id = $1 AND e.state = 'reserved' FOR UPDATE OF e
"""
DIAL = "UPDATE dial_entry SET state = 'dialling', tries = tries + 1 WHERE id = $1"
TRY = """
    INSERT INTO dial_try (id, entry_id, list_id, call_id, extension, begun_at)
    SELECT $1, e.id, e.list_id, $3, $4, $5 FROM dial_entry e WHERE e.id = $2
"""


async def may_dial(conn: Connection, entry_id: UUID, now: datetime) -> bool:
    """Whether the party may be called now: the list is open, it is within its hours, and nobody has said no. If not,
    the entry waits until it may be, or is done."""
    async with conn.transaction():
        return await _may_dial(conn, entry_id, now)


async def begin(conn: Connection, entry_id: UUID, call_id: UUID, extension: str, now: datetime) -> bool:
    """The party is dialled now in that call, if it still may be: the try counts from here on. False: it may not be, or
    is being dialled already for another list."""
    async with conn.transaction():
        if not await _may_dial(conn, entry_id, now):
            return False
        try:
            async with conn.transaction():
                await conn.execute(DIAL, entry_id)
        except asyncpg.UniqueViolationError:
            await conn.execute(LATER, [entry_id], [now + TAKEN_AGAIN])
            return False
        await conn.execute(TRY, uuid7(), entry_id, call_id, extension, now)
        return True


async def _may_dial(conn: Connection, entry_id: UUID, now: datetime) -> bool:
    held = await conn.fetchrow(HELD, entry_id)
    if held is None:
        return False
    if not held["is_open"]:
        await release(conn, entry_id)
        return False
    if await do_not_call.among(conn, [held["e164"]], now):
        await conn.execute(BAR, [entry_id])
        return False
    of = await list_of(conn, held["list_id"])
    at = _opens(of, held["zones"], now, promised=held["agent"] is not None)
    if at > now:
        await conn.execute(LATER, [entry_id], [at])
    return at <= now


# ---- dialling → waiting, done ----------------------------------------------------------------------------------------

END_TRY = """
    UPDATE dial_try SET outcome = $2, ended_at = $3, extension = CASE WHEN $4 = '' THEN extension ELSE $4 END
     WHERE call_id = $1 AND outcome IS NULL RETURNING entry_id
"""
ENTRY = "SELECT list_id, tries, zones FROM dial_entry WHERE id = $1 AND state = 'dialling' FOR UPDATE"
AGAIN = "UPDATE dial_entry SET state = 'waiting', result = $2, next_at = $3, agent = NULL WHERE id = $1"
DONE = "UPDATE dial_entry SET state = 'done', result = $2, agent = NULL WHERE id = $1"


async def settle(conn: Connection, call_id: UUID, outcome: Outcome, extension: str, now: datetime) -> None:
    """The try in that call is over. Told twice, or where the agent's disposition has decided before, it changes
    nothing more."""
    async with conn.transaction():
        entry_id = await conn.fetchval(END_TRY, call_id, outcome.value, now, extension)
        if entry_id is not None:
            await _settle(conn, entry_id, outcome, now)


async def _settle(conn: Connection, entry_id: UUID, outcome: Outcome, now: datetime) -> None:
    entry = await conn.fetchrow(ENTRY, entry_id)
    if entry is None:
        return
    of = await list_of(conn, entry["list_id"])
    then = next_try(outcome, entry["tries"], of.tries, of.pauses, now)
    await go_on(conn, entry_id, then, outcome.value, of, entry["zones"])


async def go_on(conn: Connection, entry_id: UUID, then: Next, result: str, of: DialList, zones: Sequence[str]) -> None:
    if then.at is None:
        await conn.execute(DONE, entry_id, result)
    else:
        await conn.execute(AGAIN, entry_id, result, _opens(of, zones, then.at, promised=False))


# Whose party had answered was reached, whatever cut the call.
WERE_DIALLED = """
    UPDATE dial_try t
       SET ended_at = $1,
           outcome = CASE WHEN EXISTS (SELECT 1 FROM call c WHERE c.id = t.call_id AND c.answered_at IS NOT NULL)
                          THEN 'reached' ELSE 'interrupted' END
     WHERE t.outcome IS NULL RETURNING t.entry_id, t.outcome
"""
WERE_HELD = "UPDATE dial_entry SET state = 'waiting' WHERE state = 'reserved'"


async def recover(conn: Connection, now: datetime) -> int:
    """What an earlier core held; how many it was dialling. To be called before anything is dialled."""
    async with conn.transaction():
        cut = await conn.fetch(WERE_DIALLED, now)
        for row in cut:
            await _settle(conn, row["entry_id"], Outcome(row["outcome"]), now)
        await conn.execute(WERE_HELD)
    return len(cut)
