"""Tickets as operators, the hall administrator and the hall display see them (R-PANEL-16: the display, no names)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg

from crm_core import settings
from crm_core.access import Right, allowed, require
from crm_core.database import Connection
from crm_core.hall.services import local_days
from crm_core.organisation import User

LIST_LIMIT = 500


class TicketState(StrEnum):
    WAITING = "waiting"
    CALLED = "called"
    SERVED = "served"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A visitor's place in the hall."""

    id: UUID
    number: str
    service_id: UUID
    service_code: str
    booked: bool
    starts_at: datetime
    ends_at: datetime
    state: TicketState
    window: str | None
    called_at: datetime | None
    called_by: UUID | None
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingTicket(Ticket):
    """The same with the person behind it: for those who serve the hall, never for its display."""

    name: str
    phone: str
    company_count: int
    checked_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One line of the hall display: who is to go where (R-QUEUE-32, -33)."""

    number: str
    window: str
    called_at: datetime


TICKET = """
    SELECT t.id, t.number, t.service_id, s.code AS service_code, t.booked, t.starts_at, t.ends_at, t.state,
           t.service_window, t.called_at, t.called_by, t.event_id
      FROM ticket t JOIN service s ON s.id = t.service_id
"""
ONE = TICKET + " WHERE t.id = $1"


async def read(conn: Connection, ticket_id: UUID) -> Ticket:
    row = await conn.fetchrow(ONE, ticket_id)
    assert row is not None, "the caller has just locked or made it"
    return from_row(row)


BOARD = """
    SELECT number, service_window, called_at FROM ticket WHERE state = 'called'
     ORDER BY called_at DESC, id DESC LIMIT $1
"""


async def board(conn: Connection, *, limit: int = 8) -> list[BoardLine]:
    """Who has been called and not yet served, the latest first. For everybody in the hall: takes no user."""
    rows = await conn.fetch(BOARD, max(1, min(limit, LIST_LIMIT)))
    return [BoardLine(row["number"], row["service_window"], row["called_at"]) for row in rows]


WAITING = """
    SELECT t.id, t.number, t.service_id, s.code AS service_code, t.booked, t.starts_at, t.ends_at, t.state,
           t.service_window, t.called_at, t.called_by, t.event_id, t.company_count, t.checked_in_at,
           coalesce(party.name, '') AS name, coalesce(party.number, '') AS phone
      FROM ticket t JOIN service s ON s.id = t.service_id LEFT JOIN party ON party.id = t.party_id
     WHERE t.state IN ('waiting', 'called')
       AND ($1::boolean OR EXISTS (SELECT 1 FROM project_member m WHERE m.project_id = t.project_id AND m.user_id = $2))
       AND (t.state = 'called' OR (t.project_id, t.day) IN (SELECT * FROM unnest($3::uuid[], $4::date[])))
     ORDER BY t.starts_at, t.id
     LIMIT $5
"""


async def waiting(conn: Connection, user: User, *, now: datetime | None = None) -> list[WaitingTicket]:
    """Who waits today, and who is being served since whatever day: in all queues for who issues tickets, for
    an operator in the queues of the own working groups. `now` is the data base's when not given. Raises Forbidden.
    """
    require(user, Right.SEE_HALL)
    now = now or await conn.fetchval("SELECT now()")
    days = await local_days(conn, await settings.load(conn), now)
    sees_every_queue = allowed(user, Right.ISSUE_TICKETS)
    rows = await conn.fetch(WAITING, sees_every_queue, user.id, list(days), list(days.values()), LIST_LIMIT)
    return [WaitingTicket(**_fields(row)) for row in rows]


AT_WINDOW = "SELECT d.number FROM ticket t JOIN device d ON d.user_id = t.called_by WHERE t.state = 'called'"


async def extensions_at_window(conn: Connection) -> frozenset[str]:
    """Of everybody who serves a visitor now. Takes no user: the dispatcher asks."""
    return frozenset(row["number"] for row in await conn.fetch(AT_WINDOW))


CURRENT = TICKET + " WHERE t.called_by = $1 AND t.state = 'called'"


async def current(conn: Connection, user: User) -> Ticket | None:
    """The ticket that this operator is serving."""
    row = await conn.fetchrow(CURRENT, user.id)
    return from_row(row) if row else None


def from_row(row: asyncpg.Record) -> Ticket:
    """A Ticket from a row with the columns of `TICKET`."""
    return Ticket(**_fields(row))


def _fields(row: asyncpg.Record) -> dict[str, Any]:
    fields = dict(row)
    fields["window"] = fields.pop("service_window")
    fields["state"] = TicketState(fields["state"])
    return fields
