"""Who serves whom next. Pure: inputs and `now` come in, decisions go out; no clock, socket or database.

The caller's contract: carry out every decision, in order, before the next input; `now` never goes back. An offer stays
with its agent until `OfferRefused`, `OfferTaken` followed by `ServiceEnded`, `Withdraw`, `Leave` or `ItemLeft` says
otherwise, so an agent holds at most one live item.

When somebody becomes free, the best item over all lines of that agent is served, priority first and then who is due
first: people are served in order, not line by line. The same inputs, times and seed give the same decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from queue_engine import admission, explain, offering, serving, waiting
from queue_engine.agent import Agent
from queue_engine.decisions import AutoPause, Decision, Leave, Offer, StrategyFailed, WakeAt, Withdraw
from queue_engine.floor import Floor
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
    OfferRefused,
    OfferTaken,
    ServiceEnded,
    TimePassed,
    WrapUpEnded,
    WrapUpExtended,
)
from queue_engine.reasons import LeaveReason
from queue_engine.strategy import Strategy
from queue_engine.work import ItemKind, Line, WorkItem

__all__ = [
    "AgentAtWindow",
    "AgentLegs",
    "AgentLines",
    "AgentReachable",
    "AgentSkills",
    "AgentWill",
    "AutoPause",
    "Decision",
    "Engine",
    "Input",
    "ItemArrived",
    "ItemChanged",
    "ItemLeft",
    "Leave",
    "LineChanged",
    "LineOpened",
    "Offer",
    "OfferRefused",
    "OfferTaken",
    "ServiceEnded",
    "StrategyFailed",
    "TimePassed",
    "WakeAt",
    "Withdraw",
    "WrapUpEnded",
    "WrapUpExtended",
]

NO_OWN: Mapping[str, Strategy] = MappingProxyType({})


class Engine:
    """`own`: strategies of one's own, by the name that lines have for them. Raises ValueError for an unknown one."""

    def __init__(
        self, lines: Iterable[Line], now: float, *, seed: int = 0, own: Mapping[str, Strategy] = NO_OWN
    ) -> None:
        self._floor = Floor(lines, now, seed, own)

    @property
    def lines(self) -> Mapping[str, Line]:
        return self._floor.roster.lines

    @property
    def agents(self) -> Mapping[str, Agent]:
        return self._floor.roster.agents

    @property
    def waiting(self) -> dict[UUID, WorkItem]:
        """The items for which nobody's phone rings."""
        return {item_id: entry.item for item_id, entry in self._floor.pool.entries.items() if not entry.holders}

    def handle(self, given: Input, now: float) -> Sequence[Decision]:
        """Raises ValueError for a line or a strategy that there is not; nothing has changed then."""
        floor = self._floor
        floor.check(given)
        floor.decisions = []
        for agent in floor.timers.due_agents(now):
            floor.refresh(agent, now)
        for entry in floor.timers.due_items(now):
            if floor.pool.entries.get(entry.item.item_id) is entry:
                waiting.review(floor, entry, now)
        self._take_in(given, now)
        self._match(now)
        if (at := floor.timers.next()) is not None:
            floor.decisions.append(WakeAt(at))
        return floor.decisions

    def position(self, item_id: UUID) -> int | None:
        """1 = next of its line; None when it does not wait."""
        entry = self._floor.pool.entries.get(item_id)
        return None if entry is None else self._floor.pool.position(entry)

    def joined_at(self, item_id: UUID) -> float | None:
        """Since when it counts as waiting; None when it does not."""
        entry = self._floor.pool.entries.get(item_id)
        return None if entry is None else entry.item.joined_at

    def admission(self, line: str, now: float) -> LeaveReason | None:
        """Why nobody may come into the line now; None when they may. Raises KeyError: no such line."""
        return admission.admission(self._floor, line, now)

    def expected_wait(self, line: str, now: float, item_id: UUID | None = None) -> float | None:
        """Seconds that this item, or one that comes now, will wait; None while that cannot be said."""
        position = None if item_id is None else self.position(item_id)
        ahead = self._floor.pool.waiting(line) if position is None else position - 1
        return admission.expected_wait(self._floor, line, ahead, now)

    def passed_over(self, item_id: UUID, now: float) -> dict[str, str]:
        """For each agent of the item's line who cannot take it now: why."""
        return explain.passed_over(self._floor, item_id, now)

    def why_item(self, item_id: UUID, now: float) -> explain.ItemStory | None:
        """What the item waits for, agent by agent; None when it is not here."""
        return explain.item(self._floor, item_id, now)

    def why_agent(self, extension: str, now: float) -> explain.AgentStory | None:
        """Why the agent has nothing to do, or what; None for whom no line knows."""
        return explain.agent(self._floor, extension, now)

    # ---- inputs ----------------------------------------------------------------------------------------------------

    def _take_in(self, given: Input, now: float) -> None:
        match given:
            case ItemArrived() | ItemLeft() | ItemChanged() | OfferRefused() | OfferTaken() | ServiceEnded():
                self._item_told(given, now)
            case LineChanged(line):
                self._floor.set_line(line, now)
                self._review_line(line.number, now)
            case LineOpened(number, is_open):
                (self._floor.closed.discard if is_open else self._floor.closed.add)(number)
                self._review_line(number, now)
            case AgentLines(extension, lines):
                for number in self._floor.roster.set_lines_of(extension, lines, now):
                    self._review_line(number, now)
            case TimePassed():
                pass
            case _:
                if (agent := self._floor.roster.agents.get(given.extension)) is not None:
                    self._agent_told(given, agent, now)

    def _item_told(
        self,
        given: ItemArrived | ItemLeft | ItemChanged | OfferRefused | OfferTaken | ServiceEnded,
        now: float,
    ) -> None:
        floor = self._floor
        if isinstance(given, ItemArrived):
            waiting.enter(floor, given.item, now)
            return
        entry = floor.pool.entries.get(given.item_id)
        match given:
            case ItemLeft(item_id, reason):
                if entry is not None:
                    waiting.left(floor, entry, reason, now)
                else:
                    self._end_services(item_id, now)
            case ItemChanged() if entry is not None:
                waiting.change(floor, entry, given, now)
            case OfferRefused(_, extension, cause) if entry is not None and extension in entry.holders:
                waiting.refused(floor, entry, extension, cause, now)
            case OfferTaken(_, extension) if entry is not None:
                serving.taken(floor, entry, extension, now)
            case ServiceEnded(item_id, extension):
                service = floor.services.get(extension)
                if service is not None and service.item.item_id == item_id:
                    serving.ended(floor, floor.roster.agents[extension], now)

    def _agent_told(
        self,
        given: AgentReachable | AgentLegs | AgentWill | AgentAtWindow | AgentSkills | WrapUpEnded | WrapUpExtended,
        agent: Agent,
        now: float,
    ) -> None:
        match given:
            case AgentReachable(_, reachable):
                agent.reachable = reachable
            case AgentLegs(_, legs):
                hung_up, agent.legs = agent.legs > 0 and legs == 0, legs
                if hung_up:
                    self._last_leg_ended(agent, now)
            case AgentWill(_, will):
                agent.will, agent.misses = will, 0
                self._floor.roster.dirty.update(self._floor.roster.lines_of[agent.extension])
            case AgentAtWindow(_, at_window):
                agent.at_window = at_window
            case AgentSkills(_, skills):
                agent.skills = dict(skills)
                self._floor.roster.skills_changed(agent)
            case WrapUpEnded():
                serving.wrap_up(self._floor, agent, now, now)
            case WrapUpExtended(_, until):
                serving.wrap_up(self._floor, agent, until, now)
        self._floor.refresh(agent, now)

    def _last_leg_ended(self, agent: Agent, now: float) -> None:
        """Nobody can be talking any more: the service is over, whoever forgets to say it."""
        service = self._floor.services.get(agent.extension)
        if service is not None and service.item.kind is not ItemKind.TICKET:
            serving.ended(self._floor, agent, now)

    def _end_services(self, item_id: UUID, now: float) -> None:
        serves = [extension for extension, service in self._floor.services.items() if service.item.item_id == item_id]
        for extension in serves:
            serving.ended(self._floor, self._floor.roster.agents[extension], now)

    # ---- decisions -------------------------------------------------------------------------------------------------

    def _review_line(self, number: str, now: float) -> None:
        for entry in self._floor.pool.of_line(number):
            waiting.renew(self._floor, entry, now)

    def _match(self, now: float) -> None:
        floor = self._floor
        for extension in sorted(floor.roster.lost & floor.pool.kept.keys()):
            for entry in floor.pool.kept_for(extension):
                waiting.review(floor, entry, now)
        for number in sorted(floor.roster.emptied):
            for entry in floor.pool.of_line(number):
                waiting.review(floor, entry, now)
        floor.roster.lost.clear()
        floor.roster.emptied.clear()
        while floor.roster.dirty and (found := offering.best(floor, now)) is not None:
            entry, able = found
            offering.offer(floor, entry, able, now)
            waiting.review(floor, entry, now)
        floor.roster.dirty.clear()
