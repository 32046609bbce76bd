"""Puts an outside server's calls through our ledger: what a call becomes is decided in one place, whoever saw it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from callflow.facts import Direction
from crm_core import ledger, settings
from crm_core.access import Right, require
from crm_core.clients.phone_numbers import normalise
from crm_core.database import AWAY, Connection, Pool, borrowed
from crm_core.events.telephony import Reached
from crm_core.follow_ups import calls_back
from crm_core.organisation import User
from crm_core.outside_pbx import asterisk, contract, sources
from crm_core.outside_pbx.calls import BadRecord, OutsideCall, call_id, facts_of
from crm_core.outside_pbx.sources import Row, SourceFailed
from crm_core.projection import project
from crm_core.settings import Settings

EVERY = 60.0  # seconds between two looks
FIRST = timedelta(days=7)  # how far the first look goes back
OVERLAP = timedelta(hours=6)  # a row is written when its call ends, and is sorted by its start
SETTLED = timedelta(seconds=60)  # after its last row a call may still get another one
SAME = timedelta(seconds=30)  # two servers that saw one call agree so far about its start
BATCH = 100  # calls of a transaction

_log = structlog.get_logger()


async def load(conn: Connection, parameters: Settings, *, now: datetime) -> int:
    """Look once; how many calls were new. Raises SourceFailed."""
    source = sources.label(parameters.telephony_source)
    through = await conn.fetchval("SELECT loaded_through FROM outside_source WHERE source = $1", source)
    rows = await sources.read(parameters, through - OVERLAP if through else now - FIRST)
    # Hundreds of thousands of rows: in a thread, for the core has calls to carry.
    calls = await asyncio.to_thread(lambda: sorted(_calls(rows, parameters), key=lambda call: call.ended_at))
    settled = [call for call in calls if call.ended_at <= now - SETTLED and call.started_at >= now - FIRST]
    new = 0
    for start in range(0, len(settled), BATCH):
        unknown = await _unknown(conn, source, settled[start : start + BATCH], parameters)
        if unknown:
            await _store(conn, source, unknown)
        new += len(unknown)
    await conn.execute(LOOKED, source, max((call.started_at for call in settled), default=through), now)
    return new


LOOKED = """
    INSERT INTO outside_source (source, loaded_through, looked_at) VALUES ($1, $2, $3)
    ON CONFLICT (source) DO UPDATE
       SET loaded_through = greatest(outside_source.loaded_through, excluded.loaded_through),
           looked_at = excluded.looked_at, error = ''
"""
FAILED = """
    INSERT INTO outside_source (source, looked_at, error) VALUES ($1, $2, $3)
    ON CONFLICT (source) DO UPDATE SET looked_at = excluded.looked_at, error = excluded.error
"""


def _calls(rows: Sequence[Row], parameters: Settings) -> Iterator[OutsideCall]:
    """A row that makes no sense is counted in the log and costs the others nothing."""
    zone, bad = ZoneInfo(parameters.timezone), 0
    records: list[asterisk.Cdr] = []
    for row in rows:
        try:
            if parameters.telephony_kind == "asterisk":
                records.append(asterisk.record_of(row, zone))
            else:
                yield contract.call_of(row, zone)
        except BadRecord as error:
            bad += 1
            if bad == 1:
                _log.warning("outside_call_unreadable", error=str(error))
    yield from asterisk.calls_of(records, internal_digits=parameters.telephony_internal_digits)


# O-39: our own events come first. What we saw ourselves has another trunk, or none.
KNOWN = "SELECT id FROM call WHERE id = ANY($1::uuid[])"
SEEN = """
    SELECT n.id
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
           AS n (id, phone, e164, direction, started_at)
     WHERE EXISTS (SELECT 1 FROM call c JOIN party p ON p.id = c.party_id
                    WHERE c.started_at BETWEEN n.started_at - $6::interval AND n.started_at + $6::interval
                      AND c.trunk IS DISTINCT FROM $7 AND c.direction = n.direction AND p.number <> ''
                      AND (p.e164 = n.e164 OR p.number = n.phone))
"""


async def _unknown(
    conn: Connection, source: str, calls: Sequence[OutsideCall], parameters: Settings
) -> Sequence[OutsideCall]:
    by_id = {call_id(source, call): call for call in calls}
    for row in await conn.fetch(KNOWN, list(by_id)):
        del by_id[row["id"]]
    numbers = [normalise(call.number, region=parameters.region) for call in by_id.values()]
    rows = await conn.fetch(
        SEEN,
        list(by_id),
        [number.raw for number in numbers],
        [number.e164 for number in numbers],
        [call.direction for call in by_id.values()],
        [call.started_at for call in by_id.values()],
        SAME,
        source,
    )
    for row in rows:
        del by_id[row["id"]]
    return list(by_id.values())


# What was missed there may have been made good before we heard of it.
MADE_GOOD = """
    SELECT DISTINCT ON (t.id) t.party_key, e.id AS event_id, e.answered_at, c.id AS call_id, c.taken_by, c.direction
      FROM event missed
      JOIN task t ON t.id = missed.follow_up_id AND t.closed_at IS NULL
      JOIN event e ON e.party_key = t.party_key AND e.answered_at > t.last_missed_at
      JOIN call c ON c.id = e.call_id
     WHERE missed.call_id = ANY($1::uuid[])
     ORDER BY t.id, e.answered_at
"""


async def _store(conn: Connection, source: str, calls: Sequence[OutsideCall]) -> None:
    facts = [fact for call in calls for fact in facts_of(source, call)]
    ids: list[UUID] = [call_id(source, call) for call in calls]
    async with conn.transaction():
        await project(conn, await ledger.write(conn, facts))
        reached = [
            Reached(
                call_id=row["call_id"],
                event_id=row["event_id"],
                party_keys=[row["party_key"]],
                at=row["answered_at"],
                extension=row["taken_by"] or "",
                outbound=row["direction"] == Direction.OUTBOUND,
            )
            for row in await conn.fetch(MADE_GOOD, ids)
        ]
        await calls_back.reached(conn, reached)


@dataclass(slots=True)
class OutsideCalls:
    """Looks for as long as `run` runs, while the setting is on (R-CALL-25)."""

    pool: Pool
    clock: Callable[[], datetime]

    async def run(self) -> None:
        """Until cancelled. A source or a data base that is away is waited for."""
        while True:
            try:
                await self.look()
            except AWAY as error:
                _log.warning("outside_calls_wait", error=repr(error))
            await asyncio.sleep(EVERY)

    async def look(self) -> int:
        """Load once, if it is on; how many calls were new."""
        async with borrowed(self.pool, at_most=None) as conn:
            parameters = await settings.load(conn)
            if not parameters.telephony_load or not parameters.telephony_source:
                return 0
            source, now = sources.label(parameters.telephony_source), self.clock()
            try:
                new = await load(conn, parameters, now=now)
            except SourceFailed as error:
                _log.warning("outside_source_failed", source=source, error=str(error))
                await conn.execute(FAILED, source, now, str(error))
                return 0
        if new:
            _log.info("outside_calls_loaded", source=source, calls=new)
        return new


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """`source` without a password; `error`: why the last look failed, "" when it did not."""

    source: str
    loaded_through: datetime | None
    looked_at: datetime
    error: str


STATES = "SELECT source, loaded_through, looked_at, error FROM outside_source ORDER BY looked_at DESC LIMIT 20"


async def states(conn: Connection, user: User) -> Sequence[SourceState]:
    """How the loading goes, the latest source first. Raises Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    return [SourceState(**dict(row)) for row in await conn.fetch(STATES)]
