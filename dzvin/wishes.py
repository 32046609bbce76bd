"""How people want to be reached when the core starts: what the configuration says, and over it what they changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import structlog

from callflow.wishes import WishBook, Wishes
from crm_core import telephony
from crm_core.database import Pool
from crm_core.ledger import LedgerWriter
from crm_core.telephony import KeptWishes
from dzvin import switchboard
from dzvin.config import Config
from queue_engine.facts import Will

BACKLOG = 5.0  # seconds
"""For what the core before left in the spool to reach the database. What comes later counts from the next start."""

log = structlog.get_logger("dzvin.wishes")


async def wish_book(pool: Pool, writer: LedgerWriter, config: Config) -> WishBook:
    try:
        async with asyncio.timeout(BACKLOG):
            await writer.drained()
    except TimeoutError:
        log.warning("wishes are read before the spool is written", waited=BACKLOG)
    async with pool.acquire() as conn:
        kept = await telephony.kept_wishes(conn)
    seeded, ordinary = switchboard.wishes(config), switchboard.ordinary_wishes(config)
    changed = {
        extension: after(seeded.get(extension, ordinary), each)
        for extension, each in kept.items()
        if config.account(extension) is not None
    }
    return WishBook(ordinary, {**seeded, **changed})


def after(before: Wishes, kept: KeptWishes) -> Wishes:
    """`before`, and over it what a person changed."""
    wishes = replace(before, **kept.settings())  # type: ignore[arg-type]  # names and kinds of the fields are Wishes' own
    for kind, number in kept.forwards.items():
        wishes = wishes.with_forward(kind, number)
    return wishes


async def wills(pool: Pool) -> Mapping[str, Will]:
    """Who was paused is paused: a restart sends nobody back to work."""
    async with pool.acquire() as conn:
        return await telephony.wills_of_phones(conn)
