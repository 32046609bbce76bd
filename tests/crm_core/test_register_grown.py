"""The registers when there is much: bounds, plans, and the viewers' own rows."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from callflow.facts import Outcome
from crm_core import events
from crm_core.access import VISIBLE_EVENT
from crm_core.database import Connection
from crm_core.events import EventFilter, View
from crm_core.events.register import MOST_LISTED
from crm_core.organisation import Role, User
from crm_core.organisation.users import all_users
from tests.bench.volume.filling import Size, fill
from tests.crm_core.company import MORNING, Telling, answered_call, call_back, found_company, missed_call, tell

ANNA = "+380501112233"
MANY = """
    INSERT INTO event (id, type, started_at)
    SELECT gen_random_uuid(), 'visit', $1::timestamptz + make_interval(secs => n)
      FROM generate_series(1, $2::integer) n
"""
VISIBLE = "SELECT count(*) FROM event e WHERE e.archived_at IS NULL AND " + VISIBLE_EVENT


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def test_a_register_lists_its_first_thousand_and_says_that_there_are_more(
    conn: Connection, people: dict[str, User]
) -> None:
    await conn.execute(MANY, MORNING, MOST_LISTED)
    page = await events.register(conn, people["borys"], page=999, size=30)
    assert (page.total, page.more, page.page, len(page.rows)) == (MOST_LISTED, False, 34, 10)
    await conn.execute(MANY, MORNING + timedelta(days=1), 1)
    page = await events.register(conn, people["borys"], page=999, size=30)
    assert (page.total, page.more, page.page, len(page.rows)) == (MOST_LISTED, True, 34, 10)
    assert page.rows[-1].started_at == MORNING + timedelta(seconds=2)  # the oldest is found by its period
    early = EventFilter(until=MORNING + timedelta(seconds=2))
    assert [row.started_at for row in (await events.register(conn, people["borys"], early)).rows] == [
        MORNING + timedelta(seconds=1)
    ]


def _some_call(choose: random.Random) -> Telling:
    one, other = choose.sample(["1001", "1002", "1003"], 2)
    calls: list[Callable[[], Telling]] = [
        lambda: answered_call(ANNA, by=one),
        lambda: call_back(ANNA, by=one),
        lambda: Telling().outbound(one, ANNA).ended(Outcome.BUSY),
        lambda: missed_call(ANNA),
        lambda: missed_call(ANNA, rang=one),
        lambda: Telling().internal(one, other).answered(other).ended(),
        lambda: Telling().inbound(ANNA).to_line().rings(one).stops_ringing(one).rings(other).answered(other).ended(),
    ]
    return choose.choice(calls)()


@pytest.mark.parametrize("seed", range(4))
async def test_an_agents_register_has_every_event_that_the_agent_may_see(
    conn: Connection, people: dict[str, User], seed: int
) -> None:
    """The own rows are kept by triggers: whatever the order of facts, changed phones and lines, none is missing."""
    choose = random.Random(seed)
    facts = [fact for _ in range(12) for fact in _some_call(choose).facts]
    while facts:
        portion = choose.randint(1, 12)
        await tell(conn, facts[:portion])
        del facts[:portion]
        if choose.random() < 0.1:
            new = choose.choice([people["olena"], people["taras"], people["iryna"]])
            await conn.execute("UPDATE device SET user_id = $1 WHERE number = '1001'", new.id)
        if choose.random() < 0.1:
            await conn.execute("INSERT INTO line_agent VALUES ('7000', '1001') ON CONFLICT DO NOTHING")
    for login in ("olena", "taras", "iryna"):
        expected = await conn.fetchval(VISIBLE, False, people[login].id)
        assert (await events.register(conn, people[login])).total == expected


async def test_who_gets_a_phone_finds_what_was_called_from_it_before(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, Telling().outbound("1001", ANNA).ended(Outcome.BUSY).facts)
    assert (await events.register(conn, people["taras"])).total == 0
    await conn.execute("UPDATE device SET user_id = $1 WHERE number = '1001'", people["taras"].id)
    assert (await events.register(conn, people["taras"])).total == 1


async def test_who_joins_a_line_finds_what_was_missed_there_before(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts)
    assert (await events.register(conn, people["olena"])).total == 0
    await conn.execute("INSERT INTO line_agent VALUES ('7000', '1001')")
    assert (await events.register(conn, people["olena"])).total == 1


LOOKS = [
    EventFilter(),
    EventFilter(by_phone=True),
    EventFilter(view=View.UNANSWERED),
    EventFilter(view=View.UNANSWERED, by_phone=True),
    EventFilter(view=View.UNANSWERED_GROUPED),
    EventFilter(view=View.ANSWERED),
    EventFilter(text="+380500001234"),
    EventFilter(text="замовлення 19990"),
    EventFilter(text="доставку"),
    EventFilter(view=View.UNANSWERED_GROUPED, text="доставку"),
    EventFilter(text="Ткаченко Оксана 12"),
]


async def test_no_page_of_a_grown_register_reads_all_events(conn: Connection) -> None:
    """Rows that the server touched for a page and for its count, of 30 000 events: without its index, all."""
    await fill(conn, Size(clients=3_000, events=30_000, agents=50))
    # So few rows lie at the border where reading all is as cheap; what is asked here is whether an index serves.
    await conn.execute("SET enable_seqscan = off")
    everybody = await all_users(conn)
    for role in (Role.SUPERVISOR, Role.AGENT):
        user = next(user for user in everybody if user.role is role)
        for look in LOOKS:
            for statement, args in await _asked(conn, user, look):
                (plan,) = json.loads(await conn.fetchval("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, *args))
                assert sum(_read(plan["Plan"])) < 6_000, f"{role}, {look}: {statement}"


def _read(node: dict[str, Any]) -> Iterator[int]:
    if node.get("Relation Name") == "event" or node["Node Type"] == "Bitmap Index Scan":
        yield node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    for inner in node.get("Plans", ()):
        yield from _read(inner)


async def _asked(conn: Connection, user: User, look: EventFilter) -> Sequence[tuple[str, Any]]:
    asked: list[tuple[str, Any]] = []

    def note(record: asyncpg.connection.LoggedQuery) -> None:
        asked.append((record.query, record.args))

    with conn.query_logger(note):
        await events.register(conn, user, look)
    await asyncio.sleep(0)  # it is told after the answer
    asked = [one for one in asked if " FROM setting" not in one[0] and not one[0].startswith("EXPLAIN")]
    assert asked
    return asked
