"""The ledger from a cursor on: no fact is skipped, none comes twice.

Numbers are given when a fact is written, and seen when its transaction commits: of two writers the one with the lower
number may commit last. So a reader goes no further than where every writer has finished (`settled`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.ledger import WRITERS
from crm_core.organisation import User

LARGEST_PAGE = 1000
LOOKED_THROUGH = 50_000  # facts at once: who wants a rare kind is led through years of others in steps
PATIENCE = 5.0  # seconds that a reader waits for writers; a batch takes some ten milliseconds
LOOK_AGAIN = 0.02  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFact:
    """`id` is the key against doubles; `data` is what the fact says beside the other fields."""

    seq: int
    id: UUID
    kind: str
    v: int
    at: datetime
    call_id: UUID | None
    data: Mapping[str, object]

    @property
    def party(self) -> UUID | None:
        """The party that it refers to."""
        return UUID(str(self.data["party"])) if self.data.get("party") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedParty:
    """Who is behind a party reference; empty once the person was erased."""

    number: str
    e164: str | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactPage:
    """Go on with `next`. `more`: there is more already; there may be, when `facts` is empty."""

    facts: Sequence[SharedFact]
    parties: Mapping[UUID | None, SharedParty]
    next: int
    more: bool


LAST = "SELECT last_value FROM ledger_seq_seq"
STILL_WRITING = """
    SELECT virtualtransaction FROM pg_locks
     WHERE locktype = 'advisory' AND classid = $1 AND objid = $2 AND objsubid = 2 AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def settled(conn: Connection, *, patience: float = PATIENCE) -> int:
    """A number up to which the ledger will not change any more; 0 when writers have not finished within `patience`
    seconds. It waits only for those that write already, so nobody can hold it up for ever."""
    deadline = asyncio.get_running_loop().time() + patience
    last: int = await conn.fetchval(LAST)
    writing: set[str] | None = None
    while True:
        now = {row["virtualtransaction"] for row in await conn.fetch(STILL_WRITING, *WRITERS)}
        writing = now if writing is None else writing & now
        if not writing:
            return last
        if asyncio.get_running_loop().time() >= deadline:
            return 0
        await asyncio.sleep(LOOK_AGAIN)


READ = """
    SELECT seq, id, kind, v, at, call_id, payload FROM ledger
     WHERE seq > $1 AND seq <= $2 AND ($3::text[] IS NULL OR kind = ANY($3))
     ORDER BY seq LIMIT $4
"""
PARTIES = "SELECT id, number, e164, name FROM party WHERE id = ANY($1::uuid[])"


async def read(
    conn: Connection, user: User, *, after: int, size: int = 500, kinds: Sequence[str] = (), patience: float = PATIENCE
) -> FactPage:
    """Facts behind the cursor `after` (0: from the beginning), in the order of the ledger. Raises Forbidden."""
    require(user, Right.READ_FACTS)
    size = max(1, min(size, LARGEST_PAGE))
    until = await settled(conn, patience=patience)
    reach = min(until, after + LOOKED_THROUGH)
    rows = await conn.fetch(READ, after, reach, list(kinds) or None, size + 1)
    facts = [from_row(row) for row in rows[:size]]
    full = len(rows) > size
    return FactPage(
        facts=facts,
        parties=await parties_of(conn, facts),
        next=facts[-1].seq if full else max(after, reach),
        more=full or reach < until,
    )


def from_row(row: asyncpg.Record) -> SharedFact:
    """A SharedFact from a row of the ledger."""
    return SharedFact(
        seq=row["seq"],
        id=row["id"],
        kind=row["kind"],
        v=row["v"],
        at=row["at"],
        call_id=row["call_id"],
        data=msgspec.json.decode(row["payload"]),
    )


async def parties_of(conn: Connection, facts: Sequence[SharedFact]) -> Mapping[UUID | None, SharedParty]:
    """Who is behind the references of these facts."""
    ids = {fact.party for fact in facts if fact.party}
    rows = await conn.fetch(PARTIES, list(ids)) if ids else []
    return {row["id"]: SharedParty(number=row["number"], e164=row["e164"], name=row["name"]) for row in rows}
