"""Facts of callbacks become rows. Told twice, or after the end, they change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from callflow.callback_facts import (
    Broken,
    CallbackBegun,
    CallbackBroken,
    CallbackKept,
    CallbackPromised,
    CallbackTried,
)
from callflow.line_orders import WaitOrder, WaitOrdered
from crm_core.database import Connection
from crm_core.fact_codec import AnyFact
from crm_core.follow_ups import opening
from crm_core.follow_ups.opening import MissedContact
from crm_core.settings import Settings

PROMISE = """
    INSERT INTO callback (id, line, call_id, party_id, joined_at, promised_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING
"""
BEGIN = "UPDATE callback SET last_call = $2 WHERE id = $1 AND ended_at IS NULL"
MOVE = "UPDATE callback SET line = $2 WHERE id = $1 AND ended_at IS NULL"
TRIED = """
    UPDATE callback SET tries = greatest(tries, $2), last_try = $3, again_at = $4
     WHERE id = $1 AND ended_at IS NULL AND (again_at IS NULL OR again_at <= $4)
"""
KEPT = """
    UPDATE callback SET ended_at = $2, kept_by = $3, kept_call = $4, last_try = CASE WHEN $3 = 'callback' THEN 'reached'
           ELSE last_try END
     WHERE id = $1 AND ended_at IS NULL
"""
BROKEN = """
    UPDATE callback SET ended_at = $2, broken = $3, withdrawn_by = (SELECT u.id FROM app_user u WHERE u.id = $4)
     WHERE id = $1 AND ended_at IS NULL
    RETURNING id
"""


async def begin(conn: Connection, facts: Sequence[AnyFact]) -> None:
    """What has to be known before calls are projected: that a call is to keep a promise."""
    for fact in facts:
        match fact:
            case CallbackPromised():
                await conn.execute(
                    PROMISE, fact.promise, fact.line, fact.call_id, fact.party, fact.joined_at, fact.at, fact.expires_at
                )
            case WaitOrdered(order=WaitOrder.MOVED):
                await conn.execute(MOVE, fact.call_id, fact.to)
            case CallbackBegun():
                await conn.execute(BEGIN, fact.promise, fact.call_id)
            case _:
                pass


async def end(conn: Connection, facts: Sequence[AnyFact], settings: Settings) -> None:
    """What needs the call in which it was promised. A broken promise opens the party's follow-up, unless a supervisor
    took it back."""
    for fact in facts:
        match fact:
            case CallbackTried():
                await conn.execute(TRIED, fact.promise, fact.tries, fact.tried, fact.again_at)
            case CallbackKept():
                await conn.execute(KEPT, fact.promise, fact.at, fact.by, fact.call)
            case CallbackBroken():
                broken = await conn.fetchval(BROKEN, fact.promise, fact.at, fact.reason, fact.user)
                if broken and fact.reason is not Broken.WITHDRAWN:
                    await _owe(conn, fact, settings)
            case _:
                pass


# A party that is not to be called at the number that it called from is owed the call at the other one.
WHOSE = """
    SELECT c.call_id, c.line, k.event_id, k.party_keys, p.number, p.e164,
           CASE WHEN p.extension THEN 'ext:' || p.number ELSE coalesce(p.e164, 'raw:' || p.number) END AS key
      FROM callback c JOIN call k ON k.id = c.call_id JOIN party p ON p.id = c.party_id
     WHERE c.id = $1 AND k.event_id IS NOT NULL
"""
AT_NUMBER = "UPDATE task SET phone = $2, e164 = $3 WHERE id = $1"
OWED = """
    WITH linked AS (UPDATE event SET follow_up_id = $2 WHERE id = $3 AND follow_up_id IS NULL)
    UPDATE callback SET follow_up_id = $2 WHERE id = $1
"""


async def _owe(conn: Connection, fact: CallbackBroken, settings: Settings) -> None:
    row = await conn.fetchrow(WHOSE, fact.promise)
    if row is None:  # left out by the short-number rule
        return
    same = row["key"] in row["party_keys"]
    missed = MissedContact(
        call_id=row["call_id"],
        event_id=row["event_id"],
        party_keys=row["party_keys"] if same else [row["key"]],
        rung=None,
        line=row["line"],
        at=fact.at,
    )
    follow_up: UUID = await opening.open_for_missed(conn, missed, settings)
    if not same:
        await conn.execute(AT_NUMBER, follow_up, row["number"], row["e164"])
    await conn.execute(OWED, fact.promise, follow_up, row["event_id"])
