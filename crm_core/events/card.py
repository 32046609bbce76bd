"""The event card: requisites, what people wrote, recordings as attachments (R-CALL-24)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from crm_core.access import VISIBLE_CALL, VISIBLE_EVENT, NotFound, Right, require, sees_all
from crm_core.database import Connection
from crm_core.events.register import COLUMNS, FROM, EventRow, from_row
from crm_core.organisation import User

LONGEST_CONTENT = 20_000  # characters


@dataclass(frozen=True, slots=True)
class RecordingLink:
    id: UUID
    seconds: float
    cut: bool  # it ends before the call did


@dataclass(frozen=True, slots=True, kw_only=True)
class CameTo:
    """What somebody said that the call came to. `name` by language: uk, en, ru."""

    disposition: str
    name: Mapping[str, str]
    note: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EventCard:
    row: EventRow
    attachments: Sequence[RecordingLink]
    came_to: CameTo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFile:
    """`file` is relative to the recordings folder."""

    id: UUID
    file: str
    seconds: float
    started_at: datetime
    call_id: UUID


CARD = "SELECT" + COLUMNS + ", 1::bigint AS group_size" + FROM + " WHERE e.id = $3 AND " + VISIBLE_EVENT
ATTACHMENTS = """
    SELECT r.id, r.seconds, r.cut FROM recording r JOIN event e ON e.call_id = r.call_id
     WHERE e.id = $1 AND r.file IS NOT NULL
     ORDER BY r.started_at, r.id
"""
CAME_TO = """
    SELECT c.disposition, d.name, c.note, u.full_name AS by, c.set_at AS at
      FROM event e JOIN call_disposition c ON c.call_id = e.call_id
      JOIN disposition d ON d.key = c.disposition JOIN app_user u ON u.id = c.set_by
     WHERE e.id = $1
"""


async def card(conn: Connection, user: User, event_id: UUID) -> EventCard:
    """Raises NotFound, Forbidden."""
    require(user, Right.SEE_EVENTS)
    row = await conn.fetchrow(CARD, sees_all(user), user.id, event_id)
    if row is None:
        raise NotFound(event_id)
    links = [
        RecordingLink(found["id"], found["seconds"], found["cut"]) for found in await conn.fetch(ATTACHMENTS, event_id)
    ]
    said = await conn.fetchrow(CAME_TO, event_id)
    names = msgspec.json.decode(said["name"], type=dict[str, str]) if said is not None else {}
    return EventCard(from_row(row), links, CameTo(**{**dict(said), "name": names}) if said is not None else None)


WRITE_CONTENT = "UPDATE event e SET content = $4 WHERE e.id = $3 AND " + VISIBLE_EVENT + " RETURNING e.id"


async def write_content(conn: Connection, user: User, event_id: UUID, content: str) -> None:
    """Keep what was talked about (R-CALL-20), also while the call is still running. Raises NotFound, Forbidden."""
    require(user, Right.WRITE_EVENTS)
    text = content.replace("\0", "")[:LONGEST_CONTENT]
    if not await conn.fetchval(WRITE_CONTENT, sees_all(user), user.id, event_id, text):
        raise NotFound(event_id)


RECORDING = (
    """
    SELECT r.id, r.file, r.seconds, r.started_at, r.call_id
      FROM recording r JOIN call c ON c.id = r.call_id
     WHERE r.id = $3 AND r.file IS NOT NULL AND """
    + VISIBLE_CALL
)
LISTENED = "INSERT INTO audit (user_id, action, object_kind, object_id) VALUES ($1, 'listened', 'recording', $2)"


async def recording(conn: Connection, user: User, recording_id: UUID) -> RecordingFile:
    """The file to play, and a note in the audit that this person listened. Raises NotFound, Forbidden."""
    require(user, Right.LISTEN_RECORDINGS)
    async with conn.transaction():
        row = await conn.fetchrow(RECORDING, sees_all(user), user.id, recording_id)
        if row is None:
            raise NotFound(recording_id)
        await conn.execute(LISTENED, user.id, recording_id)
    return RecordingFile(**dict(row))
