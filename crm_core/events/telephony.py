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
    contact_id: UUID | None
    contact_name: str | None
    placed_by: str | None  # the extension that placed the call; who takes one is known later
    call_id: UUID
    internal: bool
    party_key: str


# A colleague's name is the company's own; outside, the display name is all that the call says.
ADD = """
    INSERT INTO event (id, type, started_at, phone, e164, display_name, client_id, contact_id, owner_id, call_id,
                       internal, party_key)
    SELECT n.id, n.type, n.started_at, n.phone, n.e164,
           coalesce(nullif(n.display_name, ''), CASE WHEN n.internal THEN colleague.full_name END, ''),
           n.client_id, n.contact_id, placer.user_id, n.call_id, n.internal, n.party_key
      FROM jsonb_to_recordset($1::jsonb) AS n (
               id uuid, type text, started_at timestamptz, phone text, e164 text, display_name text, client_id uuid,
               contact_id uuid, placed_by text, call_id uuid, internal boolean, party_key text)
      LEFT JOIN device placer ON placer.number = n.placed_by
      LEFT JOIN device caller ON caller.number = n.phone AND n.internal
      LEFT JOIN app_user colleague ON colleague.id = caller.user_id
"""


async def add(conn: Connection, new: Sequence[NewCallEvent]) -> None:
    """The type is set (R-CALL-03), the number is kept (R-CALL-15), the client filled where it is the only one."""
    if new:
        await conn.execute(ADD, msgspec.json.encode(new).decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A call was answered: `extension` took or placed it, and the party with these keys was reached."""

    call_id: UUID | None  # None: a person says so
    event_id: UUID | None  # None: left out by the short-number rule
    party_keys: Sequence[str]
    at: datetime
    extension: str
    outbound: bool
    user_id: UUID | None = None  # who says so
    asked: bool = False  # it is a return call that was asked for or planned (O-01)


# The party's missed calls leave the unanswered list (R-CALL-40), and name the first call after them that reached it, or
# its number. An outgoing
# call answers the latest of the missed incoming ones: R-CALL-09 with O-02, one Event a call, with the narrower type.
# Where none is open, a return call that was asked for, in a line too, is a Callback (R-CALL-10, O-01). An internal
# call keeps the callee's kind. R-CALL-19; R-CALL-21..23: project and structural unit come from the responsible person's
# settings.
CALLS_ANSWERED = """
    WITH reached AS (
        SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (
                   event_id uuid, party_keys text[], at timestamptz, extension text, outbound boolean, asked boolean)
         WHERE r.event_id IS NOT NULL
    ), first AS (
        SELECT DISTINCT ON (missed.id) missed.id, r.event_id
          FROM reached r, unnest(r.party_keys) AS k (key), LATERAL (
              SELECT m.id, m.started_at FROM event m
               WHERE m.party_key = k.key AND m.type IN ('missed_incoming_call', 'missed_outgoing_call')
                 AND m.answered_event_id IS NULL
              UNION ALL
              SELECT m.id, m.started_at FROM event m WHERE m.e164 = k.key AND m.unanswered) missed
         WHERE missed.started_at <= r.at
         ORDER BY missed.id, r.at, r.event_id
    ), answered AS (
        UPDATE event e SET answered_event_id = first.event_id
          FROM first
         WHERE e.id = first.id AND e.answered_event_id IS NULL
        RETURNING e.id, e.type, e.started_at, first.event_id AS by_event
    ), latest AS (
        SELECT DISTINCT ON (a.by_event) a.by_event, a.id FROM answered a
         WHERE a.type = 'missed_incoming_call'
         ORDER BY a.by_event, a.started_at DESC
    )
    UPDATE event e
       SET answered_at = r.at,
           owner_id = coalesce(taker.id, e.owner_id),
           project_id = coalesce(e.project_id, taker.telephony_project_id),
           org_unit_id = coalesce(e.org_unit_id, taker.telephony_org_unit_id,
                                  CASE WHEN taker.telephony_project_id IS NULL THEN taker.org_unit_id END),
           type = CASE WHEN latest.id IS NOT NULL THEN 'missed_call_answer'
                       WHEN r.outbound AND (r.asked OR EXISTS (SELECT FROM callback c WHERE c.last_call = e.call_id))
                       THEN 'callback' ELSE e.type END,
           answers_event_id = latest.id
      FROM reached r
      LEFT JOIN device d ON d.number = r.extension
      LEFT JOIN app_user taker ON taker.id = d.user_id
      LEFT JOIN latest ON latest.by_event = r.event_id AND r.outbound
     WHERE e.id = r.event_id
"""


async def calls_answered(conn: Connection, reached: Sequence[Reached]) -> None:
    if reached:
        await conn.execute(CALLS_ANSWERED, msgspec.json.encode(reached).decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedEvent:
    """An Event whose call is over. `missed_type`: None when it was answered. `caller`, else `rung`: who is responsible
    when nobody is yet, else who owns the follow-up."""

    event_id: UUID
    at: datetime
    talk_seconds: float
    missed_type: str | None
    caller: str | None
    rung: str | None
    follow_up: UUID | None


CALLS_ENDED = """
    UPDATE event e
       SET ended_at = n.at,
           talk_seconds = n.talk_seconds,
           type = coalesce(n.missed_type, e.type),
           follow_up_id = coalesce(n.follow_up, e.follow_up_id),
           owner_id = responsible.id,
           project_id = coalesce(e.project_id, responsible.telephony_project_id),
           org_unit_id = coalesce(e.org_unit_id, responsible.telephony_org_unit_id,
                                  CASE WHEN responsible.telephony_project_id IS NULL THEN responsible.org_unit_id END)
      FROM jsonb_to_recordset($1::jsonb) AS n (
               event_id uuid, at timestamptz, talk_seconds double precision, missed_type text, caller text, rung text,
               follow_up uuid)
      JOIN event was ON was.id = n.event_id
      LEFT JOIN device d ON d.number = coalesce(n.caller, n.rung)
      LEFT JOIN task f ON f.id = n.follow_up
      LEFT JOIN app_user responsible ON responsible.id = coalesce(was.owner_id, d.user_id, f.assignee_id)
     WHERE e.id = n.event_id
    RETURNING e.id, e.project_id
"""
NUMBER = """
    UPDATE event e SET number = n.number
      FROM unnest($1::uuid[], $2::text[]) AS n (id, number)
     WHERE e.id = n.id AND e.number IS NULL
"""


async def calls_ended(conn: Connection, ended: Sequence[EndedEvent]) -> None:
    """Close the Events. They are numbered now, in this order: only now the project is known that each counts in."""
    if not ended:
        return
    rows = await conn.fetch(CALLS_ENDED, msgspec.json.encode(ended).decode())
    projects: dict[UUID, UUID | None] = {row["id"]: row["project_id"] for row in rows}
    known = [each.event_id for each in ended if each.event_id in projects]
    numbers = await numbering.next_numbers(conn, "event", [projects[event_id] for event_id in known])
    await conn.execute(NUMBER, known, [str(number) for number in numbers])


# R-CALL-12, R-CALL-13: the Event is its user's; a SIP account without a user makes none.
PHONES = """
    INSERT INTO event (id, type, number, started_at, ended_at, phone, owner_id, internal, project_id, org_unit_id)
    SELECT n.id, n.type, n.number, n.at, n.at, d.number, u.id, true, u.telephony_project_id,
           coalesce(u.telephony_org_unit_id, CASE WHEN u.telephony_project_id IS NULL THEN u.org_unit_id END)
      FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
           AS n (id, type, at, extension, number)
      JOIN device d ON d.number = n.extension
      JOIN app_user u ON u.id = d.user_id
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
    users = [fact for fact in facts if fact.extension in projects]
    if not users:
        return
    numbers = await numbering.next_numbers(conn, "event", [projects[fact.extension] for fact in users])
    await conn.execute(
        PHONES,
        [uuid7() for _ in users],
        ["phone_on" if isinstance(fact, PhoneOnline) else "phone_off" for fact in users],
        [fact.at for fact in users],
        [fact.extension for fact in users],
        [str(number) for number in numbers],
    )
