"""Who serves whom next. Pure: inputs and `now` come in, decisions go out; no clock, socket or database.

The caller's contract: carry out every decision, in order, before the next input. An offer stays with its agent until
`OfferRefused`, `OfferTaken` followed by `ServiceEnded`, or `ItemLeft` says otherwise, so an agent holds at most one
live item.

When somebody becomes free, the oldest item over all lines of that agent is served: people are served in order, not
line by line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from queue_engine.agent import Agent
from queue_engine.facts import Will
from queue_engine.strategy import longest_idle
from queue_engine.work import Line, WorkItem


@dataclass(frozen=True, slots=True)
class ItemArrived:
    item: WorkItem


@dataclass(frozen=True, slots=True)
class ItemLeft:
    """The item is gone, whatever it was doing: abandoned, timed out, or its service ended."""

    item_id: UUID


@dataclass(frozen=True, slots=True)
class OfferRefused:
    item_id: UUID
    extension: str


@dataclass(frozen=True, slots=True)
class AgentReachable:
    extension: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class AgentLegs:
    extension: str
    legs: int


@dataclass(frozen=True, slots=True)
class AgentWill:
    extension: str
    will: Will


@dataclass(frozen=True, slots=True)
class TimePassed:
    pass


Input = ItemArrived | ItemLeft | OfferRefused | AgentReachable | AgentLegs | AgentWill | TimePassed


@dataclass(frozen=True, slots=True)
class Offer:
    item_id: UUID
    line: str
    extension: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Give `TimePassed` at that time: an agent's rest ends then and somebody waits."""

    at: float


Decision = Offer | WakeAt


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
            case ItemLeft(item_id):
                self.waiting.pop(item_id, None)
                self._release(item_id, now, rest=False)
            case OfferRefused(item_id, extension):
                self._refused(item_id, extension, now)
            case AgentReachable(extension, reachable):
                self._observe(extension, now, reachable=reachable)
            case AgentLegs(extension, legs):
                self._observe(extension, now, legs=legs)
            case AgentWill(extension, will):
                self._observe(extension, now, will=will)
            case TimePassed():
                pass
        return self._match(now)

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

    def _release(self, item_id: UUID, now: float, *, rest: bool) -> None:
        item, extension = self._in_hand.pop(item_id, (None, ""))
        if item is None:
            return
        agent = self.agents[extension]
        agent.offered = None
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
        rests = [self.agents[e].not_before for e in self._serving() if self.agents[e].refusal(now) == "resting"]
        return [WakeAt(min(rests))] if rests else []
