"""What the CRM does by itself, beside the calls: it looks after follow-ups, loads outside calls, tells webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from crm_core.database import Pool
from crm_core.follow_ups import FollowUpCare
from crm_core.outbox import Outbox, OutboxMessage
from crm_core.outside_pbx import OutsideCalls
from crm_core.settings import SETTING_CHANGED
from dzvin.clock import SystemClock
from dzvin.config import Config
from dzvin.keeping_up import whenever
from dzvin.webhooks import Webhooks

AGAIN = 60.0  # seconds

log = structlog.get_logger("dzvin.crm_work")


def crm_work(pool: Pool, outbox: Outbox, config: Config) -> Sequence[Awaitable[None]]:
    clock = SystemClock().now
    outside = OutsideKeeper(OutsideCalls(pool, clock).look, config.telephony_server.every)
    outbox.subscribe(outside.on_outbox)
    return (
        unceasing("follow-ups", lambda: FollowUpCare(pool, clock).run()),
        unceasing("outside calls", outside.run),
        unceasing("webhooks", lambda: Webhooks(pool, clock).run()),
    )


@dataclass(slots=True)
class OutsideKeeper:
    """Looks for calls of the telephony server at once, `every` so many seconds, and when somebody has saved a parameter
    of it: who turns the loading on sees its calls."""

    look: Callable[[], Awaitable[object]]
    every: float
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    def on_outbox(self, message: OutboxMessage) -> None:
        if message.kind == SETTING_CHANGED and str(message.payload["key"]).startswith("telephony_"):
            self._asked.set()

    async def run(self) -> None:
        """Until cancelled."""
        self._asked.set()
        await whenever(self._asked, self.look, what="outside calls", every=self.every)


async def unceasing(what: str, begin: Callable[[], Awaitable[None]]) -> None:
    """Until cancelled. What it stumbles over, a row of a foreign data base perhaps, may not end the calls of this core:
    it is logged, and the work begins anew after a minute."""
    while True:
        try:
            await begin()
        except Exception:  # the task's edge, see above
            log.exception("crm work failed", what=what)
        await asyncio.sleep(AGAIN)
