"""An engine with its clock, driven by short words."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from queue_engine.decisions import AutoPause, Decision, Leave, Offer, StrategyFailed, WakeAt, Withdraw
from queue_engine.engine import Engine
from queue_engine.facts import Will
from queue_engine.inputs import (
    AgentLegs,
    AgentReachable,
    AgentWill,
    Input,
    ItemArrived,
    ItemLeft,
    OfferRefused,
    OfferTaken,
    ServiceEnded,
    TimePassed,
)
from queue_engine.reasons import LeaveReason, RefusalCause
from queue_engine.strategy import Strategy
from queue_engine.work import ItemKind, Line, WorkItem

NOBODY: Mapping[str, int] = {}


def one(number: int) -> UUID:
    return UUID(int=number)


class Desk:
    """Items are numbers. `at` moves the clock; what the engine said since the last `heard` is kept."""

    def __init__(self, *lines: Line, seed: int = 1, own: Mapping[str, Strategy] | None = None) -> None:
        self.now = 0.0
        self.engine = Engine(lines, 0.0, seed=seed, own=own or {})
        self.decisions: list[Decision] = []
        self._wake: float | None = None

    def give(self, given: Input) -> list[Decision]:
        decisions = list(self.engine.handle(given, self.now))
        self._wake = next((decision.at for decision in decisions if isinstance(decision, WakeAt)), None)
        self.decisions.extend(decision for decision in decisions if not isinstance(decision, WakeAt))
        return decisions

    def at(self, now: float) -> Desk:
        """Goes from wake to wake, as a clock would."""
        while self._wake is not None and self._wake <= now:
            self.now = max(self.now, self._wake)
            self.give(TimePassed())
        self.now = now
        return self

    def comes(
        self,
        number: int,
        line: str = "7000",
        *,
        joined_at: float | None = None,
        priority: float = 0.0,
        skills: Mapping[str, int] = NOBODY,
        sticky: str | None = None,
        key: str | None = None,
        kind: ItemKind = ItemKind.CALL,
        not_before: float = float("-inf"),
    ) -> Desk:
        joined = self.now if joined_at is None else joined_at
        self.give(ItemArrived(WorkItem(one(number), line, joined, kind, priority, skills, sticky, key, not_before)))
        return self

    def leaves(self, number: int, reason: LeaveReason = LeaveReason.ABANDONED) -> None:
        self.give(ItemLeft(one(number), reason))

    def phone(self, *extensions: str) -> Desk:
        for extension in extensions:
            self.give(AgentReachable(extension, True))
        return self

    def gone(self, extension: str) -> None:
        self.give(AgentReachable(extension, False))

    def legs(self, extension: str, legs: int) -> None:
        self.give(AgentLegs(extension, legs))

    def will(self, extension: str, will: Will) -> None:
        self.give(AgentWill(extension, will))

    def refused(self, number: int, extension: str, cause: RefusalCause = RefusalCause.NO_ANSWER) -> None:
        self.give(OfferRefused(one(number), extension, cause))

    def taken(self, number: int, extension: str) -> None:
        self.give(OfferTaken(one(number), extension))

    def ended(self, number: int, extension: str) -> None:
        self.give(ServiceEnded(one(number), extension))

    def serve(self, number: int, extension: str, seconds: float) -> None:
        """Taken at once, talked that long."""
        self.taken(number, extension)
        self.at(self.now + seconds)
        self.ended(number, extension)

    def heard(self) -> list[Decision]:
        """Without wakes."""
        heard, self.decisions = self.decisions, []
        return heard

    def offers(self) -> list[tuple[int, str]]:
        return [(d.item_id.int, d.extension) for d in self.heard() if isinstance(d, Offer)]

    def asked(self) -> list[str]:
        return [extension for _, extension in self.offers()]

    def ends(self) -> list[tuple[int, LeaveReason]]:
        return [(d.item_id.int, d.reason) for d in self.heard() if isinstance(d, Leave)]

    def withdrawn(self) -> list[tuple[int, str, str]]:
        return [(d.item_id.int, d.extension, d.reason.value) for d in self.heard() if isinstance(d, Withdraw)]

    def pauses(self) -> list[str]:
        return [decision.extension for decision in self.heard() if isinstance(decision, AutoPause)]

    def failures(self) -> list[StrategyFailed]:
        return [decision for decision in self.heard() if isinstance(decision, StrategyFailed)]
