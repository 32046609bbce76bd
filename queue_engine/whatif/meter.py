"""Who waited how long, and how busy agents were: read off an engine while it runs, a real day or a simulated one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from queue_engine.agent import Agent
from queue_engine.decisions import AutoPause, Decision, Leave, Offer, Withdraw
from queue_engine.inputs import Input, ItemArrived, ItemChanged, ItemLeft, OfferTaken
from queue_engine.reasons import LeaveReason
from queue_engine.work import WorkItem


def agent_of(given: Input) -> str:
    """Of whom the input tells; "": of nobody."""
    found: object = getattr(given, "extension", "")
    return str(found)


@dataclass(slots=True)
class Visit:
    """One wait in one line. `left_at` and `reason` None: it had not ended when the day did."""

    item_id: UUID
    line: str
    entered_at: float
    left_at: float | None = None
    reason: LeaveReason | None = None
    extension: str | None = None  # who answered


@dataclass(slots=True)
class _Spell:
    """What an agent does since then."""

    since: float
    serves: bool
    wraps_until: float
    is_free: bool  # at work, and in no call of their own


@dataclass(slots=True)
class Meter:
    """Seconds by agent: `busy` is talk and wrap-up, `idle` at work without either, ringing included. A pause, a call of
    one's own and absence are neither, and nothing counts behind `ends`. `shift` is added to the engine's times."""

    visits: list[Visit] = field(default_factory=list)
    busy: dict[str, float] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    shift: float = 0.0
    ends: float = float("inf")
    _open: dict[UUID, Visit] = field(default_factory=dict)
    _spells: dict[str, _Spell] = field(default_factory=dict)

    def begin(self, agents: Mapping[str, Agent], now: float) -> None:
        for agent in agents.values():
            self._look(agent, now + self.shift)

    def step(self, agents: Mapping[str, Agent], given: Input, decisions: Sequence[Decision], now: float) -> None:
        """After the engine has handled it. `agents`: the engine's."""
        at = now + self.shift
        self._items(agents, given, at)
        for decision in decisions:
            match decision:
                case Leave(item_id, _, reason):
                    self._ends(item_id, reason, at)
                case Offer(extension=extension) | Withdraw(extension=extension) | AutoPause(extension=extension):
                    self._look(agents[extension], at)
                case _:
                    pass
        if (named := agent_of(given)) in agents:
            self._look(agents[named], at)

    def refused(self, item: WorkItem, reason: LeaveReason, now: float) -> None:
        at = now + self.shift
        self.visits.append(Visit(item.item_id, item.line, at, at, reason))

    def stop(self, agents: Mapping[str, Agent], now: float, reason: LeaveReason | None = None) -> None:
        """The engine runs no more. `reason`: why whoever waits has left by that."""
        for item_id in list(self._open):
            if reason is not None:
                self._ends(item_id, reason, now + self.shift)
        self._open.clear()
        for extension in self._spells:
            self._look(agents[extension], now + self.shift)
        self._spells.clear()

    def _items(self, agents: Mapping[str, Agent], given: Input, at: float) -> None:
        match given:
            case ItemArrived(item) if item.item_id in self._open and self._open[item.item_id].line == item.line:
                pass  # it waits on, as another
            case ItemArrived(item):
                self._ends(item.item_id, LeaveReason.OVERFLOWED, at)
                self._enters(item.item_id, item.line, at)
            case ItemChanged(item_id, line=str(line)) if item_id in self._open and self._open[item_id].line != line:
                self._ends(item_id, LeaveReason.OVERFLOWED, at)
                self._enters(item_id, line, at)
            case ItemLeft(item_id, reason):
                self._ends(item_id, reason, at)
                for extension in [each for each, spell in self._spells.items() if spell.serves]:
                    self._look(agents[extension], at)
            case OfferTaken(item_id, extension) if extension in agents and agents[extension].serving == item_id:
                self._ends(item_id, LeaveReason.ANSWERED, at, extension)
            case _:
                pass

    def _enters(self, item_id: UUID, line: str, at: float) -> None:
        self._open[item_id] = visit = Visit(item_id, line, at)
        self.visits.append(visit)

    def _ends(self, item_id: UUID, reason: LeaveReason, at: float, extension: str | None = None) -> None:
        visit = self._open.pop(item_id, None)
        if visit is not None:
            visit.left_at, visit.reason, visit.extension = at, reason, extension

    def _look(self, agent: Agent, at: float) -> None:
        at = min(at, self.ends)
        spell = self._spells.get(agent.extension)
        if spell is not None:
            passed = at - spell.since
            wraps = passed if spell.serves else min(max(spell.wraps_until - spell.since, 0.0), passed)
            self.busy[agent.extension] = self.busy.get(agent.extension, 0.0) + wraps
            if spell.is_free:
                self.idle[agent.extension] = self.idle.get(agent.extension, 0.0) + passed - wraps
        is_free = agent.at_work and not agent.at_window and (not agent.legs or agent.offered is not None)
        until = agent.wrap_up_until + self.shift
        self._spells[agent.extension] = _Spell(at, agent.serving is not None, until, is_free)
