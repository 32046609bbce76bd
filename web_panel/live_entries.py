"""What the live panel keeps tables of: people, lines, missed calls and tickets (calls are in `live_calls`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from crm_core.organisation import User
from queue_engine.facts import AgentDeclared, HandRaised, Will
from web_panel.live_calls import Party
from web_panel.statuses import TicketState
from web_panel.wire import FollowUpView

_K = TypeVar("_K")
_V = TypeVar("_V")


def bound(table: dict[_K, _V], most: int) -> None:
    """At the bound the oldest entry goes."""
    while len(table) > most:
        del table[next(iter(table))]


class Kind(StrEnum):
    AGENT = "agent"
    CALL = "call"
    LINE = "line"
    MEETING = "meeting"
    MISSED = "missed"
    CARD = "card"
    TICKET = "ticket"
    NOTICE = "notice"
    BOARD = "board"


@dataclass(frozen=True, slots=True)
class CardKey:
    """One call's card for one viewer; `viewer` None: for all who see everything."""

    call_id: UUID
    viewer: UUID | None

    def __str__(self) -> str:
        return str(self.call_id)


Key = tuple[Kind, UUID | str | CardKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is shown on the panel. `extension` None: serves the hall only."""

    user_id: UUID
    name: str
    extension: str | None = None
    window: str | None = None
    uses_statuses: bool = False  # may choose user statuses


def person_of(user: User) -> Person:
    return Person(
        user_id=user.id,
        name=user.full_name,
        extension=user.extension,
        window=user.window,
        uses_statuses=user.uses_statuses,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    number: str
    name: str
    agents: tuple[str, ...] = ()  # extensions


@dataclass(slots=True, kw_only=True)
class Missed:
    key: str
    party: Party
    last_at: datetime
    line: str | None
    outcome: str
    calls: list[UUID]
    rung: frozenset[str] = frozenset()  # whose phones rang
    event_id: UUID | None = None
    follow_up: FollowUpView | None = None


@dataclass(slots=True, kw_only=True)
class Ticket:
    id: UUID
    number: str
    service: UUID
    starts_at: datetime
    booked: bool
    state: TicketState = TicketState.WAITING
    window: str | None = None
    user: UUID | None = None  # who called


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A media worker died, and with it the sound of so many legs."""

    at: datetime
    legs: int


@dataclass(frozen=True, slots=True)
class Declared:
    will: Will
    reason: str
    since: datetime


def agent_said(fact: AgentDeclared | HandRaised, declared: dict[UUID, Declared], hands: dict[UUID, datetime]) -> None:
    """A change of the reason counts from now; saying the same again does not. A hand that is up stays up."""
    if isinstance(fact, HandRaised):
        if fact.raised:
            hands.setdefault(fact.user, fact.at)
        else:
            hands.pop(fact.user, None)
        return
    before = declared.get(fact.user)
    if before is None or (before.will, before.reason) != (fact.will, fact.reason):
        declared[fact.user] = Declared(fact.will, fact.reason, fact.at)
