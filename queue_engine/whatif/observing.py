"""Reads a day off the engine's log: a fold over its records, beside the engine that they are given to again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from statistics import median
from uuid import UUID

from queue_engine.agent import Agent
from queue_engine.decisions import AutoPause, Decision, Leave, Offer, Withdraw
from queue_engine.engine import Engine
from queue_engine.input_log import Record, Refusal, Step
from queue_engine.inputs import (
    AgentAtWindow,
    AgentLines,
    AgentReachable,
    AgentSkills,
    AgentWill,
    ItemArrived,
    ItemChanged,
    ItemLeft,
    LineChanged,
    LineOpened,
    OfferRefused,
    OfferTaken,
    WrapUpEnded,
    WrapUpExtended,
)
from queue_engine.reasons import LeaveReason, RefusalCause, WithdrawReason
from queue_engine.whatif.day import BY_THE_LINE, Caller, Day, Limit, OwnCall, Ring
from queue_engine.whatif.meter import Meter, agent_of
from queue_engine.whatif.patience import GaveUp
from queue_engine.work import ItemKind, WorkItem

AS_IT_WAS = (AgentWill, AgentReachable, AgentAtWindow, AgentSkills, AgentLines, LineChanged, LineOpened)
AT_ONCE = 0.1
"""Seconds: a promise keeps by the wall clock when its caller joined."""
SHORTEST_OWN_CALL = 1.0
"""Seconds: what is shorter is a leg of an offer that outlives it by a moment."""


@dataclass(slots=True)
class _Way:
    """A caller's place now. `sent_away`: by the line, for that reason; then the next line is looked for."""

    caller: Caller
    line: str
    entered_at: float
    sent_away: LeaveReason | None = None


