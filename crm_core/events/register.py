"""The event register in its four kinds (R-CALL-38).

standard              every event that is not archived
unanswered            missed calls of either direction that no later answered call has made up for
unanswered_grouped    the same, one row for a number: its latest missed call, and how many there are
answered              calls in which somebody was reached
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg

from crm_core.access import VISIBLE_EVENT, Right, require, sees_all
from crm_core.database import Connection
from crm_core.organisation import User

LARGEST_PAGE = 200


class View(StrEnum):
    STANDARD = "standard"
    UNANSWERED = "unanswered"
    UNANSWERED_GROUPED = "unanswered_grouped"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """`text` is looked for in number, client, content; digits also in the E.164 form. Times bound the start."""

    view: View = View.STANDARD
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    by_phone: bool = False  # what belongs to one number stands together (R-CALL-37), else the newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    id: UUID
    type: str
    number: str | None
    started_at: datetime
    ended_at: datetime | None
    phone: str
    e164: str | None
    display_name: str
    client_id: UUID | None
    client_name: str | None
    contact_id: UUID | None
    contact_name: str | None
    owner_id: UUID | None
    owner_name: str | None
    call_id: UUID | None
    answered_at: datetime | None
    talk_seconds: float
    recording_id: UUID | None  # the first that is ready; the card has them all
    internal: bool
    follow_up_id: UUID | None
    answers_event_id: UUID | None
    forwarded_from: str | None  # of a forwarding: the number that was called …
    forwarded_to: str | None  # … and the one that the call went on to
    content: str
    group_size: int  # 1, but in the grouped kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    rows: Sequence[EventRow]
    page: int
    pages: int
    total: int  # rows (in the grouped kind: groups) over all pages


COLUMNS = """
    e.id, e.type, e.number, e.started_at, e.ended_at, e.phone, e.e164, e.display_name, e.client_id,
    client.name AS client_name, e.contact_id, contact.name AS contact_name, e.owner_id,
    owner.full_name AS owner_name, e.call_id, e.answered_at, e.talk_seconds,
    (SELECT r.id FROM recording r WHERE r.call_id = e.call_id AND r.file IS NOT NULL ORDER BY r.started_at LIMIT 1)
        AS recording_id,
    e.internal, e.follow_up_id, e.answers_event_id, e.forwarded_from, e.forwarded_to, e.content
"""
FROM = """
    FROM event e
    LEFT JOIN client ON client.id = e.client_id
    LEFT JOIN contact_person contact ON contact.id = e.contact_id
    LEFT JOIN app_user owner ON owner.id = e.owner_id
"""
WHERE = (
    " WHERE e.archived_at IS NULL AND "
    + VISIBLE_EVENT
    + """
      AND ($3::text IS NULL OR e.phone ILIKE $3 OR client.name ILIKE $3 OR e.content ILIKE $3
           OR e.display_name ILIKE $3 OR e.e164 LIKE $4)
      AND ($5::timestamptz IS NULL OR e.started_at >= $5)
      AND ($6::timestamptz IS NULL OR e.started_at < $6)
"""
)
UNANSWERED = " AND e.type IN ('missed_incoming_call', 'missed_outgoing_call') AND e.answered_event_id IS NULL"
ANSWERED = " AND e.answered_at IS NOT NULL"
NEWEST_FIRST = " ORDER BY e.started_at DESC, e.id DESC LIMIT $7 OFFSET $8"
BY_PHONE = " ORDER BY coalesce(e.e164, e.phone), e.started_at DESC, e.id DESC LIMIT $7 OFFSET $8"
PLAIN = "SELECT" + COLUMNS + ", 1::bigint AS group_size" + FROM + WHERE
COUNT = "SELECT count(*)" + FROM + WHERE
LATEST_OF_GROUP = (
    "SELECT DISTINCT ON (e.party_key)"
    + COLUMNS
    + ", count(*) OVER (PARTITION BY e.party_key) AS group_size"
    + FROM
    + WHERE
    + UNANSWERED
    + " ORDER BY e.party_key, e.started_at DESC, e.id DESC"
)
ROWS = {
    View.STANDARD: PLAIN,
    View.UNANSWERED: PLAIN + UNANSWERED,
    View.ANSWERED: PLAIN + ANSWERED,
    View.UNANSWERED_GROUPED: "SELECT * FROM (" + LATEST_OF_GROUP + ") e",
}
TOTALS = {
    View.STANDARD: COUNT,
    View.UNANSWERED: COUNT + UNANSWERED,
    View.ANSWERED: COUNT + ANSWERED,
    View.UNANSWERED_GROUPED: "SELECT count(DISTINCT e.party_key)" + FROM + WHERE + UNANSWERED,
}


async def register(
    conn: Connection, user: User, wanted: EventFilter | None = None, *, page: int = 1, size: int = 20
) -> Page:
    """One page of the events that `user` may see. Raises Forbidden."""
    require(user, Right.SEE_EVENTS)
    wanted = wanted or EventFilter()
    size = max(1, min(size, LARGEST_PAGE))
    bound = (sees_all(user), user.id, *_patterns(wanted.text), wanted.since, wanted.until)
    total: int = await conn.fetchval(TOTALS[wanted.view], *bound)
    pages = max(1, -(-total // size))
    page = max(1, min(page, pages))
    order = BY_PHONE if wanted.by_phone else NEWEST_FIRST
    rows = await conn.fetch(ROWS[wanted.view] + order, *bound, size, (page - 1) * size)
    return Page(rows=[from_row(row) for row in rows], page=page, pages=pages, total=total)


def from_row(row: asyncpg.Record) -> EventRow:
    """An EventRow from a row with `COLUMNS` and a group_size."""
    return EventRow(**dict(row))


def _patterns(text: str | None) -> tuple[str | None, str | None]:
    """For ILIKE over text, and for the digits of a number however it was typed."""
    text = (text or "").replace("\0", "").strip()[:200]
    if not text:
        return None, None
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    digits = "".join(character for character in text if character.isascii() and character.isdigit())
    return f"%{escaped}%", f"%{digits}%" if digits and len(digits) >= 3 else None
