"""Recordings of calls, as telephony tells of them. The audio itself is none of the CRM's business."""

from __future__ import annotations

from collections.abc import Sequence

from callflow.facts import RecordingReady, RecordingStarted
from crm_core.database import Connection

BEGIN = """
    INSERT INTO recording (id, call_id, started_at) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
    ON CONFLICT DO NOTHING
"""
READY = """
    INSERT INTO recording (id, call_id, started_at, file, seconds, cut)
    SELECT r.recording, r.call_id, r.at - make_interval(secs => r.seconds), r.file, r.seconds, r.cut
      FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::double precision[], $6::boolean[])
           AS r (recording, call_id, at, file, seconds, cut)
    ON CONFLICT (id) DO UPDATE SET file = excluded.file, seconds = excluded.seconds, cut = excluded.cut
"""


async def store_recordings(conn: Connection, facts: Sequence[RecordingStarted | RecordingReady]) -> None:
    """A closed recording whose beginning was not told begins as long before its end as it lasts."""
    begun = [fact for fact in facts if isinstance(fact, RecordingStarted)]
    if begun:
        await conn.execute(
            BEGIN, [fact.recording for fact in begun], [fact.call_id for fact in begun], [fact.at for fact in begun]
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
        )
