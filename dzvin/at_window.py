"""Agents with a visitor at their window are offered no calls: what the data base says of open tickets is what the
dispatcher is told, read anew whenever a ticket is called or served."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from crm_core import hall
from crm_core.database import AWAY, Pool, borrowed
from crm_core.outbox import Outbox, OutboxMessage
from queue_engine.dispatcher import Dispatcher

EVERY = 60.0  # seconds: what changed without a word is seen then
AGAIN = 1.0  # seconds, while the data base is away

log = structlog.get_logger("dzvin.at_window")


@dataclass(slots=True)
class Windows:
    """While the data base is away an agent stays as last told."""

    pool: Pool
    dispatcher: Dispatcher
    _at_window: frozenset[str] = frozenset()
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_outbox(self, message: OutboxMessage) -> None:
        if message.kind in (hall.TICKET_CALLED, hall.TICKET_SERVED):
            self._changed.set()

    async def load(self) -> None:
        async with borrowed(self.pool) as conn:
            now = await hall.extensions_at_window(conn)
        before, self._at_window = self._at_window, now
        for extension in sorted(before ^ now):
            self.dispatcher.at_window(extension, extension in now)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            # Not wait_for: on Python 3.11 it swallows a cancellation that arrives together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self.load()
            except AWAY as error:
                log.warning("windows_wait", error=repr(error))
                await asyncio.sleep(AGAIN)
                self._changed.set()


async def watched(pool: Pool, outbox: Outbox, dispatcher: Dispatcher) -> Windows:
    windows = Windows(pool, dispatcher)
    outbox.subscribe(windows.on_outbox)
    await windows.load()
    return windows
