"""A text in the registers: whatever the way to it, what is found is what the plain statement finds."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import asyncpg
import pytest

from crm_core import events
from crm_core.access import VISIBLE_EVENT, sees_all
from crm_core.database import Connection
from crm_core.events import EventFilter, EventRow, View, text_search
from crm_core.events.register import MOST_FOUND
from crm_core.organisation import Role, User
from crm_core.organisation.users import all_users
from tests.bench.volume.filling import Size, fill
from tests.crm_core.company import MORNING, found_company

PLAIN = (
    """
    SELECT e.id, e.party_key, e.started_at, e.unanswered, e.answered_at
      FROM event e LEFT JOIN client ON client.id = e.client_id
     WHERE e.archived_at IS NULL
       AND (concat_ws(' ', coalesce(e.e164, ''), e.phone, e.display_name, e.content) ILIKE $3
            OR concat_ws(' ', coalesce(e.e164, ''), e.phone, e.display_name, e.content) ILIKE $4
            OR client.name ILIKE $3) AND """
    + VISIBLE_EVENT
)
BY_PHONE = " ORDER BY coalesce(e.e164, e.phone), e.started_at DESC, e.id DESC"
NEWEST_FIRST = " ORDER BY e.started_at DESC, e.id DESC"
TEXTS = (
    "доставку",
    "ДОСТАВКУ замовлення 1",
    "Ткаченко",
    "Олена 1",
    "50000",
    "00 00 1",
    "щедрик ведрик",
    "1%",
    "_",
)
EVENT = """
    INSERT INTO event (id, type, started_at, content)
    SELECT gen_random_uuid(), 'visit', $1::timestamptz + make_interval(secs => n), $3
      FROM generate_series(1, $2::integer) n
"""


async def _plain(conn: Connection, user: User, look: EventFilter) -> list[asyncpg.Record]:
    text = look.text or ""
    digits = "".join(character for character in text if character.isdigit())
    patterns = [
        f"%{text}%".replace("1%%", r"1\%%").replace("_", r"\_"),
        f"%{digits}%" if len(digits) > 2 and not text[0].isalpha() else "\1",
    ]
    order = BY_PHONE if look.by_phone else NEWEST_FIRST
    rows = [
        row
        for row in await conn.fetch(PLAIN + order, sees_all(user), user.id, *patterns)
        if (look.since is None or row["started_at"] >= look.since)
        and (look.until is None or row["started_at"] < look.until)
        and (look.view is not View.ANSWERED or row["answered_at"])
        and (look.view not in (View.UNANSWERED, View.UNANSWERED_GROUPED) or row["unanswered"])
    ]
    if look.view is View.UNANSWERED_GROUPED:
        newest = sorted(rows, key=lambda row: (row["started_at"], row["id"]), reverse=True)
        latest = {row["party_key"]: row["id"] for row in reversed(newest)}
        rows = [row for row in rows if latest[row["party_key"]] == row["id"]]
    return rows


async def _paged(conn: Connection, user: User, look: EventFilter, size: int) -> tuple[list[EventRow], bool]:
    rows: list[EventRow] = []
    for number in range(1, 99):
        page = await events.register(conn, user, look, page=number, size=size)
        assert page.page == number
        rows += page.rows
        if page.pages == number:
            return rows, page.more
    raise AssertionError("pages without end")


@pytest.mark.parametrize(
    "bounds",
    [
        (1, 2, 2, 0, 3, 10**9),
        (1, 2, 2, 0, 150, 0),
        (3, 12, 8, 2, 40, 0),
        (5, 200, 200, 1_000, 300, 0),
        (1_000, 20_000, 8_000, 2_000, 300_000, 50_000),
    ],
    ids=str,
)
async def test_every_way_to_a_text_finds_what_the_plain_statement_finds(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, bounds: tuple[int, ...]
) -> None:
    """Bounds so small that each way is gone: the sample fills the page, the longer walk does, the index has to."""
    names = ("SAMPLE", "FAR", "FAR_OWN", "MOST_CLIENTS", "FURTHER", "FREQUENT")
    for name, bound in zip(names, bounds, strict=True):
        monkeypatch.setattr(text_search, name, bound)
    await fill(conn, Size(clients=40, events=400, agents=20))
    newest = await conn.fetchval("SELECT max(started_at) FROM event")
    periods = [(None, None), (newest - timedelta(days=700), newest - timedelta(days=90))]
    everybody = await all_users(conn)
    people = [next(user for user in everybody if user.role is role) for role in (Role.SUPERVISOR, Role.AGENT)]
    for user, view, by_phone, (since, until) in product(people, View, (False, True), periods):
        for text in TEXTS:
            look = EventFilter(view=view, text=text, by_phone=by_phone, since=since, until=until)
            expected = [row["id"] for row in await _plain(conn, user, look)]
            rows, more = await _paged(conn, user, look, size=70)
            assert [row.id for row in rows] == expected[:MOST_FOUND], f"{user.role}, {look}"
            assert more == (len(expected) > MOST_FOUND)


async def test_a_text_lists_its_first_two_hundred_and_says_that_there_are_more(conn: Connection) -> None:
    people = await found_company(conn)
    await conn.execute(EVENT, MORNING, MOST_FOUND, "прохання")
    look = EventFilter(text="Прохання")
    page = await events.register(conn, people["borys"], look, page=99, size=30)
    assert (page.total, page.more, page.page, page.pages, len(page.rows)) == (MOST_FOUND, False, 7, 7, 20)
    page = await events.register(conn, people["borys"], look, page=2, size=30)
    assert (page.total, page.more, page.page, page.pages, len(page.rows)) == (60, True, 2, 3, 30)
    await conn.execute(EVENT, MORNING + timedelta(days=1), 1, "прохання")
    page = await events.register(conn, people["borys"], look, page=99, size=30)
    assert (page.total, page.more, page.page, page.pages, len(page.rows)) == (MOST_FOUND, True, 7, 7, 20)


async def test_one_or_two_letters_are_looked_for_in_the_newest_events_only(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have no trigrams: to look further would read everything. The page says that there may be more."""
    monkeypatch.setattr(text_search, "SAMPLE", 2)
    monkeypatch.setattr(text_search, "FAR_SHORT", 10)
    people = await found_company(conn)
    await conn.execute(EVENT, MORNING, 1, "ж")
    await conn.execute(EVENT, MORNING + timedelta(hours=1), 9, "")
    page = await events.register(conn, people["borys"], EventFilter(text="Ж"))
    assert (len(page.rows), page.more) == (1, False)
    await conn.execute(EVENT, MORNING + timedelta(hours=2), 1, "")
    page = await events.register(conn, people["borys"], EventFilter(text="Ж"))
    assert (len(page.rows), page.more) == (0, True)


async def test_the_embedded_server_makes_trigrams_of_cyrillic_letters(conn: Connection) -> None:
    """With an LC_CTYPE of C it makes none, and a search reads everything."""
    assert await conn.fetchval("SELECT cardinality(show_trgm('щедрик'))") == len("щедрик") + 1
