"""What a core owes to the calls of the core before it: BYE to both sides, and an end in the ledger."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

import structlog

from callflow.call_recording import ready
from callflow.facts import CallEnded, EndedBy, Outcome, RecordingReady
from crm_core.calls.recordings import unfinished_recordings
from crm_core.calls.unfinished import unfinished
from crm_core.database import Pool
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


async def end_what_was(telephony: Telephony, spool: Spool) -> Owners:
    """Take down the legs that the media workers kept, before the first new call."""
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
    return owners


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


async def close_the_books(
    pool: Pool,
    writer: LedgerWriter,
    spool: Spool,
    started_at: datetime,
    recordings: KeptRecordings,
    owners: Owners,
) -> None:
    """End in the ledger every call that the database knows as running since before `started_at`, and every recording
    but those in `owners`, whose end their worker tells.

    Waits until the spool that was found is written: only then is the database's list of running calls complete.
    """
    await writer.drained()
    async with pool.acquire() as conn:
        left = [call for call in await unfinished(conn) if call.started_at < started_at]
        open_files = await unfinished_recordings(conn, started_at)
    clock = SystemClock()
    for call in left:
        spool.append(
            CallEnded(
                id=fresh_id(),
                at=clock.now(),
                call_id=call.call_id,
                outcome=Outcome.INTERRUPTED,
                ended_by=EndedBy.SYSTEM,
            )
        )
    if left:
        log.warning("calls closed as interrupted", calls=len(left))
    for each in open_files:
        found = await recordings.measure(each.id, each.place)
        if found is not None and each.id not in owners:
            _told(spool, each.call_id, found)
