"""Calls whose end nobody has told: what a core that starts after a kill has to close."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from callflow.facts import CallEnded, CallStarted
from crm_core.database import Connection
from crm_core.fact_codec import AnyFact


@dataclass(frozen=True, slots=True)
class UnfinishedCall:
    call_id: UUID
    started_at: datetime


UNFINISHED = "SELECT id, started_at FROM call WHERE ended_at IS NULL ORDER BY started_at LIMIT 100000"


async def unfinished(conn: Connection, waiting: Iterable[AnyFact] = ()) -> list[UnfinishedCall]:
    """Oldest first. `waiting`: what the spool held before this was called, since that may begin and end calls of which
    the database does not know yet."""
    begun: dict[UUID, datetime] = {}
    ended: set[UUID] = set()
    for fact in waiting:
        if isinstance(fact, CallStarted):
            begun[fact.call_id] = fact.at
        elif isinstance(fact, CallEnded):
            ended.add(fact.call_id)
    begun |= {row["id"]: row["started_at"] for row in await conn.fetch(UNFINISHED)}
    left = [UnfinishedCall(call_id, at) for call_id, at in begun.items() if call_id not in ended]
    return sorted(left, key=lambda call: call.started_at)
