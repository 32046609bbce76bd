"""The operator's side: next, please (R-QUEUE-25..39).

The row lock is the rule: of two operators who ask at the same moment each gets a ticket of their own (R-QUEUE-36), and
a key of the schema sees to it that an operator has one live ticket (R-QUEUE-38).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from crm_core import settings
from crm_core.access import NotFound, Right, require, sees_all
from crm_core.database import Connection
from crm_core.follow_ups.opening import close_visited
from crm_core.hall import tasks
from crm_core.hall.facts import TICKET_CALLED, TICKET_SERVED, tell
from crm_core.hall.reading import Ticket, current, read
from crm_core.hall.services import local_days
from crm_core.organisation import User
from queue_engine.facts import TicketCalled, TicketServed

LONGEST_RESULT = 4000


class NotYours(Exception):
    """Another operator called this visitor, or nobody has."""


# R-QUEUE-26, -27: queues in use whose working group the operator is in. R-QUEUE-28, -39 with O-05: earliest start
# first, bookings and walk-ins in one order. Who has reported in is here; who has not is called when the time comes.
# R-QUEUE-35: what was called is not waiting any more. Yesterday's tickets are over.
NEXT = """
    SELECT t.id, coalesce(m.service_window, u.service_window, '') AS service_window
      FROM ticket t
      JOIN project p ON p.id = t.project_id AND p.uses_queue
      JOIN project_member m ON m.project_id = t.project_id AND m.user_id = $1
      JOIN app_user u ON u.id = m.user_id
     WHERE t.state = 'waiting'
       AND (t.project_id, t.day) IN (SELECT * FROM unnest($2::uuid[], $3::date[]))
       AND (t.checked_in_at IS NOT NULL OR (t.starts_at <= $4 AND NOT (t.booked AND $5::boolean)))
     ORDER BY t.starts_at, t.id
     LIMIT 1
       FOR UPDATE OF t SKIP LOCKED
"""
CALL = "UPDATE ticket SET state = 'called', called_at = $2, called_by = $3, service_window = $4 WHERE id = $1"


async def call_next(conn: Connection, user: User, *, now: datetime) -> Ticket | None:
    """Call the visitor whose turn it is to this operator's window, and make the task (R-QUEUE-29..31).

    None when nobody is due, and for an operator who is still serving: that one is not free. Raises Forbidden.
    """
    require(user, Right.SERVE_TICKETS)
    parameters = await settings.load(conn)
    days = await local_days(conn, parameters, now)
    due = now + timedelta(minutes=parameters.queue_call_ahead_minutes)
    try:
        async with conn.transaction():
            if await current(conn, user):
                return None
            row = await conn.fetchrow(NEXT, user.id, list(days), list(days.values()), due, parameters.queue_check_in)
            if row is None:
                return None
            await conn.execute(CALL, row["id"], now, user.id, row["service_window"])
            return await _called(conn, user, row["id"], now)
    except asyncpg.UniqueViolationError:
        return None  # the same operator pressed twice; the first press has a ticket


async def _called(conn: Connection, user: User, ticket_id: UUID, now: datetime) -> Ticket:
    ticket = await read(conn, ticket_id)
    await tasks.create(conn, ticket.event_id, assignee=user.id, now=now)
    called = TicketCalled(
        id=uuid7(),
        at=now,
        ticket=ticket.id,
        service=ticket.service_id,
        number=ticket.number,
        window=ticket.window or "",
        user=user.id,
    )
    await tell(conn, TICKET_CALLED, called)
    return ticket


LOCK = """
    SELECT t.called_by, t.state, party.e164, 'client:' || event.client_id::text AS client
      FROM ticket t LEFT JOIN party ON party.id = t.party_id LEFT JOIN event ON event.id = t.event_id
     WHERE t.id = $1
       FOR UPDATE OF t
"""
SERVE = "UPDATE ticket SET state = 'served', served_at = $2 WHERE id = $1"


async def serve(conn: Connection, user: User, ticket_id: UUID, *, now: datetime, result: str = "") -> Ticket:
    """The visitor was served: the task is done (R-QUEUE-34), and whoever owed this number or its client a
    call owes none.

    By the operator who called, or by who sees all. Serving twice is harmless. Raises NotFound, NotYours, Forbidden.
    """
    require(user, Right.SERVE_TICKETS)
    async with conn.transaction():
        row = await conn.fetchrow(LOCK, ticket_id)
        if row is None:
            raise NotFound(ticket_id)
        if row["called_by"] is None or (row["called_by"] != user.id and not sees_all(user)):
            raise NotYours(ticket_id)
        if row["state"] == "served":
            return await read(conn, ticket_id)
        await conn.execute(SERVE, ticket_id, now)
        ticket = await read(conn, ticket_id)
        text = result.replace("\0", "")[:LONGEST_RESULT]
        await tasks.close(conn, ticket.event_id, now=now, by=user.id, result=text)
        if keys := [key for key in (row["client"], row["e164"]) if key]:
            await close_visited(conn, keys, at=now, user_id=user.id)
        served = TicketServed(
            id=uuid7(), at=now, ticket=ticket.id, service=ticket.service_id, number=ticket.number, user=user.id
        )
        await tell(conn, TICKET_SERVED, served)
        return ticket


CHECK_IN = (
    "UPDATE ticket SET checked_in_at = coalesce(checked_in_at, $2) WHERE id = $1 AND state = 'waiting' RETURNING id"
)


async def check_in(conn: Connection, user: User, ticket_id: UUID, *, now: datetime) -> Ticket:
    """A booked visitor has reported to the hall administrator (R-QUEUE-18): may be called before the booked time.

    Raises NotFound, Forbidden.
    """
    require(user, Right.ISSUE_TICKETS)
    if not await conn.fetchval(CHECK_IN, ticket_id, now):
        raise NotFound(ticket_id)
    return await read(conn, ticket_id)
