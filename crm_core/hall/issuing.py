"""Two ways into the queue (R-QUEUE-10): a booking on a website, a walk-in at the hall administrator's desk.

Each is an Event, a ticket with a number of the project's series of that local day, and a fact, in one transaction.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from crm_core import numbering, settings
from crm_core.access import Right, require
from crm_core.clients.phone_numbers import PhoneNumber, normalise
from crm_core.clients.whose import only_matches
from crm_core.database import Connection
from crm_core.hall import tasks
from crm_core.hall.facts import TICKET_ISSUED, tell
from crm_core.hall.reading import Ticket, read
from crm_core.hall.services import Service, by_code, local_days, minutes_for
from crm_core.organisation import User
from crm_core.settings import Settings
from queue_engine.facts import TicketIssued

LATENESS = timedelta(minutes=5)  # how far in the past a booked time may be: clocks differ, forms are slow
FARTHEST = timedelta(days=366)
MOST_COMPANIES = 50
LONGEST_NAME = 200
LANGUAGES = ("uk", "en", "ru")


class Refused(Exception):
    """The booking cannot be taken. `field` names what is wrong (R-QUEUE-19), `reason` is a key that is translated:
    required, invalid, unknown, in_the_past, too_far, reused, numbering_off."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What a website sends (R-QUEUE-12..16)."""

    service_code: str
    starts_at: datetime  # aware
    name: str
    phone: str
    company_count: int = 1
    language: str = "uk"
    idempotency_key: str | None = None  # None: the sender cannot repeat itself safely


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkIn:
    """Whom the hall administrator lets in; name and phone may stay empty."""

    service_code: str
    name: str = ""
    phone: str = ""
    company_count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    service: Service
    booked: bool
    starts_at: datetime
    name: str
    phone: PhoneNumber
    company_count: int
    language: str
    idempotency_key: str | None = None
    request_sha256: bytes | None = None
    issued_by: UUID | None = None


# Posts with the same key wait for each other; the second finds what the first made.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('dzvin.booking ' || $1::text, 0))"
BY_KEY = "SELECT id, request_sha256 FROM ticket WHERE idempotency_key = $1"


async def book(conn: Connection, booking: Booking, *, now: datetime) -> Ticket:
    """Take a booking. The same post again, at once or later, gives the same ticket. Raises Refused."""
    _check(booking)
    parameters = await _parameters(conn)
    phone = normalise(booking.phone, region=parameters.region)
    if phone.e164 is None:
        raise Refused("phone", "invalid")
    service = await by_code(conn, booking.service_code)
    if service is None:
        raise Refused("service_code", "unknown")
    digest = hashlib.sha256(msgspec.json.encode(booking)).digest()
    async with conn.transaction():
        if booking.idempotency_key is not None:
            await conn.execute(ONE_AT_A_TIME, booking.idempotency_key)
            if made := await conn.fetchrow(BY_KEY, booking.idempotency_key):
                if made["request_sha256"] != digest:
                    raise Refused("idempotency_key", "reused")
                return await read(conn, made["id"])
        _check_time(booking.starts_at, now)  # only now: who repeats a post may do so when the time has passed
        visit = _Visit(
            service=service,
            booked=True,
            starts_at=booking.starts_at,
            name=booking.name.strip(),
            phone=phone,
            company_count=booking.company_count,
            language=booking.language,
            idempotency_key=booking.idempotency_key,
            request_sha256=digest,
        )
        return await _make(conn, visit, parameters, now)


async def issue(conn: Connection, user: User, walk_in: WalkIn, *, now: datetime) -> Ticket:
    """A ticket for who stands at the desk, for now (R-QUEUE-20). Raises Refused, Forbidden."""
    require(user, Right.ISSUE_TICKETS)
    _check_texts(walk_in.name, walk_in.phone, walk_in.company_count)
    parameters = await _parameters(conn)
    service = await by_code(conn, walk_in.service_code)
    if service is None:
        raise Refused("service_code", "unknown")
    visit = _Visit(
        service=service,
        booked=False,
        starts_at=now,
        name=walk_in.name.strip(),
        phone=normalise(walk_in.phone, region=parameters.region),
        company_count=walk_in.company_count,
        language=user.locale,
        issued_by=user.id,
    )
    async with conn.transaction():
        return await _make(conn, visit, parameters, now)


