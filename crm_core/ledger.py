"""The ledger: facts leave the spool and become rows, exactly once.

One transaction holds a batch: its ledger rows, everything projected from them, the outbox. Only facts whose id is new
are projected, so a batch that was committed without our hearing of it is harmless when it comes again. A batch that
fails for its content is halved until the failing fact stands alone; that one is set aside with an alarm. A data base
that is away, hung or refusing costs lateness and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
import structlog

from callflow.facts import CallFact
from crm_core import fact_codec
from crm_core.database import Connection, Pool, borrowed
from crm_core.fact_codec import AnyFact, UnknownKind, UnreadableRecord
from crm_core.projection import project
from crm_core.spool import Entry, Spool

BATCH = 100  # facts; bounds how long folding a batch holds the loop
BATCH_TIMEOUT = 15.0  # seconds; then the connection is cut, whatever it waits for
# A batch costs some twenty statements whatever its size. So a fact waits for company: a little in a quiet hour, when
# somebody watches that one call; longer while facts never cease.
GATHER = 0.1  # seconds
GATHER_BUSY = 0.5  # seconds after the batch before
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0

# The data base's own trouble: the same batch may succeed later. Anything else is the batch's fault.
TROUBLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that ended in the midst of an operation
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.PostgresSystemError,
)

_log = structlog.get_logger()

WRITERS = 1147, 1
"""The lock that every writer shares until its transaction ends: a reader sees who writes still (`sharing.facts`)."""

# The lock is there before a row gets its number. It is shared: nobody waits for it.
WRITE = """
    WITH writing AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(1147, 1))
    INSERT INTO ledger (id, kind, v, at, call_id, payload)
    SELECT f.id, f.kind, f.v, f.at, f.call_id, f.payload
      FROM writing,
           unnest($1::uuid[], $2::text[], $3::integer[], $4::timestamptz[], $5::uuid[], $6::jsonb[])
               WITH ORDINALITY AS f (id, kind, v, at, call_id, payload, n)
     ORDER BY f.n
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""


async def write(conn: Connection, facts: Sequence[AnyFact]) -> list[AnyFact]:
    """Add `facts` to the ledger inside the caller's transaction; return those that were not there yet, in order."""
    once = {fact.id: fact for fact in facts}
    rows = await conn.fetch(
        WRITE,
        list(once),
        [fact_codec.kind_of(fact) for fact in once.values()],
        [fact.v for fact in once.values()],
        [fact.at for fact in once.values()],
        [fact.call_id if isinstance(fact, CallFact) else None for fact in once.values()],
        [fact_codec.payload(fact) for fact in once.values()],
    )
    new = {row["id"] for row in rows}
    return [fact for fact_id, fact in once.items() if fact_id in new]


@dataclass(frozen=True, slots=True)
class _Spooled:
    entry: Entry
    fact: AnyFact


@dataclass(slots=True)
class LedgerWriter:
    """Moves facts from `spool` to the data base for as long as `run` runs."""

    pool: Pool
    spool: Spool
    set_aside: int = field(default=0, init=False)  # since start: each is an alarm
    troubles: int = field(default=0, init=False)  # since start: attempts that the data base failed
    _batch: int = field(default=BATCH, init=False)

    async def run(self) -> None:
        """Write until cancelled. Cancelling loses nothing: what was not acknowledged is read again."""
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        last = -GATHER_BUSY
        while True:
            await self.spool.readable()
            if self.spool.pending < self._batch:
                await asyncio.sleep(max(GATHER, last + GATHER_BUSY - loop.time()))
            last = loop.time()
            try:
                await self._take(self.spool.read(self._batch))
            except Exception as error:  # the task's edge: facts wait, the writer goes on
                self.troubles += 1
                self._batch = max(1, self._batch // 2)  # a statement that timed out may be too long
                _log.warning(
                    "ledger_waits",
                    error=repr(error),
                    pending=self.spool.pending,
                    pause=pause,
                    exc_info=not isinstance(error, TROUBLE),
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                last = -GATHER_BUSY  # the pause was long enough
            else:
                pause = FIRST_PAUSE
                self._batch = min(BATCH, self._batch * 2)

    async def drained(self) -> None:
        """Return when every fact spooled so far is committed or set aside."""
        await self.spool.drained()

    async def _take(self, entries: Sequence[Entry]) -> None:
        readable: list[_Spooled] = []
        for entry in entries:
            try:
                readable.append(_Spooled(entry, fact_codec.decode(entry.record)))
            except UnknownKind as unknown:
                await self._put_aside(entry, None, unknown.kind, "unknown kind")
            except UnreadableRecord as unreadable:
                await self._put_aside(entry, None, "", str(unreadable))
        await self._write_or_halve(readable)
        self.spool.acknowledge(entries)

    async def _write_or_halve(self, spooled: Sequence[_Spooled]) -> None:
        try:
            await self._in_transaction([each.fact for each in spooled])
        except TROUBLE:
            raise
        except Exception as error:  # the edge of the writer: whatever one fact does, the next ones must pass
            if len(spooled) > 1:
                middle = len(spooled) // 2
                await self._write_or_halve(spooled[:middle])
                await self._write_or_halve(spooled[middle:])
                return
            fact = spooled[0].fact
            _log.exception("fact_set_aside", fact_id=str(fact.id), kind=fact_codec.kind_of(fact))
            await self._put_aside(spooled[0].entry, fact, fact_codec.kind_of(fact), repr(error)[:2000])

    async def _in_transaction(self, facts: Sequence[AnyFact]) -> None:
        if not facts:
            return
        async with borrowed(self.pool, at_most=BATCH_TIMEOUT) as conn:
            transaction = conn.transaction()  # not `async with`: on a failure the connection is cut, not rolled back
            await transaction.start()
            await project(conn, await write(conn, facts))
            await transaction.commit()

    async def _put_aside(self, entry: Entry, fact: AnyFact | None, kind: str, reason: str) -> None:
        self.set_aside += 1
        async with borrowed(self.pool) as conn:
            await conn.execute(SET_ASIDE, fact.id if fact else None, kind, entry.record, reason)


SET_ASIDE = """
    INSERT INTO ledger_set_aside (fact_id, kind, record, reason) VALUES ($1, $2, $3, $4)
    ON CONFLICT (record_sha256) DO NOTHING
"""
