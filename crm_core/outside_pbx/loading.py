"""Puts an outside server's calls through our ledger: what a call becomes is decided in one place, whoever saw it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from callflow.facts import Direction
from crm_core import ledger, settings
from crm_core.clients.phone_numbers import normalise
from crm_core.database import Connection, Pool, borrowed
from crm_core.events.telephony import Reached
from crm_core.follow_ups import calls_back, tell_missed
from crm_core.outside_pbx import sources, state
from crm_core.outside_pbx.calls import BadRecord, Flaw, OutsideCall, call_id, facts_of
from crm_core.outside_pbx.folding import Folded, fold
from crm_core.outside_pbx.sources import SourceFailed
from crm_core.outside_pbx.state import Place
from crm_core.projection import project
from crm_core.settings import Settings

FIRST = timedelta(days=7)  # how far back calls are loaded
OVERLAP = timedelta(hours=6)  # a row is written when its call ends, and is sorted by its start
FORWARD = timedelta(seconds=1)  # from a page whose rows began all together
PAGES = 50  # of a look; the next look goes on
SAME = timedelta(seconds=30)  # two servers that saw one call agree so far about its start
BATCH = 100  # calls of a transaction

_log = structlog.get_logger()


@dataclass(slots=True)
class OutsideCalls:
    """Loads while the setting is on (R-CALL-25)."""

    pool: Pool
    clock: Callable[[], datetime]

    async def look(self) -> int:
        """Load once, if it is on; how many calls were new. A source that is away is told in its state. Raises what
        `AWAY` names when the own data base is away."""
        now, new = self.clock(), 0  # what was saved before is known to this look
        async with borrowed(self.pool) as conn:
            parameters = await settings.load(conn)
            if not parameters.telephony_load or not parameters.telephony_source:
                return 0
            place = Place.of(parameters)
            through = await state.loaded_through(conn, place)
        try:
            new = await self._pages(place, parameters, through, now)
        except SourceFailed as error:
            _log.warning("outside_source_failed", source=place.source, failure=error.failure, error=str(error))
            async with borrowed(self.pool) as conn:
                await state.note_failed(conn, place.source, error, now)
        if new:
            _log.info("outside_calls_loaded", source=place.source, calls=new)
        return new

    async def _pages(self, place: Place, parameters: Settings, through: datetime | None, now: datetime) -> int:
        """Page by page, for a table may hold years. Raises SourceFailed."""
        since = max(through - OVERLAP, now - FIRST) if through else now - FIRST
        new, folded = 0, Folded()
        for _ in range(PAGES):
            page = await sources.read(parameters, since, now)
            folded = await asyncio.to_thread(fold, page, folded.open, parameters, now)
            new += await self._take(place, folded, parameters, now)
            if not page.is_full or folded.last is None or await self._is_changed(parameters):
                break
            since = max(folded.last, since + FORWARD)
        return new

    async def _is_changed(self, parameters: Settings) -> bool:
        """Then this look is over, and another one follows."""
        async with borrowed(self.pool) as conn:
            return _asked(await settings.load(conn)) != _asked(parameters)

    async def _take(self, place: Place, folded: Folded, parameters: Settings, now: datetime) -> int:
        """How many calls were new."""
        calls, new, paired = [call for call in folded.calls if call.started_at >= now - FIRST], 0, set[UUID]()
        for start in range(0, len(calls), BATCH):
            new += await self._write(place, calls[start : start + BATCH], parameters, folded, paired)
        if folded.bad:
            name, error = folded.bad[0]
            _log.warning("outside_calls_unreadable", rows=len(folded.bad), first=name, flaw=error.flaw)
        async with borrowed(self.pool) as conn, conn.transaction():
            if folded.bad:
                await state.note_aside(conn, place.source, folded.bad, now)
            through = max((call.started_at for call in calls), default=None)
            await state.note_looked(conn, place, through, now, new)
        return new

    async def _write(
        self, place: Place, calls: Sequence[OutsideCall], parameters: Settings, folded: Folded, paired: set[UUID]
    ) -> int:
        """How many were new. One that our data base refuses is set aside: the others must pass."""
        pairs = set(paired)
        try:
            async with borrowed(self.pool) as conn:
                unknown = await _unknown(conn, place.source, calls, parameters, pairs)
                if unknown:
                    await _store(conn, place.source, unknown)
            paired |= pairs
            return len(unknown)
        except ledger.TROUBLE:
            raise
        except Exception as error:  # the edge of the loading
            if len(calls) > 1:
                return sum([await self._write(place, [call], parameters, folded, paired) for call in calls])
            _log.exception("outside_call_refused", key=calls[0].key)
            folded.bad.append((f"{calls[0].key} {calls[0].started_at}", BadRecord(Flaw.REFUSED, type(error).__name__)))
            return 0


def _asked(given: Settings) -> tuple[bool, str, Place]:
    return given.telephony_load, given.telephony_source, Place.of(given)


# O-39: our own events come first. What we saw ourselves has another trunk, or none.
KNOWN = "SELECT id FROM call WHERE id = ANY($1::uuid[])"
SEEN = """
    SELECT n.id, c.id AS own
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
           AS n (id, phone, e164, direction, started_at)
      JOIN call c ON c.started_at BETWEEN n.started_at - $6::interval AND n.started_at + $6::interval
                 AND c.trunk IS DISTINCT FROM $7 AND c.direction = n.direction
      JOIN party p ON p.id = c.party_id AND (p.e164 = n.e164 OR p.number = n.phone)
     ORDER BY abs(extract(epoch FROM c.started_at - n.started_at)), c.id, n.id
"""


async def _unknown(
    conn: Connection, source: str, calls: Sequence[OutsideCall], parameters: Settings, paired: set[UUID]
) -> Sequence[OutsideCall]:
    """`paired`: our own calls that stand for one of there already. Who rang twice within the half minute rang twice."""
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
        if row["id"] in by_id and row["own"] not in paired:
            del by_id[row["id"]]
            paired.add(row["own"])
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
        await tell_missed(conn, ids)
