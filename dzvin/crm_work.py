"""What the CRM does by itself, beside the calls: it looks after follow-ups, loads outside calls, tells webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from crm_core.database import Pool
from crm_core.follow_ups import FollowUpCare
from crm_core.outside_pbx import OutsideCalls
from dzvin.clock import SystemClock
from dzvin.webhooks import Webhooks

AGAIN = 60.0  # seconds

log = structlog.get_logger("dzvin.crm_work")


def crm_work(pool: Pool) -> Sequence[Awaitable[None]]:
    clock = SystemClock().now
    return (
        unceasing("follow-ups", lambda: FollowUpCare(pool, clock).run()),
        unceasing("outside calls", lambda: OutsideCalls(pool, clock).run()),
        unceasing("webhooks", lambda: Webhooks(pool, clock).run()),
    )


async def unceasing(what: str, begin: Callable[[], Awaitable[None]]) -> None:
    """Until cancelled. What it stumbles over, a row of a foreign data base perhaps, may not end the calls of this core:
    it is logged, and the work begins anew after a minute."""
    while True:
        try:
            await begin()
        except Exception:  # the task's edge, see above
            log.exception("crm work failed", what=what)
        await asyncio.sleep(AGAIN)
