"""Wrap-ups become facts, in the time of the wall: so a report counts them, and the next core lets them go on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from uuid_utils.compat import uuid7

from callflow.ports import Clock, FactSink
from crm_core import telephony
from crm_core.database import Pool
from crm_core.spool import SpoolFull
from queue_engine.decisions import WrapUp
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import WrapUpSet

log = structlog.get_logger("dzvin.wrap_ups")


async def running(pool: Pool, now: datetime) -> Mapping[str, datetime]:
    """Of each extension that is in one, until when."""
    async with pool.acquire() as conn:
        return await telephony.running_wrap_ups(conn, now)


def tell_wrap_ups(dispatcher: Dispatcher, ledger: FactSink, clock: Clock) -> None:
    loop = asyncio.get_running_loop()

    def tell(wrap_up: WrapUp) -> None:
        now = clock.now()
        until = now + timedelta(seconds=wrap_up.until - loop.time())
        fact = WrapUpSet(id=uuid7(), at=now, extension=wrap_up.extension, item=wrap_up.item_id, until=max(now, until))
        try:
            ledger.append(fact)
        except SpoolFull as error:  # it lasts all the same, until the next start
            log.error("a wrap-up is not kept", extension=wrap_up.extension, reason=str(error))

    dispatcher.on_wrap_up = tell
