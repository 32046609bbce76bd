"""The task of a visit: made from its Event, for the operator who called the visitor (R-QUEUE-29..31)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from crm_core.database import Connection

# R-QUEUE-30 with O-42: a task inherits the Event's requisites. R-QUEUE-35: an Event has one queue task, kept by a key.
# O-04: where the task was made when the Event was saved, the operator is handed that one.
CREATE = """
    INSERT INTO task (id, kind, event_id, event_type, project_id, client_id, contact_id, phone, e164, display_name,
                      assignee_id, starts_at, ends_at, opened_at)
    SELECT $1, 'queue', e.id, e.type, e.project_id, e.client_id, e.contact_id, e.phone, e.e164, e.display_name, $3,
           e.started_at, e.ended_at, $4
      FROM event e
     WHERE e.id = $2
    ON CONFLICT (event_id) WHERE kind = 'queue' DO UPDATE SET assignee_id = excluded.assignee_id
"""
OWN_EVENT = "UPDATE event SET owner_id = $2 WHERE id = $1"


async def create(conn: Connection, event_id: UUID, *, assignee: UUID | None, now: datetime) -> None:
    """Make the Event's task, or give the one that exists to `assignee`, who becomes responsible for the Event."""
    await conn.execute(CREATE, uuid7(), event_id, assignee, now)
    if assignee:
        await conn.execute(OWN_EVENT, event_id, assignee)


CLOSE = """
    UPDATE task SET status = 'done', closed_at = $2, closed_by = $3, result = $4
     WHERE event_id = $1 AND kind = 'queue' AND closed_at IS NULL
"""


async def close(conn: Connection, event_id: UUID, *, now: datetime, by: UUID, result: str) -> None:
    await conn.execute(CLOSE, event_id, now, by, result)
