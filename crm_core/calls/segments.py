"""With whom a call was, one after the other, and what the time of each was."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from crm_core.database import Connection


class CallSegment(msgspec.Struct, frozen=True, kw_only=True):
    """All in seconds. `wait`: in lines before, ringing included; None: came through none. `ring`: from the offer to the
    answer; None: nobody's phone was offered it. `talk` is without `hold`, and None until the segment ends."""

    id: UUID
    extension: str
    started_at: datetime
    ended_at: datetime | None
    wait: float | None
    ring: float | None
    hold: float
    talk: float | None
    wrap_up: float  # to its deadline, as long as it lasts


OF_CALL = """
    SELECT s.id, s.extension, s.started_at, s.ended_at, s.wait_seconds AS wait, s.held_seconds AS hold,
           -- `greatest` passes NULL over: what is not known would be 0
           CASE WHEN o.leg IS NOT NULL
                THEN greatest(0, extract(epoch FROM s.started_at - o.offered_at)::double precision) END AS ring,
           CASE WHEN s.ended_at IS NOT NULL
                THEN greatest(0, extract(epoch FROM s.ended_at - s.started_at)::double precision - s.held_seconds)
           END AS talk,
           coalesce((
               SELECT extract(epoch FROM w.ends_at - w.began_at)::double precision FROM wrap_up w
                WHERE w.item_id = s.call_id AND w.extension = s.extension AND w.began_at >= s.started_at
                  AND NOT EXISTS (SELECT FROM segment later  -- it came back to this agent before the wrap-up
                                   WHERE later.call_id = s.call_id AND later.extension = s.extension
                                     AND later.started_at > s.started_at AND later.started_at <= w.began_at)
                ORDER BY w.began_at LIMIT 1), 0) AS wrap_up
      FROM call LEFT JOIN segment s ON s.call_id = call.id LEFT JOIN offer o ON o.leg = s.leg
     WHERE call.id = $1
     ORDER BY s.started_at, s.id
"""


async def of_call(conn: Connection, call_id: UUID) -> list[CallSegment] | None:
    """In the order of their beginning. None when there is no such call."""
    rows = await conn.fetch(OF_CALL, call_id)
    if not rows:
        return None
    return [msgspec.convert(dict(row), CallSegment) for row in rows if row["id"] is not None]
