"""Recordings of calls, as telephony tells of them. The audio itself is none of the CRM's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from callflow.facts import RecordingReady, RecordingStarted
from crm_core.database import Connection

BEGIN = """
    INSERT INTO recording (id, call_id, started_at, place)
    SELECT r.recording, r.call_id, r.at, nullif(r.place, '')
      FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[]) AS r (recording, call_id, at, place)
    ON CONFLICT (id) DO UPDATE SET place = excluded.place
"""
READY = """
    INSERT INTO recording (id, call_id, started_at, file, seconds, cut, reason, segments, pauses)
    SELECT r.recording, r.call_id, r.at - make_interval(secs => r.seconds), r.file, r.seconds, r.cut, r.reason,
           r.segments::jsonb, r.pauses::jsonb
      FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::double precision[], $6::boolean[],
                  $7::text[], $8::text[], $9::text[])
           AS r (recording, call_id, at, file, seconds, cut, reason, segments, pauses)
    ON CONFLICT (id) DO UPDATE
       SET file = excluded.file, seconds = excluded.seconds, cut = excluded.cut, reason = excluded.reason,
           segments = excluded.segments, pauses = excluded.pauses
"""


async def store_recordings(conn: Connection, facts: Sequence[RecordingStarted | RecordingReady]) -> None:
    """A closed recording whose beginning was not told begins as long before its end as it lasts."""
    begun = {fact.recording: fact for fact in facts if isinstance(fact, RecordingStarted)}
    if begun:
        await conn.execute(
            BEGIN,
            list(begun),
            [fact.call_id for fact in begun.values()],
            [fact.at for fact in begun.values()],
            [fact.file for fact in begun.values()],
        )
    ready = {fact.recording: fact for fact in facts if isinstance(fact, RecordingReady)}  # of several the last counts
    if ready:
        await conn.execute(
            READY,
            list(ready),
            [fact.call_id for fact in ready.values()],
            [fact.at for fact in ready.values()],
            [fact.file for fact in ready.values()],
            [float(fact.seconds) for fact in ready.values()],
            [fact.cut for fact in ready.values()],
            [fact.reason for fact in ready.values()],
            [msgspec.json.encode(fact.segments).decode() for fact in ready.values()],
            [msgspec.json.encode(fact.pauses).decode() for fact in ready.values()],
        )


@dataclass(frozen=True, slots=True)
class UnfinishedRecording:
    id: UUID
    call_id: UUID
    place: str


UNFINISHED = """
    SELECT id, call_id, place FROM recording
     WHERE file IS NULL AND place IS NOT NULL AND started_at < $1
     ORDER BY started_at LIMIT 100000
"""


async def unfinished_recordings(conn: Connection, before: datetime) -> list[UnfinishedRecording]:
    """Those whose end nobody has told, oldest first. Ask after `LedgerWriter.drained()`."""
    return [
        UnfinishedRecording(row["id"], row["call_id"], row["place"]) for row in await conn.fetch(UNFINISHED, before)
    ]
