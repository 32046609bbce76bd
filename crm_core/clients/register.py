"""The client register, as far as calls need it: look-up by number and registration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from uuid_utils.compat import uuid7

from crm_core import settings
from crm_core.access import Right, require
from crm_core.clients.phone_numbers import normalise
from crm_core.database import Connection
from crm_core.organisation import User


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMatch:
    """A client that has the number asked for."""

    id: UUID
    name: str
    owner_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    name: str
    phones: Sequence[str] = ()  # as typed
    owner_id: UUID | None = None


BY_PHONE = """
    SELECT c.id, c.name, c.owner_id
      FROM client c
     WHERE EXISTS (SELECT 1 FROM client_phone p WHERE p.client_id = c.id AND p.e164 = $1)
     ORDER BY c.name, c.id
     LIMIT 50
"""


async def by_phone(conn: Connection, e164: str) -> list[ClientMatch]:
    """Every client with this number (at most 50): a number may belong to many."""
    rows = await conn.fetch(BY_PHONE, e164)
    return [ClientMatch(id=row["id"], name=row["name"], owner_id=row["owner_id"]) for row in rows]


ONLY_MATCHES = """
    SELECT found.e164, c.id, c.name, c.owner_id
      FROM (SELECT p.e164, min(p.client_id::text)::uuid AS client_id
              FROM client_phone p
             WHERE p.e164 = ANY($1::text[])
             GROUP BY p.e164
            HAVING count(DISTINCT p.client_id) = 1) found
      JOIN client c ON c.id = found.client_id
"""


async def only_matches(conn: Connection, numbers: Sequence[str]) -> Mapping[str, ClientMatch]:
    """For each number that belongs to exactly one client, that client (R-CALL-16)."""
    if not numbers:
        return {}
    rows = await conn.fetch(ONLY_MATCHES, list(numbers))
    return {row["e164"]: ClientMatch(id=row["id"], name=row["name"], owner_id=row["owner_id"]) for row in rows}


CREATE = "INSERT INTO client (id, name, owner_id, created_by) VALUES ($1, $2, $3, $4)"
ADD_PHONE = "INSERT INTO client_phone (client_id, raw, e164) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"

# What that number owed before its client was known is owed to the client now. When the client has an open follow-up
# already, the number's own stays as it is: both keys are looked at when a call is missed or answered.
JOIN_FOLLOW_UP = """
    UPDATE task t SET client_id = $1::uuid, party_key = 'client:' || $1::uuid
     WHERE t.kind = 'follow_up' AND t.closed_at IS NULL AND t.party_key = $2
       AND NOT EXISTS (SELECT 1 FROM task other WHERE other.kind = 'follow_up' AND other.closed_at IS NULL
                          AND other.party_key = 'client:' || $1::uuid)
"""
JOIN_EVENTS = """
    UPDATE event SET client_id = $1::uuid, party_key = 'client:' || $1::uuid
     WHERE party_key = $2 AND type IN ('missed_incoming_call', 'missed_outgoing_call') AND answered_event_id IS NULL
"""


async def create(conn: Connection, user: User | None, new: NewClient) -> UUID:
    """Register a client; `user` is None when the program does it. Raises Forbidden."""
    if user is not None:
        require(user, Right.WRITE_CLIENTS)
    region = (await settings.load(conn)).region
    client_id = uuid7()
    async with conn.transaction():
        await conn.execute(CREATE, client_id, new.name, new.owner_id, user.id if user else None)
        for phone in new.phones:
            number = normalise(phone, region=region)
            await conn.execute(ADD_PHONE, client_id, number.raw, number.e164)
            if number.e164 and number.e164 in await only_matches(conn, [number.e164]):
                await conn.execute(JOIN_FOLLOW_UP, client_id, number.e164)
                await conn.execute(JOIN_EVENTS, client_id, number.e164)
    return client_id
