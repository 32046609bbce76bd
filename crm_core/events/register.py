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

from crm_core import settings
from crm_core.access import VISIBLE_EVENT, Right, require, sees_all
from crm_core.clients.phone_numbers import normalise
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
    """`text` is looked for in number, client, content; digits also in the E.164 form. A text that is a whole number of
    the public network finds the events of exactly that number. Times bound the start."""

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
    total: int  # rows (in the grouped kind: groups) over all pages, at most 1000
    more: bool  # there are more than these


MOST_LISTED = 1_000
"""Rows that can be paged to. Who looks for an older event narrows the period or the text."""
SHORTEST_NUMBER = 7  # digits of a number of the public network
MOST_GROUPED = 5_000  # the latest unanswered calls, of which the groups are made

COLUMNS = """
    e.id, e.type, e.number, e.started_at, e.ended_at, e.phone, e.e164, e.display_name, e.client_id,
    client.name AS client_name, e.contact_id, contact.name AS contact_name, e.owner_id,
    owner.full_name AS owner_name, e.call_id, e.answered_at, e.talk_seconds,
    (SELECT r.id FROM recording r WHERE r.call_id = e.call_id AND r.file IS NOT NULL ORDER BY r.started_at LIMIT 1)
        AS recording_id,
    e.internal, e.follow_up_id, e.answers_event_id, e.forwarded_from, e.forwarded_to, e.content
"""
JOINS = """
    LEFT JOIN client ON client.id = e.client_id
    LEFT JOIN contact_person contact ON contact.id = e.contact_id
    LEFT JOIN app_user owner ON owner.id = e.owner_id
"""
FROM = " FROM event e" + JOINS

OF_ALL = " FROM event e WHERE e.archived_at IS NULL AND " + VISIBLE_EVENT
# Who sees a part walks the own rows and not everybody's, except where all are few.
OF_VIEWER = (
    " FROM event_viewer v JOIN event e ON e.id = v.event_id WHERE v.user_id = $2 AND e.archived_at IS NULL AND "
    + VISIBLE_EVENT
)
UNANSWERED = " AND e.unanswered"
KINDS = {
    View.STANDARD: "",
    View.UNANSWERED: UNANSWERED,
    View.UNANSWERED_GROUPED: UNANSWERED,
    View.ANSWERED: " AND e.answered_at IS NOT NULL",
}
# Conditions are in a statement only when they are asked for: behind `$3 IS NULL OR …` no index would be found.
# The text is written as the index event_text has it; at most a thousand clients are meant by a name.
EVENT_TEXT = "(coalesce(e.e164, '') || ' ' || e.phone || ' ' || e.display_name || ' ' || e.content)"
CLIENT_NAME = "e.client_id = ANY (ARRAY(SELECT client.id FROM client WHERE client.name ILIKE {text} LIMIT 1000))"
TEXT = f" AND ({EVENT_TEXT} ILIKE {{text}} OR {CLIENT_NAME})"
TEXT_OR_DIGITS = f" AND ({EVENT_TEXT} ILIKE {{text}} OR {EVENT_TEXT} ILIKE {{digits}} OR {CLIENT_NAME})"
NUMBER = " AND e.e164 = {number}"
SINCE = " AND {walked}.started_at >= {since}"
UNTIL = " AND {walked}.started_at < {until}"

NEWEST_FIRST = " ORDER BY e.started_at DESC, e.id DESC"
BY_PHONE = " ORDER BY coalesce(e.e164, e.phone), e.started_at DESC, e.id DESC"
# The same orders, as the viewer's own rows have them.
OWN_NEWEST_FIRST = " ORDER BY v.started_at DESC, v.event_id DESC"
OWN_BY_PHONE = " ORDER BY v.number, v.started_at DESC, v.event_id DESC"
FOUND = "SELECT e.*, 1::bigint AS group_size{found}"
LATEST_OF_GROUP = (
    "SELECT * FROM (SELECT DISTINCT ON (e.party_key) e.*, count(*) OVER (PARTITION BY e.party_key) AS group_size"
    " FROM (SELECT e.*{found}"
    + NEWEST_FIRST
    + f" LIMIT {MOST_GROUPED}) e ORDER BY e.party_key, e.started_at DESC, e.id DESC) e"
)
COUNT = f"SELECT count(*) FROM ({{source}} LIMIT {MOST_LISTED + 1}) e"
PAGE = "SELECT" + COLUMNS + ", e.group_size FROM ({source}{order} LIMIT {limit} OFFSET {offset}) e"


async def register(
    conn: Connection, user: User, wanted: EventFilter | None = None, *, page: int = 1, size: int = 20
) -> Page:
    """One page of the events that `user` may see, of the first 1000. Raises Forbidden."""
    require(user, Right.SEE_EVENTS)
    wanted = wanted or EventFilter()
    size = max(1, min(size, LARGEST_PAGE))
    values: list[object] = [sees_all(user), user.id]
    number = await _whole_number(conn, wanted.text)
    few = number is not None or wanted.view in (View.UNANSWERED, View.UNANSWERED_GROUPED)
    own = not (few or sees_all(user))
    source = _source(wanted, number, values, own=own)
    counted: int = await conn.fetchval(COUNT.format(source=source), *values)
    total = min(counted, MOST_LISTED)
    pages = max(1, -(-total // size))
    page = max(1, min(page, pages))
    order = BY_PHONE if wanted.by_phone else NEWEST_FIRST
    limit = min(size, MOST_LISTED - (page - 1) * size)
    walked = (OWN_BY_PHONE if wanted.by_phone else OWN_NEWEST_FIRST) if own else order
    statement = PAGE.format(source=source, order=walked, limit=f"${len(values) + 1}", offset=f"${len(values) + 2}")
    rows = await conn.fetch(statement + JOINS + order, *values, limit, (page - 1) * size)
    return Page(rows=[from_row(row) for row in rows], page=page, pages=pages, total=total, more=counted > MOST_LISTED)


async def _whole_number(conn: Connection, text: str | None) -> str | None:
    """The E.164 form of a text that is a number of the public network from beginning to end."""
    if text is None or sum(character.isdigit() for character in text) < SHORTEST_NUMBER:
        return None
    return normalise(text, region=(await settings.load(conn)).region).e164


def _source(wanted: EventFilter, number: str | None, values: list[object], *, own: bool) -> str:
    """The statement of all that is wanted, from the viewer's `own` rows or from all. What it binds beside $1 and $2 is
    added to `values`."""

    def bind(name: str, value: object) -> dict[str, str]:
        values.append(value)
        return {name: f"${len(values)}"}

    text, digits = _patterns(wanted.text)
    walked = "v" if own else "e"
    found = (OF_VIEWER if own else OF_ALL) + KINDS[wanted.view]
    if number is not None:
        found += NUMBER.format(**bind("number", number))
    elif text is not None and digits is not None:
        found += TEXT_OR_DIGITS.format(**bind("text", text), **bind("digits", digits))
    elif text is not None:
        found += TEXT.format(**bind("text", text))
    if wanted.since is not None:
        found += SINCE.format(walked=walked, **bind("since", wanted.since))
    if wanted.until is not None:
        found += UNTIL.format(walked=walked, **bind("until", wanted.until))
    return (LATEST_OF_GROUP if wanted.view is View.UNANSWERED_GROUPED else FOUND).format(found=found)


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
