"""Talks of more than two, as the panel follows them: who takes part, and who sits beside which call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from callflow.room_facts import (
    ConferenceEnded,
    ConferenceJoined,
    ConferenceLeft,
    SupervisionChanged,
    SupervisionEnded,
    SupervisionMode,
    SupervisionStarted,
)

ConferenceFact = ConferenceJoined | ConferenceLeft | ConferenceEnded
SupervisionFact = SupervisionStarted | SupervisionChanged | SupervisionEnded


@dataclass(frozen=True, slots=True)
class Member:
    """`extension` None: an outside number."""

    extension: str | None
    number: str
    since: datetime


@dataclass(slots=True)
class LiveConference:
    members: dict[UUID, Member] = field(default_factory=dict)

    def hears(self, fact: ConferenceFact, number: str) -> None:
        """`number`: of the member who joins."""
        match fact:
            case ConferenceJoined():
                self.members[fact.member] = Member(fact.extension, number, fact.at)
            case ConferenceLeft():
                self.members.pop(fact.member, None)
            case ConferenceEnded():
                self.members.clear()


@dataclass(frozen=True, slots=True)
class Supervising:
    call_id: UUID
    agent: str
    mode: SupervisionMode


@dataclass(slots=True)
class Supervisions:
    """Who supervises, by extension. Only those who may supervise are shown it: the call itself says nothing of it."""

    by_extension: dict[str, Supervising] = field(default_factory=dict)

    def hears(self, fact: SupervisionFact) -> None:
        match fact:
            case SupervisionStarted():
                self.by_extension[fact.by] = Supervising(fact.call_id, fact.agent, fact.mode)
            case SupervisionChanged() if known := self.by_extension.get(fact.by):
                self.by_extension[fact.by] = Supervising(known.call_id, known.agent, fact.mode)
            case SupervisionEnded():
                self.by_extension.pop(fact.by, None)
            case _:
                pass
