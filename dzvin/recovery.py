"""What a core owes to the calls of the core before it: BYE to both sides, and an end in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from callflow.call_recording import ready
from callflow.facts import CallEnded, EndedBy, Outcome, RecordingReady
from crm_core.calls.recordings import unfinished_recordings
from crm_core.calls.unfinished import unfinished
from crm_core.database import Pool, borrowed
from crm_core.ledger import LedgerWriter
from crm_core.spool import Spool
from dzvin.bootstrap import Telephony
from dzvin.clock import SystemClock, fresh_id
from dzvin.kept_recordings import KeptRecordings
from pbx.media.client import AdoptedLeg, RecordingClosed
from pbx.orphans import end_orphans

log = structlog.get_logger("dzvin.recovery")

Owners = dict[UUID, UUID]
"""Recordings that an earlier core began -> their calls."""


async def calls_left(pool: Pool, spool: Spool, started_at: datetime) -> list[UUID]:
    """Calls that began before `started_at` and whose end nobody has told, in the spool neither."""
    waiting = spool.waiting()
    async with borrowed(pool) as conn:
        return [call.call_id for call in await unfinished(conn, waiting) if call.started_at < started_at]


async def end_what_was(telephony: Telephony, spool: Spool, left: Sequence[UUID]) -> Owners:
    """Take down the legs that the media workers kept, and end the calls that were `left`, before the first new call:
    the database may be away by now, and a call that was cut has not lasted until it comes back."""
    owners: Owners = {
        adopted.recording_id: adopted.call_id for adopted in telephony.media.adopted if adopted.recording_id
    }

    def closed(recording: RecordingClosed) -> None:
        call_id = owners.get(recording.recording_id, recording.call_id)
        if call_id is not None:
            owners[recording.recording_id] = call_id
            _told(spool, call_id, recording)

    telephony.media.on_recording_closed = closed
    found, telephony.media.adopted = telephony.media.adopted, []
    orphans = await end_orphans(telephony.endpoint, found)
    if orphans.calls:
        log.warning("calls of an earlier core ended", calls=len(orphans.calls))
    end_in_the_books(spool, left, SystemClock().now())
    return owners


def end_in_the_books(spool: Spool, left: Sequence[UUID], at: datetime) -> None:
    for call_id in left:
        spool.append(
            CallEnded(id=fresh_id(), at=at, call_id=call_id, outcome=Outcome.INTERRUPTED, ended_by=EndedBy.SYSTEM)
        )
    if left:
        log.warning("calls closed as interrupted", calls=len(left))


async def end_what_comes_late(telephony: Telephony, owners: Owners) -> None:
    """For as long as the core lives. A media worker that was too busy to answer at the start brings legs of an earlier
    core, and one whose connection was lost brings legs of calls that have ended here for that. Nobody else ends them.
    """
    late: asyncio.Queue[AdoptedLeg] = asyncio.Queue()
    telephony.media.on_adopted = late.put_nowait
    for leg in telephony.media.adopted:
        late.put_nowait(leg)
    while True:
        leg = await late.get()
        if leg.recording_id is not None:
            owners[leg.recording_id] = leg.call_id
        log.warning("a leg comes late and is ended", call_id=str(leg.call_id))
        await end_orphans(telephony.endpoint, [leg])
        telephony.media.adopted = [each for each in telephony.media.adopted if each is not leg]


def _told(spool: Spool, call_id: UUID, closed: RecordingClosed) -> None:
    spool.append(RecordingReady(id=fresh_id(), at=SystemClock().now(), call_id=call_id, **ready(closed)))  # type: ignore[arg-type]  # the fact's own constructor checks


async def close_recordings(
    pool: Pool,
    writer: LedgerWriter,
    spool: Spool,
    started_at: datetime,
    recordings: KeptRecordings,
    owners: Owners,
) -> None:
    """Tell the end of every recording that the database knows as running since before `started_at`, but of those in
    `owners`, whose end their worker tells.

    Waits until the spool that was found is written: only then is the database's list complete.
    """
    await writer.drained()
    async with pool.acquire() as conn:
        open_files = await unfinished_recordings(conn, started_at)
    for each in open_files:
        found = await recordings.measure(each.id, each.place)
        if found is not None and each.id not in owners:
            _told(spool, each.call_id, found)
