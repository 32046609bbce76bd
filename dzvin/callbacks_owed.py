"""Callbacks that an earlier core promised: kept by this one, at the same places."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from callflow.promises import Promise
from crm_core.callbacks import OwedCallback, owed
from crm_core.database import Pool, borrowed
from crm_core.spool import Spool
from dzvin.bootstrap import Telephony

log = structlog.get_logger("dzvin.callbacks_owed")


async def callbacks_owed(pool: Pool, spool: Spool) -> list[OwedCallback]:
    """To be asked before anything is told."""
    unwritten = spool.waiting()
    async with borrowed(pool) as conn:
        return await owed(conn, unwritten)


def call_back(telephony: Telephony, owed_ones: Sequence[OwedCallback]) -> None:
    numbers = telephony.calls.exchange.plan.numbers
    telephony.callbacks.restore(
        Promise(
            id=each.id,
            line=each.line,
            number=each.number,
            party=numbers.e164(each.number) or each.number,
            name=each.name,
            joined_at=each.joined_at,
            promised_at=each.promised_at,
            expires_at=each.expires_at,
            tries=each.tries,
            again_at=each.again_at,
        )
        for each in owed_ones
    )
    if owed_ones:
        log.info("callbacks restored", callbacks=len(owed_ones))
