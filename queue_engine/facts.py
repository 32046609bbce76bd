"""What happened to agents' will and to hall tickets: the published language of the queue engine.

Standard library only; the rules of `callflow.facts` hold here too. Calls that wait are told by `callflow.facts`
(`CallQueued`, `CallOffered` …): a fact is published by the room that decided it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID


class Will(StrEnum):
    """What an agent declared. Busy is computed, never declared."""

    SIGNED_OUT = "signed_out"
    READY = "ready"
    ON_DEMAND = "on_demand"  # gets an offer only when nobody ready can take it
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFact:
    id: UUID
    at: datetime
    v: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDeclared(QueueFact):
    """What an agent is willing to do from now on (R-PANEL-08). `by` said it: the agent or a supervisor; None: the
    engine, because of `cause`, a word of `RefusalCause`."""

    user: UUID
    extension: str | None
    will: Will
    reason: str = ""
    by: UUID | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpSet(QueueFact):
    """The agent is in wrap-up until then. `item`: after which service it begins, of a call the call's id; None: a new
    end of one that runs, which may be `at`."""

    extension: str
    item: UUID | None
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpCut(QueueFact):
    """Somebody ended an agent's wrap-up before its deadline: the agent or a supervisor."""

    user: UUID
    extension: str
    by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class HandRaised(QueueFact):
    """An agent asks for a supervisor (`raised`), or the agent or a supervisor ends it."""

    user: UUID
    raised: bool
    by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketIssued(QueueFact):
    """A booking or a walk-in got its place in the hall queue."""

    ticket: UUID
    service: UUID
    number: str
    starts_at: datetime
    booked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketCalled(QueueFact):
    """The visitor's turn has come: number and window go on the board (R-QUEUE-32, R-QUEUE-33)."""

    ticket: UUID
    service: UUID
    number: str
    window: str
    user: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketServed(QueueFact):
    ticket: UUID
    service: UUID
    number: str
    user: UUID


KINDS: Mapping[str, type[QueueFact]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (AgentDeclared, WrapUpCut, WrapUpSet, HandRaised, TicketIssued, TicketCalled, TicketServed)
    }
)
