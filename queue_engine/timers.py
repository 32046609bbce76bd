"""When to look at what again. A note that came to nothing meanwhile is passed over when its time comes."""

from __future__ import annotations

from heapq import heappop, heappush
from uuid import UUID

from queue_engine.agent import Agent
from queue_engine.pool import Entry, Pool
from queue_engine.roster import BY_TIME, Roster


class Timers:
    def __init__(self, pool: Pool, roster: Roster) -> None:
        self._pool, self._roster = pool, roster
        self._items: list[tuple[float, int, UUID]] = []
        self._agents: list[tuple[float, str]] = []

    def note(self, entry: Entry, at: float | None) -> None:
        """Look at the item then, and at no other time."""
        if at is not None and at != entry.timer:
            heappush(self._items, (at, entry.item.item_id.int, entry.item.item_id))
        entry.timer = at

    def note_agent(self, agent: Agent) -> None:
        if self._roster.conditions[agent.extension] in BY_TIME and agent.timer != agent.deadline:
            agent.timer = agent.deadline
            heappush(self._agents, (agent.deadline, agent.extension))

    def due_items(self, now: float) -> list[Entry]:
        due = []
        while (at := self._next_item()) is not None and at <= now:
            entry = self._pool.entries[heappop(self._items)[2]]
            entry.timer = None
            due.append(entry)
        return due

    def due_agents(self, now: float) -> list[Agent]:
        due = []
        while (at := self._next_agent()) is not None and at <= now:
            agent = self._roster.agents[heappop(self._agents)[1]]
            agent.timer = None
            due.append(agent)
        return due

    def next(self) -> float | None:
        """An agent's deadline counts only while somebody waits."""
        agent = self._next_agent() if self._pool.anybody_waits() else None
        times = [at for at in (self._next_item(), agent) if at is not None]
        return min(times) if times else None

    def _next_item(self) -> float | None:
        while self._items:
            at, _, item_id = self._items[0]
            entry = self._pool.entries.get(item_id)
            if entry is not None and entry.timer == at:
                return at
            heappop(self._items)
        return None

    def _next_agent(self) -> float | None:
        while self._agents:
            at, extension = self._agents[0]
            agent = self._roster.agents[extension]
            if agent.timer == at and agent.deadline == at and self._roster.conditions[extension] in BY_TIME:
                return at
            heappop(self._agents)
            if agent.timer == at:
                agent.timer = None
        return None
