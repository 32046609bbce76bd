"""Agents with a visitor at their window are offered no calls: what the data base says of open tickets is what the
dispatcher is told, read anew whenever a ticket is called or served.

Who calls or serves a ticket here waits for that: an operator who has been told of a visitor is rung for no call.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm_core import hall
from crm_core.database import Connection, Pool
from crm_core.outbox import Outbox, OutboxMessage
from dzvin.keeping_up import Keeper, whenever
from queue_engine.dispatcher import Dispatcher

EVERY = 60.0  # seconds: what changed without a word is seen then


@dataclass(slots=True)
class Windows(Keeper):
    """While the data base is away an agent stays as last told."""

    dispatcher: Dispatcher
    _at_window: frozenset[str] = frozenset()

    def on_outbox(self, message: OutboxMessage) -> None:
        if message.kind in (hall.TICKET_CALLED, hall.TICKET_SERVED):
            self._changed.set()

    async def _read(self, conn: Connection) -> None:
        now = await hall.extensions_at_window(conn)
        before, self._at_window = self._at_window, now
        for extension in sorted(before ^ now):
            self.dispatcher.at_window(extension, extension in now)

    async def run(self) -> None:
        """Until cancelled."""
        await whenever(self._changed, self.load, what="windows", every=EVERY)


async def watched(pool: Pool, outbox: Outbox, dispatcher: Dispatcher) -> Windows:
    windows = Windows(pool, dispatcher)
    outbox.subscribe(windows.on_outbox)
    await windows.load()
    return windows
