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
from uuid import UUID

import asyncpg

from crm_core import settings
from crm_core.access import VISIBLE_EVENT, Right, require, sees_all
from crm_core.clients.phone_numbers import normalise
from crm_core.database import Connection
from crm_core.events.kinds import BY_PHONE, KINDS, NEWEST_FIRST, Order, Values, View, period
from crm_core.events.text_search import Sought, TextSearch, sought
from crm_core.organisation import User

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """`text` is looked for in number, client, content; one without letters also by its digits. A text that is a whole
    number of the public network finds the events of exactly that number. Times bound the start."""

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
    total: int  # rows (in the grouped kind: groups) over all pages, at most 1000; with a text: to the end of this page
    more: bool  # there are more than these, or, with a text of one or two letters, there may be


MOST_LISTED = 1_000
"""Rows that can be paged to. Who looks for an older event narrows the period or the text."""
MOST_FOUND = 200
"""The same with a text, which each page looks for from the beginning."""
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
FOUND = "SELECT e.*, 1::bigint AS group_size{found}"
LATEST_OF_GROUP = (
    "SELECT * FROM (SELECT DISTINCT ON (e.party_key) e.*, count(*) OVER (PARTITION BY e.party_key) AS group_size"
    " FROM (SELECT e.*{found}"
    + f" ORDER BY {NEWEST_FIRST.of_all} LIMIT {MOST_GROUPED}) e ORDER BY e.party_key, e.started_at DESC, e.id DESC) e"
)
COUNT = f"SELECT count(*) FROM ({{source}} LIMIT {MOST_LISTED + 1}) e"
PAGE = "SELECT" + COLUMNS + ", e.group_size FROM ({source} ORDER BY {order} LIMIT {limit} OFFSET {offset}) e" + JOINS
OF_IDS = "SELECT" + COLUMNS + ", 1::bigint AS group_size" + FROM + " WHERE e.id = ANY ($1)"


async def register(
    conn: Connection, user: User, wanted: EventFilter | None = None, *, page: int = 1, size: int = 20
) -> Page:
    """One page of the events that `user` may see, of the first `MOST_LISTED`, or with a text of the first `MOST_FOUND`.
    Raises Forbidden."""
    require(user, Right.SEE_EVENTS)
    wanted = wanted or EventFilter()
    size = max(1, min(size, LARGEST_PAGE))
    number = await _whole_number(conn, wanted.text)
    looked_for = sought(wanted.text) if number is None else None
    if looked_for is not None and wanted.view is not View.UNANSWERED_GROUPED:
        return await _with_text(conn, user, wanted, looked_for, page=max(1, page), size=size)
    few = number is not None or wanted.view in (View.UNANSWERED, View.UNANSWERED_GROUPED)
    own = not (few or sees_all(user))
    values = Values([sees_all(user), user.id])
    source = _source(wanted, number, looked_for, values, own=own)
    counted: int = await conn.fetchval(COUNT.format(source=source), *values.bound)
    total = min(counted, MOST_LISTED)
    pages = max(1, -(-total // size))
    page = max(1, min(page, pages))
    order = _order(wanted)
    limit, offset = min(size, MOST_LISTED - (page - 1) * size), (page - 1) * size
    statement = PAGE.format(
        source=source, order=order.own if own else order.of_all, limit=values.bind(limit), offset=values.bind(offset)
    )
    rows = await conn.fetch(f"{statement} ORDER BY {order.of_all}", *values.bound)
    return Page(rows=[from_row(row) for row in rows], page=page, pages=pages, total=total, more=counted > MOST_LISTED)


async def _with_text(conn: Connection, user: User, wanted: EventFilter, text: Sought, *, page: int, size: int) -> Page:
    """How many there are in all, nobody counts: the page after this one, if there is one, is as much as is known."""
    order = _order(wanted)
    search = TextSearch(user=user, sought=text, view=wanted.view, since=wanted.since, until=wanted.until, order=order)
    page = min(page, -(-MOST_FOUND // size))
    found, unsearched = await search.first(conn, min(page * size, MOST_FOUND) + 1)
    listed = found[: min(page * size, MOST_FOUND)]
    page = max(1, min(page, -(-len(listed) // size)))
    further = len(found) > len(listed)
    rows = await conn.fetch(f"{OF_IDS} ORDER BY {order.of_all}", listed[(page - 1) * size :])
    return Page(
        rows=[from_row(row) for row in rows],
        page=page,
        pages=page + 1 if further and len(listed) < MOST_FOUND else page,
        total=len(listed),
        more=further or unsearched,
    )


def _order(wanted: EventFilter) -> Order:
    return BY_PHONE if wanted.by_phone else NEWEST_FIRST


async def _whole_number(conn: Connection, text: str | None) -> str | None:
    """The E.164 form of a text that is a number of the public network from beginning to end."""
    if text is None or sum(character.isdigit() for character in text) < SHORTEST_NUMBER:
        return None
    return normalise(text, region=(await settings.load(conn)).region).e164


def _source(wanted: EventFilter, number: str | None, text: Sought | None, values: Values, *, own: bool) -> str:
    """The statement of all that is wanted, from the viewer's `own` rows or from all."""
    found = (OF_VIEWER if own else OF_ALL) + KINDS[wanted.view]
    found += period("v" if own else "e", wanted.since, wanted.until, values)
    if number is not None:
        found += f" AND e.e164 = {values.bind(number)}"
    elif text is not None:  # of the few unanswered, which are read before: without OFFSET, by the index of all texts
        found = f" FROM (SELECT e.*{found} OFFSET 0) e WHERE {text.walked(values)}"
    return (LATEST_OF_GROUP if wanted.view is View.UNANSWERED_GROUPED else FOUND).format(found=found)


def from_row(row: asyncpg.Record) -> EventRow:
    """An EventRow from a row with `COLUMNS` and a group_size."""
    return EventRow(**dict(row))
