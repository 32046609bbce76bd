"""Who serves whom next. Pure: inputs and `now` come in, decisions go out; no clock, socket or database.

The caller's contract: carry out every decision, in order, before the next input. An offer stays with its agent until
`OfferRefused`, `OfferTaken` followed by `ServiceEnded`, or `ItemLeft` says otherwise, so an agent holds at most one
live item.

When somebody becomes free, the oldest item over all lines of that agent is served: people are served in order, not
line by line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from queue_engine.agent import Agent
from queue_engine.decisions import AutoPause, Decision, Leave, Offer, StrategyFailed, WakeAt, Withdraw
from queue_engine.facts import Will
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
from queue_engine.reasons import AgentCondition
from queue_engine.strategy import longest_idle
from queue_engine.work import Line, WorkItem

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


class Engine:
    def __init__(self, lines: Iterable[Line], now: float) -> None:
        self.lines = {line.number: line for line in lines}
        extensions = sorted({extension for line in self.lines.values() for extension in line.agents})
        self.agents = {extension: Agent(extension, idle_since=now) for extension in extensions}
        self.waiting: dict[UUID, WorkItem] = {}
        self._in_hand: dict[UUID, tuple[WorkItem, str]] = {}

    def handle(self, given: Input, now: float) -> Sequence[Decision]:
        match given:
            case ItemArrived(item):
                if item.line not in self.lines:
                    raise ValueError(f"no line {item.line}")
                self.waiting[item.item_id] = item
            case ItemLeft(item_id, _):
                self.waiting.pop(item_id, None)
                self._release(item_id, now, rest=False)
            case OfferRefused(item_id, extension, _):
                self._refused(item_id, extension, now)
            case OfferTaken(item_id, extension):
                self._taken(item_id, extension)
            case ServiceEnded(item_id, extension):
                self._served(item_id, extension, now)
            case _:
                self._agent_told(given, now)
        return self._match(now)

    def _agent_told(self, given: Input, now: float) -> None:
        match given:
            case AgentReachable(extension, reachable):
                self._observe(extension, now, reachable=reachable)
            case AgentLegs(extension, legs):
                self._observe(extension, now, legs=legs)
            case AgentWill(extension, will):
                self._observe(extension, now, will=will)
            case WrapUpEnded(extension) if extension in self.agents:
                self.agents[extension].wrap_up_until = now
            case WrapUpExtended(extension, until) if extension in self.agents:
                self.agents[extension].wrap_up_until = until
            case AgentAtWindow(extension, at_window) if extension in self.agents:
                self.agents[extension].at_window = at_window
            case _:
                pass

    def position(self, item_id: UUID) -> int | None:
        """1 = next of its line; None when it does not wait."""
        item = self.waiting.get(item_id)
        if item is None:
            return None
        return 1 + sum(other.line == item.line and other.joined_at < item.joined_at for other in self.waiting.values())

    def passed_over(self, item_id: UUID, now: float) -> dict[str, str]:
        """For each agent of the item's line who cannot take it now: why."""
        item = self.waiting.get(item_id)
        if item is None:
            return {}
        reasons = {extension: self.agents[extension].refusal(now) for extension in self.lines[item.line].agents}
        return {extension: reason for extension, reason in reasons.items() if reason is not None}

    def _observe(
        self,
        extension: str,
        now: float,
        *,
        reachable: bool | None = None,
        legs: int | None = None,
        will: Will | None = None,
    ) -> None:
        agent = self.agents.get(extension)
        if agent is None:
            return  # a phone that serves no line
        was_free = agent.refusal(now) is None
        agent.reachable = agent.reachable if reachable is None else reachable
        agent.legs = agent.legs if legs is None else legs
        agent.will = agent.will if will is None else will
        if not was_free and agent.refusal(now) is None:
            agent.idle_since = now

    def _refused(self, item_id: UUID, extension: str, now: float) -> None:
        item, holder = self._in_hand.get(item_id, (None, ""))
        if item is None or holder != extension:
            return
        self._release(item_id, now, rest=True)
        self.waiting[item_id] = item  # joined_at is kept: nobody loses the place to an agent's refusal

    def _taken(self, item_id: UUID, extension: str) -> None:
        if self._in_hand.get(item_id, (None, ""))[1] == extension:
            self.agents[extension].offered, self.agents[extension].serving = None, item_id

    def _served(self, item_id: UUID, extension: str, now: float) -> None:
        item, holder = self._in_hand.get(item_id, (None, ""))
        if item is not None and holder == extension:
            self._release(item_id, now, rest=False)
            self.agents[extension].wrap_up_until = now + self.lines[item.line].wrap_up

    def _release(self, item_id: UUID, now: float, *, rest: bool) -> None:
        item, extension = self._in_hand.pop(item_id, (None, ""))
        if item is None:
            return
        agent = self.agents[extension]
        agent.offered = agent.serving = None
        agent.idle_since = now
        if rest:
            agent.not_before = now + self.lines[item.line].retry_after

    def _match(self, now: float) -> list[Decision]:
        """Each agent is asked once, and while all are busy, as beside a long line, nobody who waits is looked at."""
        if not self.waiting:
            return []
        decisions: list[Decision] = []
        free = {extension for extension in self._serving() if self.agents[extension].refusal(now) is None}
        for item in self._in_order() if free else ():
            line = self.lines[item.line]
            candidates = [self.agents[extension] for extension in line.agents if extension in free]
            if not candidates:
                continue
            agent = longest_idle(candidates)
            agent.offered = item.item_id
            free.discard(agent.extension)
            self._in_hand[item.item_id] = (item, agent.extension)
            del self.waiting[item.item_id]
            decisions.append(Offer(item.item_id, item.line, agent.extension, now + line.ring_timeout))
            if not free:
                break
        decisions.extend(self._wake(now))
        return decisions

    def _in_order(self) -> list[WorkItem]:
        return sorted(self.waiting.values(), key=lambda item: (item.joined_at, item.item_id))

    def _serving(self) -> set[str]:
        """The agents of all lines that somebody waits in."""
        lines = {item.line for item in self.waiting.values()}
        return {extension for line in lines for extension in self.lines[line].agents}

    def _wake(self, now: float) -> list[Decision]:
        agents = [self.agents[extension] for extension in self._serving()]
        rests = [
            max(agent.not_before, agent.wrap_up_until)
            for agent in agents
            if agent.refusal(now) in (AgentCondition.RESTING, AgentCondition.WRAP_UP)
        ]
        return [WakeAt(min(rests))] if rests else []
