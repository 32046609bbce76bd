"""The Event of a forwarding or transfer (R-CALL-11): beside that of the call, at the moment at which the call went on.

The manual's word, переадресація, is one for both: "forward (switch) the call to another number".
"""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7

from callflow.facts import CallForwarded, TransferEnd, TransferEnded
from crm_core import numbering
from crm_core.database import Connection
from crm_core.events.telephony import projects_of

# Whose the Event is: whose calls were forwarded. The other side is that of the call.
FORWARDED = """
    INSERT INTO event (id, type, number, started_at, ended_at, phone, e164, display_name, client_id, contact_id,
                       owner_id, internal, project_id, org_unit_id, forwarded_from, forwarded_to, forwarded_why,
                       forwarded_call)
    SELECT $1, 'call_forwarding', $2, $3, $3, e.phone, e.e164, e.display_name, e.client_id, e.contact_id, u.id,
           e.internal,
           u.telephony_project_id,
           coalesce(u.telephony_org_unit_id, CASE WHEN u.telephony_project_id IS NULL THEN u.org_unit_id END),
           $5, coalesce($6, (SELECT p.number FROM party p WHERE p.id = $7), ''), $8, $9
      FROM event e
      LEFT JOIN device d ON d.number = $10
      LEFT JOIN app_user u ON u.id = d.user_id
     WHERE e.id = $4
"""


# The ledger has it: what happened first was written first. None when it was set aside.
STARTED = """
    SELECT payload->>'by' AS by, payload->>'target' AS target, (payload->>'party')::uuid AS party,
           payload->>'kind' AS kind
      FROM ledger WHERE call_id = $1 AND kind = 'TransferStarted' AND (payload->>'transfer')::uuid = $2
"""


async def handed_on(conn: Connection, event_id: UUID, fact: CallForwarded | TransferEnded) -> None:
    """A forwarding, or a transfer that was completed; then the original number is the transferor's. `event_id`: of the
    call."""
    match fact:
        case CallForwarded(by=by, original=original, target=target, party=party, kind=kind):
            await _add(conn, event_id, fact, by, original, target, party, kind)
        case TransferEnded(end=TransferEnd.COMPLETED, call_id=call_id, transfer=transfer):
            started = await conn.fetchrow(STARTED, call_id, transfer)
            if started is not None:
                by = started["by"]
                await _add(conn, event_id, fact, by, by, started["target"], started["party"], started["kind"])


async def _add(
    conn: Connection,
    event_id: UUID,
    fact: CallForwarded | TransferEnded,
    by: str,
    original: str,
    target: str | None,
    party: UUID | None,
    why: str,
) -> None:
    project_id = (await projects_of(conn, [by])).get(by)
    number = await numbering.next_number(conn, "event", project_id=project_id)
    await conn.execute(
        FORWARDED, uuid7(), str(number), fact.at, event_id, original, target, party, why, fact.call_id, by
    )
