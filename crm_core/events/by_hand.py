"""A telephone call that a person registers by hand, in few words: it took place, so it counts as done (R-CALL-46)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from crm_core import numbering, settings
from crm_core.access import NotFound, Right, require
from crm_core.calls import rules
from crm_core.clients.phone_numbers import PhoneNumber, normalise
from crm_core.clients.whose import ClientMatch, only_matches
from crm_core.database import Connection
from crm_core.events.telephony import Reached
from crm_core.follow_ups import calls_back
from crm_core.organisation import User


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenCall:
    """`phone` as typed, "" when it is not known; without a client the only one with that number is meant."""

    outgoing: bool
    phone: str
    client_id: UUID | None
    started_at: datetime
    minutes: int
    content: str


KNOWN = "SELECT id, name, owner_id FROM client WHERE id = $1"
PLACE = """
    SELECT telephony_project_id AS project_id,
           coalesce(telephony_org_unit_id, CASE WHEN telephony_project_id IS NULL THEN org_unit_id END) AS org_unit_id
      FROM app_user WHERE id = $1
"""
ADD = """
    INSERT INTO event (id, type, number, project_id, org_unit_id, started_at, ended_at, phone, e164, client_id,
                       contact_id, owner_id, answered_at, talk_seconds, party_key, content, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $15, $11, $6, $12, $13, $14, $11)
"""
# "Fact", the manual's word for a task that is there because it was done.
DONE = """
    INSERT INTO task (id, kind, status, event_id, event_type, project_id, client_id, contact_id, phone, e164,
                      assignee_id, starts_at, ends_at, opened_at, closed_at, closed_by, result)
    SELECT $2, 'task', 'done', e.id, e.type, e.project_id, e.client_id, e.contact_id, e.phone, e.e164, e.owner_id,
           e.started_at, e.ended_at, $3, e.ended_at, e.owner_id, e.content
      FROM event e WHERE e.id = $1
"""


async def register_call(conn: Connection, user: User, taken: TakenCall, *, now: datetime) -> UUID:
    """The new Event's id. What was owed to the other side is made good by it, as by a call that we saw ourselves.

    Raises NotFound (the client), Forbidden.
    """
    require(user, Right.WRITE_EVENTS)
    number = normalise(taken.phone.replace("\0", ""), region=(await settings.load(conn)).region)
    event_id = uuid7()
    async with conn.transaction():
        client = await _client(conn, taken.client_id, number.e164)
        keys = rules.party_keys(number, extension=False, client_id=client.id if client else None, call_id=event_id)
        if client and number.withheld:
            keys = [f"client:{client.id}"]
        await _add(conn, user, taken, event_id=event_id, number=number, client=client, party_key=keys[0])
        reached = Reached(
            call_id=None,
            event_id=event_id,
            party_keys=keys,
            at=taken.started_at,
            extension="",
            outbound=taken.outgoing,
            user_id=user.id,
        )
        await calls_back.reached(conn, [reached])
        await conn.execute(DONE, event_id, uuid7(), now)
    return event_id


async def _add(
    conn: Connection,
    user: User,
    taken: TakenCall,
    *,
    event_id: UUID,
    number: PhoneNumber,
    client: ClientMatch | None,
    party_key: str,
) -> None:
    place = await conn.fetchrow(PLACE, user.id)
    assert place is not None, "who is signed in exists"
    numbered = await numbering.next_number(conn, "event", project_id=place["project_id"])
    await conn.execute(
        ADD,
        event_id,
        "outgoing_call" if taken.outgoing else "incoming_call",
        str(numbered),
        place["project_id"],
        place["org_unit_id"],
        taken.started_at,
        taken.started_at + timedelta(minutes=taken.minutes),
        number.raw,
        number.e164,
        client.id if client else None,
        user.id,
        taken.minutes * 60.0,
        party_key,
        taken.content.replace("\0", ""),
        client.contact_id if client else None,
    )


async def _client(conn: Connection, chosen: UUID | None, e164: str | None) -> ClientMatch | None:
    found = (await only_matches(conn, [e164])).get(e164) if e164 else None
    if chosen is None or (found and found.id == chosen):
        return found
    row = await conn.fetchrow(KNOWN, chosen)
    if row is None:
        raise NotFound(chosen)
    return ClientMatch(id=row["id"], name=row["name"], owner_id=row["owner_id"])
