"""Calls whose end nobody has told: what a core that starts after a kill has to close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crm_core.database import Connection


@dataclass(frozen=True, slots=True)
class UnfinishedCall:
    call_id: UUID
    started_at: datetime


UNFINISHED = "SELECT id, started_at FROM call WHERE ended_at IS NULL ORDER BY started_at LIMIT 100000"


async def unfinished(conn: Connection) -> list[UnfinishedCall]:
    """Oldest first. Ask after `LedgerWriter.drained()`: the spool may still hold the end of some."""
    return [UnfinishedCall(row["id"], row["started_at"]) for row in await conn.fetch(UNFINISHED)]
