"""A person says whose call it was: one click, remembered for the number."""

from __future__ import annotations

from uuid import UUID

from crm_core import outbox
from crm_core.access import VISIBLE_EVENT, NotFound, Right, require, sees_all
from crm_core.clients.register import took_over
from crm_core.clients.whose import only_matches
from crm_core.database import Connection
from crm_core.organisation import User

BELONGS = """
    SELECT c.name FROM client c
     WHERE c.id = $1 AND ($2::uuid IS NULL
                          OR EXISTS (SELECT 1 FROM contact_person k WHERE k.id = $2 AND k.client_id = c.id))
"""
CHOOSE = (
    """
    UPDATE event e SET client_id = $4, contact_id = $5
     WHERE e.id = $3 AND """
    + VISIBLE_EVENT
    + " RETURNING e.e164, e.phone, e.follow_up_id, e.call_id"
)
OWED = "UPDATE task SET client_id = $2, contact_id = $3 WHERE id = $1 AND closed_at IS NULL"
REMEMBER = """
    INSERT INTO number_choice (e164, client_id, chosen_by) VALUES ($1, $2, $3)
    ON CONFLICT (e164, client_id)
    DO UPDATE SET times = number_choice.times + 1, chosen_by = excluded.chosen_by, chosen_at = now()
"""
GIVE = """
    INSERT INTO client_phone (client_id, raw, e164)
    SELECT $1, $2, $3
     WHERE NOT EXISTS (SELECT 1 FROM client_phone WHERE client_id = $1 AND e164 = $3)
       AND NOT EXISTS (SELECT 1 FROM contact_phone p JOIN contact_person k ON k.id = p.contact_id
                        WHERE k.client_id = $1 AND p.e164 = $3)
    ON CONFLICT DO NOTHING
"""
AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, object_id, detail)
    VALUES ($1, 'chose client', 'event', $2, jsonb_build_object('client', $3::uuid, 'contact', $4::uuid))
"""


async def _announce(conn: Connection, call_id: UUID, event_id: UUID, client_id: UUID, name: str) -> None:
    """The card of a call that runs says it at once."""
    linked = {
        "call_id": str(call_id),
        "event_id": str(event_id),
        "client_id": str(client_id),
        "client_name": name,
    }
    await outbox.append(conn, "call.linked", linked)


async def choose(conn: Connection, user: User, event_id: UUID, client_id: UUID, contact_id: UUID | None) -> None:
    """It was this client, and perhaps this contact person. The client has the number from now on. Raises NotFound,
    Forbidden."""
    require(user, Right.WRITE_EVENTS)
    async with conn.transaction():
        name = await conn.fetchval(BELONGS, client_id, contact_id)
        if name is None:
            raise NotFound(contact_id or client_id)
        event = await conn.fetchrow(CHOOSE, sees_all(user), user.id, event_id, client_id, contact_id)
        if event is None:
            raise NotFound(event_id)
        await conn.execute(OWED, event["follow_up_id"], client_id, contact_id)
        await conn.execute(AUDIT, user.id, event_id, client_id, contact_id)
        if event["call_id"]:
            await _announce(conn, event["call_id"], event_id, client_id, name)
        e164: str | None = event["e164"]
        if e164:
            await conn.execute(REMEMBER, e164, client_id, user.id)
            await conn.execute(GIVE, client_id, event["phone"], e164)
            if e164 in await only_matches(conn, [e164]):
                await took_over(conn, client_id, e164)
