"""Wait for whatever happens first, without owning any of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from pbx.leg import Ended
from pbx.media.messages import PlaybackEnd
from queue_engine.reasons import LeaveReason

if TYPE_CHECKING:
    from callflow.agent_leg import Rung
    from callflow.lining import Gone
    from callflow.side import Side
    from callflow.stages import Result

Awaited: TypeAlias = (
    "asyncio.Future[Ended] | asyncio.Future[None] | asyncio.Future[LeaveReason] | asyncio.Future[PlaybackEnd]"
    "| asyncio.Future[str] | asyncio.Future[bool]"
    "| asyncio.Future[Side | Result] | asyncio.Task[Rung] | asyncio.Task[Gone]"
)


async def first_of(*awaited: Awaited, timeout: float | None = None) -> None:
    """Return when any of these is done, or after `timeout` seconds. None is cancelled; look at them yourself."""
    if timeout is None or timeout > 0:
        await asyncio.wait(awaited, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
