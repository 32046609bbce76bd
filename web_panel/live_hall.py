"""The hall in the live panel: which tickets wait, who serves which, and what the board says. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from queue_engine.facts import TicketCalled, TicketIssued, TicketServed
from web_panel.live_entries import Key, Kind, Ticket, bound
from web_panel.statuses import TicketState
from web_panel.wire import BoardLineView

if TYPE_CHECKING:
    from web_panel.live_state import LiveState

HallNews = TicketIssued | TicketCalled | TicketServed
MAX_TICKETS = 1_000
BOARD_LINES = 8


def happens(news: HallNews, state: LiveState) -> Iterator[Key]:
    """Take that over; what is shown otherwise by it."""
    yield Kind.TICKET, news.ticket
    match news:
        case TicketIssued():
            state.tickets[news.ticket] = Ticket(
                id=news.ticket, number=news.number, service=news.service, starts_at=news.starts_at, booked=news.booked
            )
            bound(state.tickets, MAX_TICKETS)
        case TicketCalled():
            yield from _called(news, state)
        case TicketServed():
            state.tickets.pop(news.ticket, None)
            state.board = _board_without(news.number, state)
            for user in [user for user, ticket in state.serving.items() if ticket == news.ticket]:
                del state.serving[user]
                yield Kind.AGENT, user
            yield Kind.BOARD, ""


def _called(news: TicketCalled, state: LiveState) -> Iterator[Key]:
    unknown = Ticket(id=news.ticket, number=news.number, service=news.service, starts_at=news.at, booked=False)
    ticket = state.tickets.setdefault(news.ticket, unknown)
    ticket.state, ticket.window, ticket.user = TicketState.CALLED, news.window, news.user
    state.serving[news.user] = news.ticket
    called = BoardLineView(number=news.number, window=news.window, called_at=news.at)
    state.board = (called, *_board_without(news.number, state))[:BOARD_LINES]
    yield Kind.BOARD, ""
    yield Kind.AGENT, news.user


def _board_without(number: str, state: LiveState) -> tuple[BoardLineView, ...]:
    return tuple(line for line in state.board if line.number != number)
