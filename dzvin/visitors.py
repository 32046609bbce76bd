"""Operators who have chosen the system status Free are given the next visitor by themselves (R-QUEUE-25, R-QUEUE-37).

Only who uses user statuses (R-QUEUE-40), has a window and the panel open, and is free by what calls and tickets say,
the longest free first. The others press "next, please" themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from callflow.facts import Fact
from crm_core import hall, organisation
from crm_core.access import Right, allowed
from crm_core.database import Connection, Pool, borrowed
from crm_core.outbox import OutboxMessage
from dzvin.keeping_up import whenever
from queue_engine.facts import AgentDeclared, QueueFact, Will
from web_panel.live import LivePanel
from web_panel.ports import nothing
from web_panel.statuses import AgentStatus

EVERY = 5.0  # seconds: whose time has come meanwhile is seen then


@dataclass(slots=True)
class Visitors:
    pool: Pool
    live: LivePanel
    clock: Callable[[], datetime]
    windows_changed: Callable[[Connection], Awaitable[None]] = nothing
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_outbox(self, message: OutboxMessage) -> None:
        if message.kind in (hall.TICKET_ISSUED, hall.TICKET_SERVED):
            self._changed.set()

    def on_fact(self, fact: Fact | QueueFact) -> None:
        if isinstance(fact, AgentDeclared):
            self._changed.set()

    def free(self) -> list[UUID]:
        """Who may be given a visitor now, the longest free first."""
        state, found = self.live.state, []
        for user_id in self.live.lookers:
            person, said = state.people.get(user_id), state.declared.get(user_id)
            if person is None or not person.window or not person.uses_statuses:
                continue
            if said is None or said.will is not Will.READY or state.status(user_id) is not AgentStatus.FREE:
                continue
            found.append((state.status_since(user_id) or said.since, user_id))
        return [user_id for _, user_id in sorted(found)]

    async def look(self) -> None:
        """Each who is free gets at most one."""
        free = self.free()
        if not free:
            return
        async with borrowed(self.pool) as conn:
            users = {user.id: user for user in await organisation.all_users(conn)}
            for user_id in free:
                if user_id in users and allowed(users[user_id], Right.SERVE_TICKETS):
                    await hall.call_next(conn, users[user_id], now=self.clock())
            await self.windows_changed(conn)

    async def run(self) -> None:
        """Until cancelled."""
        await whenever(self._changed, self.look, what="visitors", every=EVERY)
