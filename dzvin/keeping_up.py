"""What is read anew whenever the data base says that something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from crm_core.database import AWAY, Connection, Pool, borrowed

AGAIN = 1.0  # seconds, while the data base is away

log = structlog.get_logger("dzvin.keeping_up")


@dataclass(slots=True)
class Keeper:
    """Somebody here who knows what the data base says, as `_read` has read it last.

    Who makes a change in this core waits for `look`: what was answered holds. Others' changes are told by the outbox.
    """

    pool: Pool
    _changed: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def _read(self, conn: Connection) -> None:
        raise NotImplementedError

    async def load(self) -> None:
        """Raises AWAY."""
        async with borrowed(self.pool) as conn:
            await self._read_alone(conn)

    async def look(self, conn: Connection) -> None:
        """For who has just changed something. When the data base goes away now the outbox tells it later."""
        with suppress(*AWAY):
            await self._read_alone(conn)

    async def _read_alone(self, conn: Connection) -> None:
        async with self._one_at_a_time:  # an older look must not overtake a newer
            await self._read(conn)


async def whenever(changed: asyncio.Event, look: Callable[[], Awaitable[object]], *, what: str, every: float) -> None:
    """Until cancelled: look when `changed` is set, and every so many seconds for what changed without a word. While the
    data base is away all stays as it is."""
    while True:
        # Not wait_for: on Python 3.11 it swallows a cancellation that arrives together with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(every):
                await changed.wait()
        changed.clear()
        try:
            await look()
        except AWAY as error:
            log.warning("database away", what=what, error=repr(error))
            await asyncio.sleep(AGAIN)
            changed.set()
