"""The Event of a forwarding (R-CALL-11): beside that of the call, at the moment at which the call went on."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7

from callflow.facts import CallForwarded
from crm_core import numbering
from crm_core.database import Connection
from crm_core.events.telephony import PROJECT_OF

# Whose the Event is: whose calls were forwarded. The other side is that of the call.
FORWARDED = """
    INSERT INTO event (id, type, number, started_at, ended_at, phone, e164, display_name, client_id, owner_id, internal,
                       project_id, org_unit_id, forwarded_from, forwarded_to, forwarded_why, forwarded_call)
    SELECT $1, 'call_forwarding', $2, $3, $3, e.phone, e.e164, e.display_name, e.client_id, u.id, e.internal,
           u.telephony_project_id,
           coalesce(u.telephony_org_unit_id, CASE WHEN u.telephony_project_id IS NULL THEN u.org_unit_id END),
           $5, coalesce($6, (SELECT p.number FROM party p WHERE p.id = $7), ''), $8, $9
      FROM event e
      LEFT JOIN device d ON d.number = $10
      LEFT JOIN app_user u ON u.id = d.user_id
     WHERE e.id = $4
"""


async def call_forwarded(conn: Connection, event_id: UUID, fact: CallForwarded) -> None:
    """`event_id`: of the call."""
    owner = await conn.fetchrow(PROJECT_OF, fact.by)
    project_id = owner["telephony_project_id"] if owner is not None else None
    number = await numbering.next_number(conn, "event", project_id=project_id)
    await conn.execute(
        FORWARDED, uuid7(), str(number), fact.at, event_id, fact.original, fact.target, fact.party, fact.kind,
        fact.call_id, fact.by,
    )  # fmt: skip
