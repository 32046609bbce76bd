"""Recordings of calls, as telephony tells of them. The audio itself is none of the CRM's business."""

from __future__ import annotations

from collections.abc import Sequence

from callflow.facts import RecordingReady, RecordingStarted
from crm_core.database import Connection

BEGIN = "INSERT INTO recording (id, call_id, started_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
READY = """
    INSERT INTO recording (id, call_id, started_at, file, seconds, cut)
    VALUES ($1, $2, $3::timestamptz - make_interval(secs => $5), $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET file = excluded.file, seconds = excluded.seconds, cut = excluded.cut
"""


async def store_recordings(conn: Connection, facts: Sequence[RecordingStarted | RecordingReady]) -> None:
    """A closed recording whose beginning was not told begins as long before its end as it lasts."""
    for fact in facts:
        match fact:
            case RecordingStarted(recording=recording, call_id=call_id, at=at):
                await conn.execute(BEGIN, recording, call_id, at)
            case RecordingReady(recording=recording, call_id=call_id, at=at, file=file, seconds=seconds, cut=cut):
                await conn.execute(READY, recording, call_id, at, file, float(seconds), cut)
