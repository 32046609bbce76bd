"""Calls back that somebody asked for, or that were planned: a task made from the Event in which it was said (O-41)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from crm_core import settings
from crm_core.access import VISIBLE_EVENT, NotFound, Right, require, sees_all
from crm_core.database import Connection
from crm_core.follow_ups.reading import publish
from crm_core.organisation import User

# One party owes one: where something is open already, to the client or to the number, it is that which was asked for.
AGAIN = (
    """
    UPDATE task t SET asked = true, due_at = $4, reminded_at = NULL, escalate_at = NULL, status = 'assigned'
     WHERE t.id = (SELECT o.id FROM event e JOIN task o ON o.kind = 'follow_up' AND o.closed_at IS NULL
                      AND (o.party_key IN (e.party_key, 'client:' || e.client_id::text) OR o.e164 = e.e164)
                    WHERE e.id = $3 AND e.party_key IS NOT NULL AND """
    + VISIBLE_EVENT
    + """
                    ORDER BY o.opened_at LIMIT 1)
    RETURNING t.id
"""
)
ASK = (
    """
    INSERT INTO task AS t (id, kind, event_id, event_type, project_id, client_id, contact_id, phone, e164,
                           display_name, assignee_id, starts_at, due_at, opened_at, party_key, call_id, asked,
                           claimed_at, leased_until)
    SELECT $3, 'follow_up', e.id, e.type, e.project_id, e.client_id, e.contact_id, e.phone, e.e164, e.display_name,
           $2, $5, $5, $6, e.party_key, e.call_id, true, now(),
           greatest($5, now()) + make_interval(mins => nullif($7::integer, 0))
      FROM event e
     WHERE e.id = $4 AND e.party_key IS NOT NULL AND """
    + VISIBLE_EVENT
    + """
    ON CONFLICT (party_key) WHERE kind = 'follow_up' AND closed_at IS NULL
    DO UPDATE SET asked = true, due_at = excluded.due_at, reminded_at = NULL, escalate_at = NULL, status = 'assigned'
    RETURNING t.id
"""
)
AUDIT = "INSERT INTO audit (user_id, action, object_kind, object_id) VALUES ($1, 'asked', 'follow_up', $2)"


async def ask(conn: Connection, user: User, event_id: UUID, *, due_at: datetime, now: datetime) -> UUID:
    """Note that the other side of that Event wants to be called at `due_at`; the id of the follow-up. It is `user`'s,
    or stays with who has one of that party open. Raises NotFound, Forbidden."""
    require(user, Right.WORK_FOLLOW_UPS)
    new_id, lease = uuid7(), (await settings.load(conn)).follow_up_lease_minutes
    async with conn.transaction():
        asked: UUID | None = await conn.fetchval(AGAIN, sees_all(user), user.id, event_id, due_at)
        asked = asked or await conn.fetchval(ASK, sees_all(user), user.id, new_id, event_id, due_at, now, lease)
        if asked is None:
            raise NotFound(event_id)
        await conn.execute(AUDIT, user.id, asked)
        await publish(conn, "follow_up.opened" if asked == new_id else "follow_up.changed", [asked])
    return asked