@dataclass(slots=True)
class Observer:
    """Of one engine's run, into `day`. Give it each record of the day after `engine` has handled it; `shift` turns the
    engine's times into the day's."""

    day: Day
    engine: Engine
    shift: float
    _meter: Meter = field(init=False)
    _ways: dict[UUID, _Way] = field(default_factory=dict)
    _waits: dict[str, list[Limit]] = field(default_factory=dict)
    _rings: dict[tuple[UUID, str], float] = field(default_factory=dict)
    _services: dict[str, tuple[UUID, Caller, float]] = field(default_factory=dict)
    _wraps: dict[str, tuple[Caller, float]] = field(default_factory=dict)
    _own: dict[str, float] = field(default_factory=dict)
    _before: dict[str, UUID | None] = field(default_factory=dict)  # in whose hands what was before the day began
    _paused: dict[str, float] = field(default_factory=dict)
    _promises: dict[UUID, UUID | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._meter = Meter(busy=self.day.meter.busy, idle=self.day.meter.idle, visits=self.day.meter.visits)

    def begin(self, at: float) -> None:
        """The state in which the day, or this run in the midst of it, begins."""
        lines = tuple(self.engine.lines.values())
        if not self.day.lines:
            self.day.lines = lines
        else:
            before = {line.number: line for line in self.day.lines}
            self.day.told += [(at, LineChanged(line)) for line in lines if before.get(line.number) != line]
        for line in lines:
            if self.engine.admission(line.number, at - self.shift) is LeaveReason.CLOSED:
                self.day.told.append((at, LineOpened(line.number, False)))
        self._meter.shift = self.shift
        self._meter.begin(self.engine.agents, at - self.shift)
        for agent in self.engine.agents.values():
            self._before[agent.extension] = agent.serving
            self._own_call(agent, at)
            self.day.told.append((at, AgentReachable(agent.extension, agent.reachable)))
            self.day.told.append((at, AgentWill(agent.extension, agent.will)))
            if agent.skills:
                self.day.told.append((at, AgentSkills(agent.extension, agent.skills)))
            if agent.at_window:
                self.day.told.append((at, AgentAtWindow(agent.extension, True)))

    def take(self, record: Record) -> None:
        at = record.now + self.shift
        self._meter.shift = self.shift
        self.day.ends = max(self.day.ends, at)
        if isinstance(record, Refusal):
            self._meter.refused(record.item, record.reason, record.now)
            self._arrives(record.item, at)
            self._ways[record.item.item_id].sent_away = record.reason
            return
        self._meter.step(self.engine.agents, record.given, record.decisions, record.now)
        self._items(record, at)
        self._agents(record, at)
        for decision in record.decisions:
            self._decided(decision, at)
        if (agent := self.engine.agents.get(agent_of(record.given))) is not None:
            self._own_call(agent, at)

    def end(self, now: float, *, stopped: bool) -> None:
        """The run is over (`stopped`: and the core with it), or the day is."""
        at = now + self.shift
        self.day.ends = max(self.day.ends, at)
        self._meter.stop(self.engine.agents, now, LeaveReason.TECHNICAL if stopped else None)
        for way in self._ways.values():
            if way.sent_away is None:
                way.caller.endured = at - way.caller.came_at
        for extension, began in self._own.items():
            self._keep_own(extension, began, at)
        if stopped:
            self.day.stops.append(at)
            for extension in list(self._services):
                self._service_ends(extension, at)
        self._limits()

    def _limits(self) -> None:
        """As they were seen, or else as the lines say: on a day without a long wait nobody met them."""
        for number, limits in self._waits.items():
            reason = Counter(limit.reason for limit in limits).most_common(1)[0][0]
            self.day.limits[number] = Limit(median(limit.seconds for limit in limits), reason)
        for number, line in self.engine.lines.items():
            if line.goes_on_after:
                reason = LeaveReason.OVERFLOWED if line.goes_on_to else LeaveReason.TIMEOUT
                self.day.limits.setdefault(number, Limit(line.goes_on_after, reason))
            if line.goes_on_to:
                self.day.overflows[number] = line.goes_on_to

    # ---- items -----------------------------------------------------------------------------------------------------

    def _items(self, record: Step, at: float) -> None:
        match record.given:
            case ItemArrived(item):
                self._arrives(item, at)
            case ItemLeft(item_id, reason):
                self._leaves(item_id, reason, at)
            case ItemChanged(item_id, line=line) if item_id in self._ways:
                way = self._ways[item_id]
                self.day.told.append((at, replace(record.given, item_id=way.caller.item.item_id)))
                if line is not None:
                    way.line, way.entered_at = line, at
            case OfferTaken(item_id, extension) if item_id in self._ways and self._serves(extension) == item_id:
                way = self._ways.pop(item_id)
                way.caller.endured = at - way.caller.came_at
                self._rang(way.caller, item_id, extension, None, at)
                self._cut_rings(way.caller, item_id, at)
                self._services[extension] = (item_id, way.caller, at)
            case OfferRefused(item_id, extension, cause) if item_id in self._ways:
                self._rang(self._ways[item_id].caller, item_id, extension, cause, at)
            case _:
                pass
        for extension in [e for e, (item_id, *_) in self._services.items() if self._serves(e) != item_id]:
            self._service_ends(extension, at)

    def _arrives(self, item: WorkItem, at: float) -> None:
        way = self._ways.get(item.item_id)
        if way is not None and way.sent_away is None:
            self._begins_anew(way, item, at)
            return
        if way is not None:
            assert way.sent_away is not None
            self.day.onward.setdefault((way.line, way.sent_away), Counter())[item.line] += 1
            caller = way.caller
        else:
            caller = Caller(at, self._of_the_day(item, UUID(int=len(self.day.callers) + 1)))
            caller.instead_of = self._promised(item)
            self.day.callers.append(caller)
        self._ways[item.item_id] = _Way(caller, item.line, at)

    def _promised(self, item: WorkItem) -> UUID | None:
        """The caller who was promised this callback: it waits since that one joined. Each try is the same item."""
        if item.kind is not ItemKind.CALLBACK:
            return None
        if item.item_id not in self._promises:
            joined_at = item.joined_at + self.shift
            asked = (
                (abs(caller.item.joined_at - joined_at), caller)
                for caller in self.day.callers
                if caller.item.line == item.line and caller.item.kind is ItemKind.CALL
            )
            found = min(asked, key=lambda each: each[0], default=None)
            is_known = found is not None and found[0] < AT_ONCE
            self._promises[item.item_id] = found[1].item.item_id if found is not None and is_known else None
        return self._promises[item.item_id]

    def _begins_anew(self, way: _Way, item: WorkItem, at: float) -> None:
        """It waits already, and is another by now: the party of a callback has answered, or is to be called later."""
        self._cut_rings(way.caller, item.item_id, at)
        self.day.told.append((at, ItemArrived(self._of_the_day(item, way.caller.item.item_id))))
        if item.line != way.line:
            way.line, way.entered_at = item.line, at

    def _of_the_day(self, item: WorkItem, item_id: UUID) -> WorkItem:
        joined_at, not_before = item.joined_at + self.shift, item.not_before + self.shift
        return replace(item, item_id=item_id, joined_at=joined_at, not_before=not_before)

    def _leaves(self, item_id: UUID, reason: LeaveReason, at: float) -> None:
        way = self._ways.get(item_id)
        if way is None or way.sent_away is not None:
            return
        way.caller.endured = at - way.caller.came_at
        self._cut_rings(way.caller, item_id, at)
        if reason in BY_THE_LINE:
            way.sent_away = reason
            self._waits.setdefault(way.line, []).append(Limit(at - way.entered_at, reason))
        else:
            way.caller.gave_up = GaveUp(way.caller.endured, reason)
            del self._ways[item_id]

    def _cut_rings(self, caller: Caller, item_id: UUID, at: float) -> None:
        for ringing, extension in [key for key in self._rings if key[0] == item_id]:
            self._rang(caller, ringing, extension, None, at, cut=True)

    def _rang(
        self, caller: Caller, item_id: UUID, extension: str, cause: RefusalCause | None, at: float, *, cut: bool = False
    ) -> None:
        began = self._rings.pop((item_id, extension), None)
        if began is not None:
            caller.rings.setdefault(extension, []).append(Ring(at - began, cause, cut))

    def _decided(self, decision: Decision, at: float) -> None:
        match decision:
            case Offer(item_id, _, extension):
                self._rings[item_id, extension] = at
                self._wraps.pop(extension, None)
            case Withdraw(item_id, extension, reason) if item_id in self._ways:
                expired = reason is WithdrawReason.EXPIRED
                cause = RefusalCause.NO_ANSWER if expired else None
                self._rang(self._ways[item_id].caller, item_id, extension, cause, at, cut=not expired)
            case Leave(item_id, _, reason) if item_id in self._ways:
                way = self._ways[item_id]
                way.caller.endured, way.sent_away = at - way.caller.came_at, reason
            case AutoPause(extension):
                self._paused[extension] = at
            case _:
                pass

    # ---- agents ----------------------------------------------------------------------------------------------------

    def _serves(self, extension: str) -> UUID | None:
        agent = self.engine.agents.get(extension)
        return None if agent is None else agent.serving

    def _service_ends(self, extension: str, at: float) -> None:
        _, caller, began = self._services.pop(extension)
        caller.talk, caller.served_by = at - began, extension
        self._wraps[extension] = (caller, at)

    def _agents(self, record: Step, at: float) -> None:
        given = record.given
        if isinstance(given, AS_IT_WAS):
            self.day.told.append((at, given))
        match given:
            case AgentWill(extension) if extension in self._paused:
                self.day.pauses.append(at - self._paused.pop(extension))
            case WrapUpEnded(extension) if extension in self._wraps:
                caller, ended = self._wraps.pop(extension)
                if record.now < ended - self.shift + self._wrap_up_of(caller):
                    caller.wrap_up = at - ended
            case WrapUpExtended(extension, until) if extension in self._wraps:
                caller, ended = self._wraps[extension]
                caller.wrap_up = until + self.shift - ended
            case _:
                pass

    def _wrap_up_of(self, caller: Caller) -> float:
        line = self.engine.lines.get(caller.item.line)
        return 0.0 if line is None else line.wrap_up

    def _own_call(self, agent: Agent, at: float) -> None:
        talks_on = agent.serving is not None and agent.serving == self._before.get(agent.extension)
        is_in_one = talks_on or (agent.legs > 0 and agent.offered is None and agent.serving is None)
        if is_in_one:
            self._own.setdefault(agent.extension, at)
        elif (began := self._own.pop(agent.extension, None)) is not None:
            self._keep_own(agent.extension, began, at)

    def _keep_own(self, extension: str, began: float, at: float) -> None:
        if at - began >= SHORTEST_OWN_CALL:
            self.day.own_calls.append(OwnCall(extension, began, at - began))
