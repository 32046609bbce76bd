"""The Event of a call: made when the call starts, afterwards only telephony's own columns are touched.

People type into `content` meanwhile; nothing here names that column.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from callflow.facts import PhoneOffline, PhoneOnline
from crm_core import numbering
from crm_core.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCallEvent:
    id: UUID
    type: str
    started_at: datetime
    phone: str
    e164: str | None
    display_name: str
    client_id: UUID | None
    client_name: str | None
    placed_by: str | None  # the extension that placed the call; who takes one is known later
    call_id: UUID
    internal: bool
    party_key: str


# A colleague's name is the company's own; outside, the display name is all that the call says.
ADD = """
    INSERT INTO event (id, type, started_at, phone, e164, display_name, client_id, owner_id, call_id, internal,
                       party_key)
    SELECT n.id, n.type, n.started_at, n.phone, n.e164,
           coalesce(nullif(n.display_name, ''), CASE WHEN n.internal THEN colleague.full_name END, ''),
           n.client_id, placer.user_id, n.call_id, n.internal, n.party_key
      FROM jsonb_to_recordset($1::jsonb) AS n (
               id uuid, type text, started_at timestamptz, phone text, e164 text, display_name text, client_id uuid,
               placed_by text, call_id uuid, internal boolean, party_key text)
      LEFT JOIN device placer ON placer.number = n.placed_by
      LEFT JOIN device caller ON caller.number = n.phone AND n.internal
      LEFT JOIN app_user colleague ON colleague.id = caller.user_id
"""


async def add(conn: Connection, new: Sequence[NewCallEvent]) -> None:
    """The type is set (R-CALL-03), the number is kept (R-CALL-15), the client filled where it is the only one."""
    if new:
        await conn.execute(ADD, msgspec.json.encode(new).decode())


MARK_ANSWERED = """
    WITH answered AS (
        UPDATE event SET answered_event_id = $2
         WHERE party_key = ANY($1::text[]) AND type IN ('missed_incoming_call', 'missed_outgoing_call')
           AND answered_event_id IS NULL
        RETURNING id, type, started_at
    )
    SELECT id FROM answered WHERE type = 'missed_incoming_call' ORDER BY started_at DESC LIMIT 1
"""


async def mark_answered(conn: Connection, party_keys: Sequence[str], *, by_event: UUID | None) -> UUID | None:
    """Take the party's missed calls off the unanswered list (R-CALL-40); return the latest missed incoming one."""
    if by_event is None:
        return None
    latest: UUID | None = await conn.fetchval(MARK_ANSWERED, list(party_keys), by_event)
    return latest


# R-CALL-19; R-CALL-21..23: project and structural unit come from the responsible person's settings.
CALL_ANSWERED = """
    UPDATE event e
       SET answered_at = $2,
           owner_id = coalesce(taker.id, e.owner_id),
           project_id = coalesce(e.project_id, taker.telephony_project_id),
           org_unit_id = coalesce(e.org_unit_id, taker.telephony_org_unit_id,
                                  CASE WHEN taker.telephony_project_id IS NULL THEN taker.org_unit_id END),
           type = CASE WHEN $4::uuid IS NULL THEN e.type ELSE 'missed_call_answer' END,
           answers_event_id = $4
      FROM event was
      LEFT JOIN device d ON d.number = $3
      LEFT JOIN app_user taker ON taker.id = d.user_id
     WHERE was.id = $1 AND e.id = was.id
"""


async def call_answered(
    conn: Connection, event_id: UUID, *, at: datetime, extension: str, answers: UUID | None
) -> None:
    """`extension` took or placed the call; `answers` is the missed call that this outgoing one answers."""
    await conn.execute(CALL_ANSWERED, event_id, at, extension, answers)


CALL_ENDED = """
    UPDATE event e
       SET ended_at = $2,
           talk_seconds = $3,
           type = coalesce($4, e.type),
           follow_up_id = coalesce($7, e.follow_up_id),
           owner_id = responsible.id,
           project_id = coalesce(e.project_id, responsible.telephony_project_id),
           org_unit_id = coalesce(e.org_unit_id, responsible.telephony_org_unit_id,
                                  CASE WHEN responsible.telephony_project_id IS NULL THEN responsible.org_unit_id END)
      FROM event was
      LEFT JOIN device d ON d.number = coalesce($5, $6)
      LEFT JOIN task f ON f.id = $7
      LEFT JOIN app_user responsible ON responsible.id = coalesce(was.owner_id, d.user_id, f.assignee_id)
     WHERE was.id = $1 AND e.id = was.id
    RETURNING e.project_id
"""
NUMBER = "UPDATE event SET number = $2 WHERE id = $1 AND number IS NULL"


async def call_ended(
    conn: Connection,
    event_id: UUID,
    *,
    at: datetime,
    talk_seconds: float,
    missed_type: str | None,
    caller: str | None,
    rung: str | None,
    follow_up: UUID | None,
) -> None:
    """Close the Event. Responsible for a missed call: who was rung last, else who owns the follow-up.

    The number comes now, since only now the project is known that it counts in.
    """
    project_id = await conn.fetchval(
        CALL_ENDED, event_id, at, talk_seconds, missed_type, caller, rung if missed_type else None, follow_up
    )
    number = await numbering.next_number(conn, "event", project_id=project_id)
    await conn.execute(NUMBER, event_id, str(number))


# R-CALL-12, R-CALL-13: the Event is its user's; a SIP account without a user makes none.
PHONE = """
    INSERT INTO event (id, type, number, started_at, ended_at, phone, owner_id, internal, project_id, org_unit_id)
    SELECT $1, $2, $5, $3, $3, d.number, u.id, true, u.telephony_project_id,
           coalesce(u.telephony_org_unit_id, CASE WHEN u.telephony_project_id IS NULL THEN u.org_unit_id END)
      FROM device d JOIN app_user u ON u.id = d.user_id
     WHERE d.number = $4
"""
PROJECTS_OF = """
    SELECT d.number, u.telephony_project_id FROM device d JOIN app_user u ON u.id = d.user_id
     WHERE d.number = ANY($1::text[])
"""


async def projects_of(conn: Connection, extensions: Iterable[str]) -> dict[str, UUID | None]:
    """The projects that the users of these extensions work for; without those that belong to nobody."""
    rows = await conn.fetch(PROJECTS_OF, list(extensions))
    return {row["number"]: row["telephony_project_id"] for row in rows}


async def phones_changed(conn: Connection, facts: Sequence[PhoneOnline | PhoneOffline]) -> None:
    """Register that users' phones came online or went offline."""
    if not facts:
        return
    projects = await projects_of(conn, {fact.extension for fact in facts})
    for fact in facts:
        if fact.extension in projects:
            number = await numbering.next_number(conn, "event", project_id=projects[fact.extension])
            kind = "phone_on" if isinstance(fact, PhoneOnline) else "phone_off"
            await conn.execute(PHONE, uuid7(), kind, fact.at, fact.extension, str(number))
