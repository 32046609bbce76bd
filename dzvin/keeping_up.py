"""What is read anew whenever the data base says that something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from crm_core.database import AWAY

AGAIN = 1.0  # seconds, while the data base is away

log = structlog.get_logger("dzvin.keeping_up")


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
