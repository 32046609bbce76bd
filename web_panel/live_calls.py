"""One live call as the panel follows it: built from facts, asked for its state and for what it says of each person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from callflow.facts import Direction, Outcome, Target
from web_panel.statuses import AgentStatus, CallState


@dataclass(slots=True)
class Party:
    number: str = ""
    name: str = ""
    client_id: UUID | None = None
    client_name: str | None = None
    extension: bool = False  # a colleague's number
    e164: str | None = None  # of an outside number


@dataclass(slots=True)
class Offer:
    extension: str
    since: datetime


@dataclass(slots=True)
class Segment:
    extension: str
    since: datetime


@dataclass(slots=True, kw_only=True)
class LiveCall:
    call_id: UUID
    direction: Direction
    party_id: UUID
    started_at: datetime
    caller: str | None
    dialled: str | None
    party: Party = field(default_factory=Party)
    target: Target | None = None
    line: str | None = None
    waiting_since: datetime | None = None  # in the line; None once somebody took the call
    offers: dict[UUID, Offer] = field(default_factory=dict)  # by leg
    rung: frozenset[str] = frozenset()  # every extension that was ever offered this call
    segments: dict[UUID, Segment] = field(default_factory=dict)
    held_by: dict[str | None, datetime] = field(default_factory=dict)
    routed_at: datetime | None = None
    answered_at: datetime | None = None
    recorded: bool = False
    event_id: UUID | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None

    @property
    def state(self) -> CallState:
        if self.ended_at:
            return CallState.ENDED
        if self.segments:
            return CallState.HELD if self.held_by else CallState.TALKING
        if self.offers:
            return CallState.RINGING
        if self.waiting_since:
            return CallState.QUEUED
        return CallState.MENU if self.target is Target.MENU else CallState.RINGING

    @property
    def since(self) -> datetime:
        """When the present state began."""
        match self.state:
            case CallState.ENDED if self.ended_at:
                return self.ended_at
            case CallState.TALKING:
                return min(segment.since for segment in self.segments.values())
            case CallState.HELD:
                return min(self.held_by.values())
            case CallState.RINGING if self.offers:
                return min(offer.since for offer in self.offers.values())
            case CallState.QUEUED if self.waiting_since:
                return self.waiting_since
            case _:
                return self.routed_at or self.started_at

    def extensions(self) -> dict[str, tuple[AgentStatus, datetime]]:
        """Everybody of the company in this call, what the call says of each, and since when."""
        if self.ended_at:
            return {}
        said: dict[str, tuple[AgentStatus, datetime]] = {}
        for offer in self.offers.values():
            said[offer.extension] = (AgentStatus.OFFERED, offer.since)
        if self.caller and self.caller not in said:
            said[self.caller] = (AgentStatus.CALLING, self.started_at)
        if not self.segments:
            return said
        talkers = {segment.extension: segment.since for segment in self.segments.values()}
        if self.caller:
            talkers.setdefault(self.caller, min(talkers.values()))
        held_at = min(self.held_by.values(), default=None)
        for extension, since in talkers.items():
            said[extension] = (AgentStatus.WAITING, held_at) if held_at else (AgentStatus.BUSY, since)
        return said

    def offered_to(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(offer.extension for offer in self.offers.values()))
