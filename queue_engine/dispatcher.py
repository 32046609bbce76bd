"""The engine's owner: its clock, its subscribers. Nobody else touches the engine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from uuid import UUID

import structlog

from queue_engine.decisions import AutoPause, Decision, Leave, Offer, StrategyFailed, WakeAt, Withdraw, WrapUp
from queue_engine.engine import Engine
from queue_engine.explain import AgentStory, ItemStory
from queue_engine.facts import Will
from queue_engine.input_log import NOTHING_NOTED, Beginning, InputLog, Refusal, Step
from queue_engine.inputs import (
    AgentAtWindow,
    AgentLegs,
    AgentLines,
    AgentReachable,
    AgentSkills,
    AgentWill,
    Input,
    ItemArrived,
    ItemChanged,
    ItemLeft,
    LineChanged,
    LineOpened,
    OfferTaken,
    TimePassed,
    WrapUpEnded,
    WrapUpExtended,
)
from queue_engine.place import Place
from queue_engine.reasons import LeaveReason
from queue_engine.strategy import Strategy
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


def _nobody_asks(decision: Decision) -> None:
    pass


def strategy_of_ones_own(name: str) -> Strategy:
    """The function that "module:function" names. Raises ImportError or AttributeError when there is none."""
    module, _, function = name.partition(":")
    strategy: Strategy = getattr(import_module(module), function)
    return strategy


def strategies_of_ones_own(lines: Iterable[Line]) -> dict[str, Strategy]:
    return {line.strategy: strategy_of_ones_own(line.strategy) for line in lines if ":" in line.strategy}


class Dispatcher:
    """`seed` decides what chance decides; `noted` gets every input with what came of it. A line's strategy
    "module:function" is loaded here; raises ImportError or AttributeError when it cannot be, ValueError for a name that
    nobody knows."""

    def __init__(self, lines: Iterable[Line], seed: int = 0, noted: InputLog = NOTHING_NOTED) -> None:
        self._loop = asyncio.get_running_loop()
        begins = Beginning(self._loop.time(), seed, tuple(lines))
        self._engine = Engine(begins.lines, begins.now, seed=seed, own=strategies_of_ones_own(begins.lines))
        self.noted = noted
        noted.begins(begins)
        self._given: deque[Input] = deque()
        self._giving = False
        self._reachable: dict[str, bool] = {}
        self._legs: dict[str, int] = {}
        self._places: dict[UUID, Place] = {}
        self._at_window: set[str] = set()
        self._wake: asyncio.TimerHandle | None = None
        self._wills: dict[str, Will] = {}
        self._skills: dict[str, Mapping[str, int]] = {}
        self.on_auto_pause: Callable[[AutoPause], None] = _nobody_asks
        self.on_wrap_up: Callable[[WrapUp], None] = _nobody_asks

    def __len__(self) -> int:
        return len(self._places)

    def enter(self, item_id: UUID, line: str) -> Place:
        """Take a place at the end of the line. Raises NotAdmitted; LineFull is one."""
        return self.put(WorkItem(item_id, line, self._loop.time()))

    def put(self, item: WorkItem) -> Place:
        """Take the place that the item is due. Raises NotAdmitted."""
        if len(self._places) >= MAX_WAITING and item.item_id not in self._places:
            raise LineFull(item.line)
        now = self._loop.time()
        if (reason := self._admission(item, now)) is not None:
            self.noted.note(Refusal(now, item, reason))
            raise LineFull(item.line) if reason is LeaveReason.FULL else NotAdmitted(item.line, reason)
        place = Place(self, item)
        self._places[item.item_id] = place
        self.give(ItemArrived(item))
        joined_at = self._engine.joined_at(item.item_id)
        if joined_at is not None:  # earlier, if it has come again
            place.item = replace(place.item, joined_at=joined_at)
        return place

    def _admission(self, item: WorkItem, now: float) -> LeaveReason | None:
        """Who has a place already, and whom we are to call, is not turned away."""
        if item.is_absent or item.item_id in self._places:
            return None
        return self._engine.admission(item.line, now)

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

    def line_of(self, item_id: UUID) -> str | None:
        """Where it waits, or somebody rings for it; None: nowhere, or an agent has answered."""
        place = self._places.get(item_id)
        return None if place is None or place.answered else place.item.line

    def works_in(self, line: str, extension: str) -> bool:
        agent = self._engine.agents.get(extension)
        return agent is not None and agent.at_work and extension in self._engine.lines[line].agents

    def change(
        self, item_id: UUID, *, line: str | None = None, priority: float | None = None, assigned: str | None = None
    ) -> None:
        """A supervisor's word about what waits: see `ItemChanged`. Raises ValueError for a line that there is not."""
        place = self._places.get(item_id)
        if place is not None:
            item = place.item
            self.give(ItemChanged(item_id, priority, line, assigned))
            priority = item.priority if priority is None else priority
            place.ordered(replace(item, line=line or item.line, priority=priority))

    def open_line(self, number: str, *, is_open: bool) -> None:
        self.give(LineOpened(number, is_open))

    def withdraw(
        self, item_id: UUID, reason: LeaveReason = LeaveReason.WITHDRAWN, *, to: str | None = None, message: str = ""
    ) -> None:
        """A supervisor ends the wait: whoever waits with the place hears it as a `Leave` of the engine, and finds there
        where to go on."""
        place = self._places.get(item_id)
        if place is not None:
            place.to, place.message = to, message
            self.left(item_id, reason)
            place.decided(Leave(item_id, place.item.line, reason))

    def reachable(self, extension: str, reachable: bool) -> None:
        self._reachable[extension] = reachable
        self._observed(extension, AgentReachable(extension, reachable))

    def legs(self, extension: str, legs: int) -> None:
        self._legs[extension] = legs
        self._observed(extension, AgentLegs(extension, legs))

    def at_window(self, extension: str, at_window: bool) -> None:
        """A visitor is at the agent's window, or no more."""
        (self._at_window.add if at_window else self._at_window.discard)(extension)
        self._observed(extension, AgentAtWindow(extension, at_window))

    def declare(self, extension: str, will: Will) -> None:
        self._wills[extension] = will
        self._observed(extension, AgentWill(extension, will))

    def wrap_up(self, extension: str, until: float) -> None:
        """The agent is in wrap-up until then (monotonic seconds), as before a restart, or longer by wish."""
        self._observed(extension, WrapUpExtended(extension, until))

    def wraps_up(self, extension: str) -> bool:
        agent = self._engine.agents.get(extension)
        return agent is not None and agent.wrap_up_until > self._loop.time()

    def prolong_wrap_up(self, extension: str, seconds: float) -> None:
        """It lasts so long from now on, an hour at most."""
        self.wrap_up(extension, self._loop.time() + seconds)

    def end_wrap_up(self, extension: str) -> None:
        self._observed(extension, WrapUpEnded(extension))

    def believes(self, extension: str) -> tuple[bool, int]:
        """Whether the extension is taken to be reachable, and how many live legs it is taken to have. What an agent of
        a line is asked for comes from the engine itself."""
        agent = self._engine.agents.get(extension)
        if agent is not None:
            return agent.reachable, agent.legs
        return self._reachable.get(extension, False), self._legs.get(extension, 0)

    @property
    def agents(self) -> frozenset[str]:
        """Who serves a line, or did."""
        return frozenset(self._engine.agents)

    def _observed(self, extension: str, given: Input) -> None:
        """Most phones serve no line, and what they do gives nobody in a line an agent."""
        if extension in self._engine.agents:
            self.give(given)

    def will(self, extension: str) -> Will:
        return self._wills.get(extension, Will.READY)

    def skilled(self, extension: str, skills: Mapping[str, int]) -> None:
        """What the agent can do from now on: levels by name."""
        self._skills[extension] = skills
        self._observed(extension, AgentSkills(extension, skills))

    def serves(self, extension: str, lines: frozenset[str]) -> None:
        """The agent serves these lines from now on; what is known of the agent is told to the engine."""
        known = extension in self._engine.agents
        self.give(AgentLines(extension, lines))
        if not known:
            self._acquaint(extension)

    def change_line(self, line: Line) -> None:
        """New settings of a line. One with a strategy of its own that is not loaded raises ValueError."""
        strangers = [extension for extension in line.agents if extension not in self._engine.agents]
        self.give(LineChanged(line))
        for extension in strangers:
            self._acquaint(extension)

    def _acquaint(self, extension: str) -> None:
        self.give(AgentWill(extension, self.will(extension)))
        self.give(AgentSkills(extension, self._skills.get(extension, {})))
        self.give(AgentLegs(extension, self._legs.get(extension, 0)))
        self.give(AgentAtWindow(extension, extension in self._at_window))
        self.give(AgentReachable(extension, self._reachable.get(extension, False)))

    def admission(self, line: str) -> LeaveReason | None:
        """Why nobody may come into the line now; None when they may."""
        return self._engine.admission(line, self._loop.time())

    def expected_wait(self, line: str, item_id: UUID | None = None) -> float | None:
        """Seconds that this item, or one that comes now, will wait; None while that cannot be said."""
        return self._engine.expected_wait(line, self._loop.time(), item_id)

    def why_item(self, item_id: UUID) -> ItemStory | None:
        return self._engine.why_item(item_id, self._loop.time())

    def why_agent(self, extension: str) -> AgentStory | None:
        return self._engine.why_agent(extension, self._loop.time())

    def position(self, item_id: UUID) -> int | None:
        return self._engine.position(item_id)

    def close(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    def give(self, given: Input) -> None:
        """One input to the engine; its decisions are carried out before the next. Raises ValueError for a line that
        there is not."""
        self._given.append(given)
        if self._giving:
            return  # somebody who hears of a decision answers at once: after the other decisions
        self._giving = True
        try:
            while self._given:
                given = self._given.popleft()
                decisions = self._decide(given)
                self.close()
                for decision in decisions:
                    self._carry_out(decision)
        finally:
            self._giving = False

    def _decide(self, given: Input) -> Sequence[Decision]:
        now = self._loop.time()
        try:
            decisions = self._engine.handle(given, now)
        except ValueError:
            raise  # nothing has changed
        except Exception as failure:
            self.noted.note(Step(now, given, error=repr(failure)))
            raise
        self.noted.note(Step(now, given, decisions))
        return decisions

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
            case WrapUp():
                self.on_wrap_up(decision)
            case StrategyFailed(line, strategy, error):
                log.warning("strategy failed", line=line, strategy=strategy, error=error)
            case WakeAt(at):
                self._wake = self._loop.call_at(at, self.give, TimePassed())
