"""Today's missed calls with what became of each: the supervisor's list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from crm_core import outbox
from crm_core.access import VISIBLE_EVENT, Right, require, sees_all
from crm_core.database import Connection
from crm_core.follow_ups.reading import STATE, FollowUpState
from crm_core.organisation import User

LIST_LIMIT = 1000
MISSED_ELSEWHERE = "call.missed_elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedCall:
    """One missed incoming call; several may share a follow-up."""

    call_id: UUID
    event_id: UUID
    at: datetime
    phone: str
    display_name: str
    client_name: str | None
    line: str | None
    outcome: str
    internal: bool
    follow_up_id: UUID | None
    owner_id: UUID | None
    owner_name: str | None
    follow_up_state: FollowUpState | None
    due_at: datetime | None


COLUMNS = (
    """
    SELECT e.call_id, e.id AS event_id, k.ended_at AS at, e.phone, e.display_name, client.name AS client_name, k.line,
           k.outcome, e.internal, e.follow_up_id, t.assignee_id AS owner_id, owner.full_name AS owner_name,
           CASE WHEN t.id IS NOT NULL THEN """
    + STATE
    + """ END AS follow_up_state, t.due_at
      FROM event e
      JOIN call k ON k.id = e.call_id
      LEFT JOIN task t ON t.id = e.follow_up_id
      LEFT JOIN app_user owner ON owner.id = t.assignee_id
      LEFT JOIN client ON client.id = e.client_id
     WHERE e.type = 'missed_incoming_call' AND e.archived_at IS NULL AND """
)
TOLD = COLUMNS + "e.call_id = ANY($1::uuid[]) ORDER BY e.started_at, e.id"
MISSED = (
    COLUMNS
    + "e.started_at >= $3 AND "
    + VISIBLE_EVENT
    + """
     ORDER BY e.started_at DESC, e.id DESC
     LIMIT $4
"""
)


async def missed_today(conn: Connection, user: User, *, since: datetime) -> list[MissedCall]:
    """Missed incoming calls that began at `since` or later, newest first, at most 1000. Raises Forbidden."""
    require(user, Right.SEE_FOLLOW_UPS)
    return [_missed_call(row) for row in await conn.fetch(MISSED, sees_all(user), user.id, since, LIST_LIMIT)]


async def tell_missed(conn: Connection, call_ids: Sequence[UUID]) -> None:
    """Tell the panel which of these calls were missed, the oldest first, once the transaction commits: for calls that
    it did not see itself."""
    missed = [_missed_call(row) for row in await conn.fetch(TOLD, call_ids)]
    await outbox.append_all(conn, MISSED_ELSEWHERE, [msgspec.to_builtins(call) for call in missed])


def _missed_call(row: asyncpg.Record) -> MissedCall:
    state = row["follow_up_state"]
    return MissedCall(**{**dict(row), "follow_up_state": FollowUpState(state) if state else None})
