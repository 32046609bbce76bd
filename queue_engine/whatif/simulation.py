"""A day of the engine in virtual time, with the people of a real one.

What happens by itself lies in a heap: who comes, who gives up, how a ring ends, how long a talk takes. What follows
from it is the engine's decision. An event whose time has come when it can be no more, such as giving up by who was
answered, comes to nothing. The simulation ends when the log does: who waits then has not left, there and here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias
from uuid import UUID

from queue_engine.decisions import AutoPause, Decision, Leave, Offer, WakeAt, Withdraw
from queue_engine.engine import Engine
from queue_engine.facts import Will
from queue_engine.inputs import (
    AgentLegs,
    AgentWill,
    Input,
    ItemArrived,
    ItemChanged,
    ItemLeft,
    OfferRefused,
    OfferTaken,
    ServiceEnded,
    TimePassed,
    WrapUpEnded,
    WrapUpExtended,
)
from queue_engine.reasons import LeaveReason, RefusalCause
from queue_engine.strategy import Strategy
from queue_engine.whatif.chances import Chances
from queue_engine.whatif.day import Caller, Day
from queue_engine.whatif.meter import Meter
from queue_engine.whatif.patience import GaveUp

ROUNDING = 0.001
"""Seconds by which the day's last event may come behind its end, after a few additions."""


@dataclass(frozen=True, slots=True)
class Comes:
    """Into that line, from the outside or from another line."""

    caller: Caller
    line: str


@dataclass(frozen=True, slots=True)
class Goes:
    """If nobody has answered by then. `visit`: of a line's own limit, for which wait it counts."""

    caller: Caller
    why: GaveUp
    visit: int | None = None


@dataclass(frozen=True, slots=True)
class RingEnds:
    caller: Caller
    extension: str
    ring: int
    cause: RefusalCause | None


@dataclass(frozen=True, slots=True)
class TalkEnds:
    caller: Caller
    extension: str
    wrap_up: float | None


@dataclass(frozen=True, slots=True)
class OwnCallBegins:
    extension: str
    seconds: float


@dataclass(frozen=True, slots=True)
class OwnCallEnds:
    extension: str


@dataclass(frozen=True, slots=True)
class Stops:
    """The core: everybody is cut off."""


Event: TypeAlias = Input | Comes | Goes | RingEnds | TalkEnds | OwnCallBegins | OwnCallEnds | Stops


@dataclass(slots=True)
class _Waits:
    caller: Caller
    line: str
    visit: int


