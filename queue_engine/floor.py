"""All that the engine knows: who waits, who works, what was promised. Its parts act on it, each by its own rule."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from queue_engine.agent import Agent
from queue_engine.decisions import Decision
from queue_engine.draw import Draw
from queue_engine.inputs import Input, ItemArrived, ItemChanged, LineChanged
from queue_engine.pool import Entry, Pool
from queue_engine.roster import Roster
from queue_engine.strategy import STRATEGIES, Strategy
from queue_engine.timers import Timers
from queue_engine.work import Line, WorkItem

MOST_REMEMBERED = 10_000
"""Choices, and people who gave up: beyond it the oldest is forgotten."""
LEARNS = 0.1
"""How much the newest service changes what a line takes on average."""


@dataclass(frozen=True, slots=True)
class Service:
    """An agent's part with an item, since the bridge stands."""

    item: WorkItem
    since: float


@dataclass(frozen=True, slots=True)
class Choice:
    """Why these were asked: they were chosen from `candidates`, by that rule."""

    at: float
    line: str
    rule: str  # a strategy's name, or "sticky"
    chosen: tuple[str, ...]
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remembered:
    """Somebody who gave up, and whose place is kept for a while in each of the lines where they waited."""

    joined_at: float
    left_at: float
    lines: tuple[str, ...]


class Floor:
    def __init__(self, lines: Iterable[Line], now: float, seed: int, own: Mapping[str, Strategy]) -> None:
        self.roster = Roster((), now)
        self.pool = Pool()
        self.timers = Timers(self.pool, self.roster)
        self.draw = Draw(seed)
        self.services: dict[str, Service] = {}  # by agent
        self.closed: set[str] = set()
        self.last_asked: dict[str, int] = {}
        self.pace: dict[str, float] = {}  # seconds of talk and wrap-up of an average item, by line
        self.choices: OrderedDict[UUID, Choice] = OrderedDict()
        self.remembered: OrderedDict[tuple[str, str], Remembered] = OrderedDict()
        self.trails: OrderedDict[UUID, tuple[str, ...]] = OrderedDict()  # lines that an item has left for another
        self.decisions: list[Decision] = []
        self._strategies = {**STRATEGIES, **own}
        for line in lines:
            self.set_line(line, now)

    def check(self, given: Input) -> None:
        """Raises ValueError for what the engine cannot do, before anything has changed."""
        match given:
            case ItemArrived(WorkItem(line=number)) | ItemChanged(line=str(number)) if number not in self.roster.lines:
                raise ValueError(f"no line {number}")
            case LineChanged(line):
                self.strategy(line)
            case _:
                pass

    def set_line(self, line: Line, now: float) -> None:
        """Raises ValueError when nobody knows its strategy."""
        self.strategy(line)
        self.roster.set_line(line, now)
        for extension in line.agents:
            self.timers.note_agent(self.roster.agents[extension])

    def line(self, entry: Entry) -> Line:
        return self.roster.lines[entry.item.line]

    def strategy(self, line: Line) -> Strategy:
        if line.strategy not in self._strategies:
            raise ValueError(f"line {line.number}: no strategy {line.strategy}")
        return self._strategies[line.strategy]

    def refresh(self, agent: Agent, now: float) -> None:
        self.roster.refresh(agent, now)
        self.timers.note_agent(agent)

    def learn(self, number: str, seconds: float) -> None:
        self.pace[number] = self.pace.get(number, seconds) * (1 - LEARNS) + seconds * LEARNS

    def choose(self, item_id: UUID, choice: Choice) -> None:
        self.choices[item_id] = choice
        self.choices.move_to_end(item_id)
        if len(self.choices) > MOST_REMEMBERED:
            self.choices.popitem(last=False)

    def goes_on(self, item: WorkItem) -> None:
        """It leaves the line, perhaps for another."""
        if item.key is None:
            return
        self.trails[item.item_id] = tuple(dict.fromkeys((*self.trails.pop(item.item_id, ()), item.line)))
        if len(self.trails) > MOST_REMEMBERED:
            self.trails.popitem(last=False)

    def remember(self, item: WorkItem, now: float) -> None:
        """Keep the place of somebody who gave up and may be known again."""
        been = dict.fromkeys((*self.trails.pop(item.item_id, ()), item.line))
        lines = tuple(number for number in been if self.roster.lines[number].resume_window)
        if item.key is None:
            return
        for number in lines:
            self.remembered[number, item.key] = Remembered(item.joined_at, now, lines)
            self.remembered.move_to_end((number, item.key))
            if len(self.remembered) > MOST_REMEMBERED:
                self.remembered.popitem(last=False)

    def recall(self, item: WorkItem, now: float) -> float:
        """When the item counts as joined: earlier, if it gave up a short while ago and has come again."""
        found = self.remembered.get((item.line, item.key)) if item.key is not None else None
        if found is not None and item.key is not None:
            for number in found.lines:  # once, wherever it is
                self.remembered.pop((number, item.key), None)
        window = self.roster.lines[item.line].resume_window
        return item.joined_at if found is None or found.left_at + window < now else min(found.joined_at, item.joined_at)
