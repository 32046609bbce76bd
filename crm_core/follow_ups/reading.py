"""What a follow-up looks like to those who read one, and how others hear of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg
import msgspec

from crm_core import outbox
from crm_core.database import Connection
from crm_core.outbox import Json


class FollowUpState(StrEnum):
    OPEN = "open"  # has an owner by rule
    CLAIMED = "claimed"  # its owner said "mine"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """The open piece of work that a missed contact owes."""

    id: UUID
    party_key: str
    phone: str  # the number missed last: the one to call back
    e164: str | None
    display_name: str
    client_id: UUID | None
    client_name: str | None
    contact_id: UUID | None
    contact_name: str | None
    owner_id: UUID
    owner_name: str
    state: FollowUpState
    opened_at: datetime
    due_at: datetime
    missed_count: int
    last_missed_at: datetime | None  # None: nothing was missed, a call back was asked for
    line: str | None
    event_id: UUID  # the first missed call's, or that in which a call back was asked for
    call_id: UUID | None
    asked: bool  # the party asked for the call back, or it was planned
    attempts: int  # calls back that did not reach the party
    last_attempt_at: datetime | None
    last_attempt: str | None  # how it ended
    closed_at: datetime | None
    closed_by: UUID | None
    closed_by_call: UUID | None
    result: str
    postponed: int  # how often
    reminded_at: datetime | None  # its owner was told that it is due
    escalated_at: datetime | None  # it was given to a supervisor, because it had been due for too long
    took_seconds: float | None  # from the missed call to its being closed


# Whose lease has lapsed has it still, but anybody may take it.
STATE = """
    CASE WHEN t.closed_at IS NOT NULL THEN 'closed'
         WHEN t.claimed_at IS NOT NULL AND coalesce(t.leased_until > now(), true) THEN 'claimed' ELSE 'open' END
"""
COLUMNS = (
    """
    t.id, t.party_key, t.phone, t.e164, t.display_name, t.client_id, client.name AS client_name,
    t.contact_id, contact.name AS contact_name,
    t.assignee_id AS owner_id, owner.full_name AS owner_name,
    """
    + STATE
    + """ AS state,
    t.opened_at, t.due_at, t.missed_count, t.last_missed_at, t.line, t.event_id, t.call_id,
    t.asked, t.attempts, t.last_attempt_at, t.last_attempt,
    t.closed_at, t.closed_by, t.closed_by_call, t.result, t.postponed, t.reminded_at, t.escalated_at,
    extract(epoch FROM t.closed_at - t.opened_at)::double precision AS took_seconds
"""
)
FROM = """
    FROM task t
    JOIN app_user owner ON owner.id = t.assignee_id
    LEFT JOIN client ON client.id = t.client_id
    LEFT JOIN contact_person contact ON contact.id = t.contact_id
"""

READ = "SELECT" + COLUMNS + FROM + "WHERE t.id = ANY($1::uuid[]) ORDER BY t.opened_at, t.id"


def from_row(row: asyncpg.Record) -> FollowUp:
    """A FollowUp from a row with `COLUMNS`."""
    return FollowUp(**{**dict(row), "state": FollowUpState(row["state"])})


async def publish(conn: Connection, kind: str, ids: Sequence[UUID]) -> None:
    """Tell the panel how these follow-ups stand, once the transaction commits."""
    if ids:
        rows = await conn.fetch(READ, list(ids))
        await outbox.append_all(conn, kind, [as_json(from_row(row)) for row in rows])


def as_json(follow_up: FollowUp) -> Mapping[str, Json]:
    plain: Mapping[str, Json] = msgspec.to_builtins(follow_up)
    return plain
