"""The engine's owner: its clock, its subscribers. Nobody else touches the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from uuid import UUID

import structlog

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
    OfferTaken,
    TimePassed,
)
from queue_engine.place import Place
from queue_engine.reasons import LeaveReason
from queue_engine.work import Line, WorkItem

__all__ = ["MAX_WAITING", "Dispatcher", "LineFull", "NotAdmitted", "Place"]

log = structlog.get_logger("queue_engine.dispatcher")

MAX_WAITING = 10_000


class NotAdmitted(Exception):
    """The line takes nobody now; `reason` says why."""

    def __init__(self, line: str, reason: LeaveReason) -> None:
        super().__init__(f"{line}: {reason}")
        self.reason = reason


class LineFull(NotAdmitted):
    """The line, or the dispatcher, holds as many items as it may."""

    def __init__(self, line: str) -> None:
        super().__init__(line, LeaveReason.FULL)


def _nobody_asks(auto_pause: AutoPause) -> None:
    pass


class Dispatcher:
    def __init__(self, lines: Iterable[Line]) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = Engine(lines, self._loop.time())
        self._places: dict[UUID, Place] = {}
        self._wake: asyncio.TimerHandle | None = None
        self._wills: dict[str, Will] = {}
        self.on_auto_pause: Callable[[AutoPause], None] = _nobody_asks

    def __len__(self) -> int:
        return len(self._places)

    def enter(self, item_id: UUID, line: str) -> Place:
        """Take a place at the end of the line. Raises LineFull."""
        return self.put(WorkItem(item_id, line, self._loop.time()))

    def put(self, item: WorkItem) -> Place:
        """Take the place that the item is due. Raises NotAdmitted."""
        if len(self._places) >= MAX_WAITING:
            raise LineFull(item.line)
        place = Place(self, item)
        self._places[item.item_id] = place
        self.give(ItemArrived(item))
        return place

    def left(self, item_id: UUID, reason: LeaveReason = LeaveReason.ABANDONED) -> None:
        self.over(item_id, ItemLeft(item_id, reason))

    def taken(self, item_id: UUID, extension: str) -> None:
        """The item waits no more; it is the agent's until `ServiceEnded`."""
        self.give(OfferTaken(item_id, extension))
        self._places.pop(item_id, None)

    def over(self, item_id: UUID, given: Input) -> None:
        """The last word about an item. Safe to say twice."""
        if self._places.pop(item_id, None) is not None:
            self.give(given)

    def reachable(self, extension: str, reachable: bool) -> None:
        self._observed(extension, AgentReachable(extension, reachable))

    def legs(self, extension: str, legs: int) -> None:
        self._observed(extension, AgentLegs(extension, legs))

    def declare(self, extension: str, will: Will) -> None:
        self._wills[extension] = will
        self._observed(extension, AgentWill(extension, will))

    def _observed(self, extension: str, given: Input) -> None:
        """Most phones serve no line, and what they do gives nobody in a line an agent."""
        if extension in self._engine.agents:
            self.give(given)

    def will(self, extension: str) -> Will:
        return self._wills.get(extension, Will.READY)

    def position(self, item_id: UUID) -> int | None:
        return self._engine.position(item_id)

    def close(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    def give(self, given: Input) -> None:
        """One input to the engine; its decisions are carried out before the next."""
        self.close()
        for decision in self._engine.handle(given, self._loop.time()):
            self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> None:
        match decision:
            case Offer(item_id) | Withdraw(item_id) | Leave(item_id):
                log.info(type(decision).__name__.lower(), item=str(item_id), decision=str(decision))
                place = self._places.get(item_id)
                if isinstance(decision, Leave):
                    self._places.pop(item_id, None)
                if place is not None:
                    place.decided(decision)
            case AutoPause(extension, cause, misses):
                log.info("auto pause", extension=extension, cause=cause.value, misses=misses)
                self._wills[extension] = Will.PAUSED
                self.on_auto_pause(decision)
            case StrategyFailed(line, strategy, error):
                log.warning("strategy failed", line=line, strategy=strategy, error=error)
            case WakeAt(at):
                self._wake = self._loop.call_at(at, self.give, TimePassed())
