"""The lines in the core: the configuration's, and what people have made of them since."""

from __future__ import annotations

from callflow.line_book import LineBook
from crm_core import telephony
from crm_core.database import Pool
from dzvin import switchboard
from dzvin.config import Config


async def line_book(pool: Pool, config: Config) -> LineBook:
    """As people left them. What the spool still holds of the core before has to be written by then."""
    book = switchboard.line_book(config)
    async with pool.acquire() as conn:
        book.switches.update(await telephony.line_switches(conn))
    return book