async def _parameters(conn: Connection) -> settings.Settings:
    """R-QUEUE-02, R-QUEUE-03: a queue lives by the numbers of its project."""
    parameters = await settings.load(conn)
    if not parameters.auto_numbering:
        raise Refused("auto_numbering", "numbering_off")
    if not parameters.event_numbers_per_project:
        raise Refused("event_numbers_per_project", "numbering_off")
    return parameters


def _check(booking: Booking) -> None:
    required = {
        "service_code": booking.service_code,
        "name": booking.name,
        "phone": booking.phone,
    }
    for name, value in required.items():
        if not value.strip():
            raise Refused(name, "required")
    if booking.starts_at.tzinfo is None:
        raise Refused("starts_at", "invalid")  # whose clock?
    if booking.language not in LANGUAGES:
        raise Refused("language", "unknown")
    key = booking.idempotency_key
    if key is not None and not (0 < len(key) <= LONGEST_NAME and key.isprintable()):
        raise Refused("idempotency_key", "invalid")
    _check_texts(booking.name, booking.phone, booking.company_count)


def _check_time(starts_at: datetime, now: datetime) -> None:
    if starts_at < now - LATENESS:
        raise Refused("starts_at", "in_the_past")
    if starts_at > now + FARTHEST:
        raise Refused("starts_at", "too_far")


def _check_texts(name: str, phone: str, company_count: int) -> None:
    if not 1 <= company_count <= MOST_COMPANIES:
        raise Refused("company_count", "invalid")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused("name", "invalid")
    if len(phone) > LONGEST_NAME or not phone.isprintable():
        raise Refused("phone", "invalid")


ADD_PARTY = "INSERT INTO party (id, number, e164, name) VALUES ($1, $2, $3, $4)"
ADD_EVENT = """
    INSERT INTO event (id, type, number, project_id, started_at, ended_at, phone, e164, display_name, client_id,
                       created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
ADD_TICKET = """
    INSERT INTO ticket (id, event_id, service_id, project_id, party_id, booked, day, number, starts_at, ends_at,
                        company_count, language, idempotency_key, request_sha256)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""


async def _make(conn: Connection, visit: _Visit, parameters: Settings, now: datetime) -> Ticket:
    service = visit.service
    ends_at = visit.starts_at + timedelta(minutes=await minutes_for(conn, service, visit.company_count))
    # R-QUEUE-22, R-QUEUE-24: the project's own series, begun anew on each local day of its branch.
    day = (await local_days(conn, parameters, visit.starts_at))[service.project_id]
    count = await numbering.next_number(conn, "ticket", project_id=service.project_id, prefix=service.prefix, day=day)
    number = f"{service.prefix}{count:03}"
    event_id, ticket_id, party_id = uuid7(), uuid7(), uuid7()
    await conn.execute(ADD_PARTY, party_id, visit.phone.raw, visit.phone.e164, visit.name)
    await _add_event(conn, visit, event_id, number, ends_at)
    await conn.execute(
        ADD_TICKET, ticket_id, event_id, service.id, service.project_id, party_id, visit.booked, day, number,
        visit.starts_at, ends_at, visit.company_count, visit.language, visit.idempotency_key, visit.request_sha256,
    )  # fmt: skip
    if parameters.queue_creates_task:  # R-QUEUE-08, R-QUEUE-09
        await tasks.create(conn, event_id, assignee=None, now=now)
    issued = TicketIssued(
        id=uuid7(),
        at=now,
        ticket=ticket_id,
        service=service.id,
        number=number,
        starts_at=visit.starts_at,
        booked=visit.booked,
    )
    await tell(conn, TICKET_ISSUED, issued)
    return await read(conn, ticket_id)


async def _add_event(conn: Connection, visit: _Visit, event_id: UUID, number: str, ends_at: datetime) -> None:
    """R-QUEUE-07: type Electronic queue for a booking (R-QUEUE-14), Queue for a walk-in (R-QUEUE-20)."""
    e164 = visit.phone.e164
    client = (await only_matches(conn, [e164])).get(e164) if e164 else None
    await conn.execute(
        ADD_EVENT, event_id, "electronic_queue" if visit.booked else "queue", number, visit.service.project_id,
        visit.starts_at, ends_at, visit.phone.raw, e164, visit.name, client.id if client else None, visit.issued_by,
    )  # fmt: skip
