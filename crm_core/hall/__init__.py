"""The electronic queue of the hall: services, bookings, walk-ins, tickets, windows (R-QUEUE)."""

from __future__ import annotations

from crm_core.hall.facts import TICKET_CALLED, TICKET_ISSUED, TICKET_SERVED
from crm_core.hall.issuing import Booking, Refused, WalkIn, book, issue
from crm_core.hall.reading import (
    BoardLine,
    Ticket,
    TicketState,
    WaitingTicket,
    board,
    current,
    extensions_at_window,
    waiting,
)
from crm_core.hall.services import Service, services
from crm_core.hall.serving import NotYours, call_next, check_in, serve

__all__ = [
    "TICKET_CALLED",
    "TICKET_ISSUED",
    "TICKET_SERVED",
    "BoardLine",
    "Booking",
    "NotYours",
    "Refused",
    "Service",
    "Ticket",
    "TicketState",
    "WaitingTicket",
    "WalkIn",
    "board",
    "book",
    "call_next",
    "check_in",
    "current",
    "extensions_at_window",
    "issue",
    "serve",
    "services",
    "waiting",
]
