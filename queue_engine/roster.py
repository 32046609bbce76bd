"""The agents, the lines that they serve, and who of them is free now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from queue_engine.agent import LONG_AGO, Agent
from queue_engine.eligibility import (
    Obstacle,
    Signature,
    first_at_work,
    obstacle,
    required,
    thresholds,
    tier_waits,
    waited,
)
from queue_engine.reasons import AgentCondition
from queue_engine.strategy import Candidate
from queue_engine.work import Line

ABSENT = (AgentCondition.SIGNED_OUT, AgentCondition.PAUSED, AgentCondition.UNREACHABLE)
BY_TIME = (AgentCondition.WRAP_UP, AgentCondition.RESTING)


class Roster:
    """`free` holds each line's free agents, `empty_since` the lines whose agents are all in a `leave_empty` condition.
    Both are true after every `refresh`; only a deadline that has passed since makes somebody free unnoticed.

    `dirty` are the lines where somebody may be able to take something that nobody could before; whoever matches clears
    it. `emptied` are the lines that became empty and `lost` the agents who went; whoever looks after their items clears
    them."""

    def __init__(self, lines: Iterable[Line], now: float) -> None:
        self.lines: dict[str, Line] = {}
        self.steps: dict[str, tuple[float, ...]] = {}
        self.agents: dict[str, Agent] = {}
        self.lines_of: dict[str, list[str]] = {}
        self.free: dict[str, set[str]] = {}
        self.empty_since: dict[str, float] = {}
        self.conditions: dict[str, AgentCondition | None] = {}
        self.dirty: set[str] = set()
        self.emptied: set[str] = set()
        self.lost: set[str] = set()
        self._able: dict[str, dict[tuple[Signature, int], frozenset[str]]] = {}
        self._positions: dict[str, dict[str, int]] = {}
        self._waits: dict[str, dict[str, float]] = {}
        self._seen: dict[str, dict[str, Candidate]] = {}
        for line in lines:
            self.set_line(line, now)

    def set_line(self, line: Line, now: float) -> None:
        """Exactly the agents named serve it from now on."""
        before = self.lines[line.number].agents if line.number in self.lines else ()
        self.lines[line.number] = line
        self.steps[line.number] = thresholds(line)
        self._waits[line.number] = tier_waits(line)
        self._positions[line.number] = {extension: place for place, extension in enumerate(line.agents)}
        self.free[line.number] = set()
        self._able[line.number] = {}
        for extension in before:
            self.lines_of[extension].remove(line.number)
            self._seen[extension].clear()
        for extension in line.agents:
            self.agent(extension, now)
            self.lines_of[extension].append(line.number)
            if self.conditions[extension] is None:
                self.free[line.number].add(extension)
            self._seen[extension].clear()
        self.dirty.add(line.number)
        self._look_whether_empty(line.number, now)

    def agent(self, extension: str, now: float) -> Agent:
        if extension not in self.agents:
            agent = self.agents[extension] = Agent(extension, idle_since=now)
            self.lines_of[extension], self._seen[extension] = [], {}
            self.conditions[extension] = agent.refusal(now)
        return self.agents[extension]

    def set_lines_of(self, extension: str, numbers: frozenset[str], now: float) -> list[str]:
        """Returns the lines that changed by it."""
        self.agent(extension, now)
        changed = sorted(numbers.symmetric_difference(self.lines_of[extension]) & self.lines.keys())
        for number in changed:
            line = self.lines[number]
            others = tuple(other for other in line.agents if other != extension)
            self.set_line(replace(line, agents=(*others, extension) if number in numbers else others), now)
        return changed

    def refresh(self, agent: Agent, now: float) -> None:
        """After whatever happened to the agent."""
        before, condition = self.conditions[agent.extension], agent.refusal(now)
        self._seen[agent.extension].clear()
        if before is condition:
            return
        was_at_work = before not in ABSENT
        self.conditions[agent.extension] = condition
        if was_at_work and not agent.at_work:
            self.lost.add(agent.extension)
        if condition is None and before is not AgentCondition.OFFERED:
            agent.idle_since = agent.deadline if before in BY_TIME and LONG_AGO < agent.deadline <= now else now
        for number in self.lines_of[agent.extension]:
            if condition is None:
                self.free[number].add(agent.extension)
                self.dirty.add(number)
            else:
                self.free[number].discard(agent.extension)
            if was_at_work != agent.at_work and self.lines[number].tiers:  # who is at work keeps the later ones closed
                self._able[number].clear()
                self.dirty.add(number)
            if self.lines[number].leave_empty:
                self._look_whether_empty(number, now)

    def skills_changed(self, agent: Agent) -> None:
        for number in self.lines_of[agent.extension]:
            self._able[number].clear()
            self.dirty.add(number)

    def able(self, number: str, skills: Signature, stage: int) -> frozenset[str]:
        """Who may take such items, free or not."""
        known = self._able[number].get((skills, stage))
        if known is None:
            line, wait = self.lines[number], waited(self.steps[number], stage)
            levels, first = required(line, skills, wait), first_at_work(self._waits[number], self.agents)
            opening = ((self.agents[e], self._opens_after(line, e, first)) for e in line.agents)
            able = frozenset(agent.extension for agent, at in opening if obstacle(levels, wait, agent, at) is None)
            known = self._able[number][skills, stage] = able
        return known

    def obstacle(self, number: str, skills: Signature, stage: int, extension: str) -> Obstacle | None:
        """Why such items are not for this agent of the line."""
        line, wait = self.lines[number], waited(self.steps[number], stage)
        opens_after = self._opens_after(line, extension, first_at_work(self._waits[number], self.agents))
        return obstacle(required(line, skills, wait), wait, self.agents[extension], opens_after)

    def _opens_after(self, line: Line, extension: str, first: float) -> float:
        """A tier opens at once while nobody of those before it is at work, if the line wants it so."""
        wait = self._waits[line.number][extension]
        return 0.0 if line.skip_empty_tiers and wait <= first else wait

    def candidates(self, number: str, extensions: Iterable[str]) -> tuple[Candidate, ...]:
        """What a strategy sees of them, in the order of the line."""
        found = [self._seen[extension].get(number) or self._look(number, extension) for extension in extensions]
        return tuple(sorted(found, key=lambda candidate: candidate.position))

    def position(self, number: str, extension: str) -> int:
        return self._positions[number].get(extension, -1)

    def of_line(self, number: str) -> Iterator[Agent]:
        return (self.agents[extension] for extension in self.lines[number].agents)

    def all_are(self, number: str, conditions: frozenset[AgentCondition]) -> bool:
        return all(self.conditions[extension] in conditions for extension in self.lines[number].agents)

    def at_work(self, number: str) -> int:
        return sum(self.agents[extension].at_work for extension in self.lines[number].agents)

    def _look(self, number: str, extension: str) -> Candidate:
        agent, line = self.agents[extension], self.lines[number]
        self._seen[extension][number] = seen = Candidate(
            extension,
            self._positions[number][extension],
            self._waits[number][extension],
            line.penalties.get(extension, 0),
            agent.idle_since,
            agent.calls.get(number, 0),
            agent.talk_time,
        )
        return seen

    def _look_whether_empty(self, number: str, now: float) -> None:
        line = self.lines[number]
        if line.leave_empty and self.all_are(number, line.leave_empty):
            if number not in self.empty_since:
                self.empty_since[number] = now
                self.emptied.add(number)
        else:
            self.empty_since.pop(number, None)