class Simulation:
    """`own`: strategies of one's own by name. Raises ValueError for one that is missing."""

    def __init__(self, day: Day, chances: Chances, own: Mapping[str, Strategy]) -> None:
        self._day, self._chances = day, chances
        self._engine = Engine(day.lines, 0.0, seed=day.seed, own=own)
        self.meter = Meter(ends=day.ends)
        self._now = 0.0
        self._order = count()
        self._events: list[tuple[float, int, Event]] = []
        self._wake: float | None = None
        self._waits: dict[UUID, _Waits] = {}
        self._asked: dict[tuple[UUID, str], int] = {}  # how often that agent was rung for that caller
        self._rings: dict[tuple[UUID, str], int] = {}  # which ring it is that rings now
        self._talks: dict[str, Caller] = {}
        self._postponed: dict[str, list[float]] = {}  # own calls of who is busy with somebody
        self._own_legs: dict[str, int] = {}
        self._pauses: dict[str, int] = {}
        self._answered: set[UUID] = set()
        self._refused: dict[UUID, set[str]] = {}  # by which lines, since it had a place in one

    def run(self) -> Meter:
        day = self._day
        for at, given in day.told:
            self._at(at, given)
        for call in day.own_calls:
            self._at(call.at, OwnCallBegins(call.extension, call.seconds))
        for at in day.stops:
            self._at(at, Stops())
        for caller in day.callers:
            self._at(caller.came_at, Comes(caller, caller.item.line))
            if (why := self._chances.gives_up(caller)) is not None:
                self._at(caller.came_at + why.seconds, Goes(caller, why))
        self.meter.begin(self._engine.agents, 0.0)
        while (event := self._next()) is not None:
            self._happens(event)
        self.meter.stop(self._engine.agents, self._now)
        return self.meter

    def _at(self, at: float, event: Event) -> None:
        heappush(self._events, (max(at, self._now), next(self._order), event))

    def _next(self) -> Event | None:
        """What comes next; None when the day is over."""
        at = self._events[0][0] if self._events else float("inf")
        event: Event = TimePassed()
        if self._wake is not None and self._wake <= at:
            at = max(self._wake, self._now)
        elif self._events:
            _, _, event = heappop(self._events)
        else:
            return None
        if at > self._day.ends + ROUNDING:
            return None
        self._now = at
        return event

    def _happens(self, event: Event) -> None:
        match event:
            case Comes(caller, line):
                if caller.instead_of not in self._answered:
                    self._comes(caller, line)
            case Goes(caller, why, visit):
                waits = self._waits.get(caller.item.item_id)
                if waits is not None and visit in (None, waits.visit):
                    self._leaves(caller.item.item_id, why.reason)
            case RingEnds():
                self._ring_ends(event)
            case TalkEnds(caller, extension, wrap_up):
                self._talk_ends(caller, extension, wrap_up)
            case OwnCallBegins(extension, seconds):
                self._own_call(extension, seconds)
            case OwnCallEnds(extension):
                self._legs(extension, -1)
            case Stops():
                self._stops()
            case _:
                self._is_told(event)

    def _stops(self) -> None:
        for item_id in list(self._waits):
            del self._waits[item_id]
            self._give(ItemLeft(item_id, LeaveReason.TECHNICAL))
        for extension, caller in list(self._talks.items()):
            self._talk_ends(caller, extension, None)

    def _is_told(self, given: Input) -> None:
        match given:
            case ItemArrived(item) if item.item_id not in self._waits:
                return  # only who waits can be another now
            case ItemChanged(item_id, line=str(line)) if item_id in self._waits:
                self._enters(self._waits[item_id].caller, line)
            case _:
                pass
        self._give(given)

    # ---- callers ---------------------------------------------------------------------------------------------------

    def _comes(self, caller: Caller, line: str) -> None:
        item = replace(caller.item, line=line)
        if not item.is_absent and (reason := self._engine.admission(line, self._now)) is not None:
            self.meter.refused(item, reason, self._now)
            self._refused.setdefault(item.item_id, set()).add(line)
            self._goes_on(caller, line, reason)
            return
        self._enters(caller, line)
        self._give(ItemArrived(item))

    def _enters(self, caller: Caller, line: str) -> None:
        self._refused.pop(caller.item.item_id, None)
        self._waits[caller.item.item_id] = waits = _Waits(caller, line, next(self._order))
        if (limit := self._day.limits.get(line)) is not None:
            self._at(self._now + limit.seconds, Goes(caller, GaveUp(limit.seconds, limit.reason), waits.visit))

    def _leaves(self, item_id: UUID, reason: LeaveReason) -> None:
        waits = self._waits.pop(item_id)
        self._give(ItemLeft(item_id, reason))
        self._goes_on(waits.caller, waits.line, reason)

    def _goes_on(self, caller: Caller, line: str, reason: LeaveReason) -> None:
        to = self._day.goes_on_to(line, reason)
        goes_round = to in self._refused.get(caller.item.item_id, ())
        if to is not None and to in self._engine.lines and not goes_round:
            self._at(self._now, Comes(caller, to))

    # ---- agents ----------------------------------------------------------------------------------------------------

    def _ring_ends(self, event: RingEnds) -> None:
        item_id, extension = event.caller.item.item_id, event.extension
        if self._rings.get((item_id, extension)) != event.ring:
            return
        del self._rings[item_id, extension]
        if event.cause is not None:
            self._begin_postponed(extension)
            self._give(OfferRefused(item_id, extension, event.cause))
            return
        self._talks[extension] = event.caller
        self._waits.pop(item_id)
        self._answered.add(item_id)
        self._give(OfferTaken(item_id, extension))
        seconds, wrap_up = self._chances.talks(event.caller, extension)
        self._at(self._now + seconds, TalkEnds(event.caller, extension, wrap_up))

    def _talk_ends(self, caller: Caller, extension: str, wrap_up: float | None) -> None:
        if self._talks.get(extension) is not caller:
            return
        del self._talks[extension]
        self._begin_postponed(extension)
        self._give(ServiceEnded(caller.item.item_id, extension))
        if wrap_up is None:
            return
        if self._now + wrap_up < self._engine.agents[extension].wrap_up_until:
            self._at(self._now + wrap_up, WrapUpEnded(extension))
        elif wrap_up > self._engine.lines[caller.item.line].wrap_up:
            self._give(WrapUpExtended(extension, self._now + wrap_up))

    def _own_call(self, extension: str, seconds: float) -> None:
        agent = self._engine.agents.get(extension)
        if agent is None:
            return
        if agent.offered is not None or agent.serving is not None:
            self._postponed.setdefault(extension, []).append(seconds)
            return
        self._legs(extension, 1)
        self._at(self._now + seconds, OwnCallEnds(extension))

    def _begin_postponed(self, extension: str) -> None:
        """Before the engine can offer the next: whoever had to call somebody does it now."""
        for seconds in self._postponed.pop(extension, ()):
            self._legs(extension, 1)
            self._at(self._now + seconds, OwnCallEnds(extension))

    def _legs(self, extension: str, more: int) -> None:
        self._own_legs[extension] = legs = self._own_legs.get(extension, 0) + more
        self._give(AgentLegs(extension, legs))

    # ---- the engine ------------------------------------------------------------------------------------------------

    def _give(self, given: Input) -> None:
        decisions = self._engine.handle(given, self._now)
        self.meter.step(self._engine.agents, given, decisions, self._now)
        if isinstance(given, ItemLeft):
            self._stop_rings(given.item_id)
        self._wake = None
        for decision in decisions:
            self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> None:
        match decision:
            case Offer(item_id, _, extension):
                self._ring(self._waits[item_id].caller, extension)
            case Withdraw(item_id, extension):
                self._rings.pop((item_id, extension), None)
            case Leave(item_id, line, reason):
                self._stop_rings(item_id)
                self._goes_on(self._waits.pop(item_id).caller, line, reason)
            case AutoPause(extension):
                before = self._pauses.get(extension, 0)
                self._pauses[extension] = before + 1
                if (seconds := self._chances.pauses(extension, before)) is not None:
                    self._at(self._now + seconds, AgentWill(extension, Will.READY))
            case WakeAt(at):
                self._wake = at
            case _:
                pass

    def _ring(self, caller: Caller, extension: str) -> None:
        key = (caller.item.item_id, extension)
        before = self._asked.get(key, 0)
        self._asked[key] = before + 1
        self._rings[key] = serial = next(self._order)
        ring = self._chances.rings(caller, extension, before)
        self._at(self._now + ring.seconds, RingEnds(caller, extension, serial, ring.cause))

    def _stop_rings(self, item_id: UUID) -> None:
        for key in [key for key in self._rings if key[0] == item_id]:
            del self._rings[key]
