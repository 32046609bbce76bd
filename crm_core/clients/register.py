"""The client register, as far as calls need it: registration of clients and their contact persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from uuid_utils.compat import uuid7

from crm_core import settings
from crm_core.access import Right, require
from crm_core.clients.phone_numbers import PhoneNumber, normalise
from crm_core.clients.whose import only_matches
from crm_core.database import Connection
from crm_core.follow_ups import joining
from crm_core.organisation import User


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    name: str
    job_title: str = ""
    phones: Sequence[str] = ()  # as typed


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    name: str
    phones: Sequence[str] = ()  # as typed
    owner_id: UUID | None = None
    contacts: Sequence[NewContact] = ()


CREATE = "INSERT INTO client (id, name, owner_id, created_by) VALUES ($1, $2, $3, $4)"
ADD_PHONE = "INSERT INTO client_phone (client_id, raw, e164) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
ADD_CONTACT = "INSERT INTO contact_person (id, client_id, name, job_title, created_by) VALUES ($1, $2, $3, $4, $5)"
ADD_CONTACT_PHONE = "INSERT INTO contact_phone (contact_id, raw, e164) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"

JOIN_EVENTS = """
    UPDATE event SET client_id = $1::uuid, party_key = 'client:' || $1::uuid
     WHERE party_key = $2 AND type IN ('missed_incoming_call', 'missed_outgoing_call') AND answered_event_id IS NULL
"""
FORGET_STUB = "DELETE FROM unknown_caller WHERE e164 = $1"


async def took_over(conn: Connection, client_id: UUID, e164: str) -> None:
    """That number is this client's alone now: what it owed is the client's, and its stub is needed no more."""
    await joining.took_over(conn, client_id, e164)
    await conn.execute(JOIN_EVENTS, client_id, e164)
    await conn.execute(FORGET_STUB, e164)


async def create(conn: Connection, user: User | None, new: NewClient) -> UUID:
    """Register a client with its contact persons; `user` is None when the program does it. Raises Forbidden."""
    if user is not None:
        require(user, Right.WRITE_CLIENTS)
    region = (await settings.load(conn)).region
    client_id, by = uuid7(), user.id if user else None
    numbers: list[PhoneNumber] = []
    async with conn.transaction():
        await conn.execute(CREATE, client_id, new.name, new.owner_id, by)
        for phone in new.phones:
            number = normalise(phone, region=region)
            numbers.append(number)
            await conn.execute(ADD_PHONE, client_id, number.raw, number.e164)
        for contact in new.contacts:
            contact_id = uuid7()
            await conn.execute(ADD_CONTACT, contact_id, client_id, contact.name, contact.job_title, by)
            for phone in contact.phones:
                number = normalise(phone, region=region)
                numbers.append(number)
                await conn.execute(ADD_CONTACT_PHONE, contact_id, number.raw, number.e164)
        known = {number.e164 for number in numbers if number.e164}
        for e164 in await only_matches(conn, sorted(known)):
            await took_over(conn, client_id, e164)
    return client_id
