"""Follow-ups are looked after: assigned by rule, leased, postponed, reminded of, escalated."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_core import clients, follow_ups
from crm_core.access import Forbidden
from crm_core.clients import NewClient
from crm_core.database import Connection
from crm_core.follow_ups import AlreadyClaimed, FollowUp, FollowUpState, care
from crm_core.organisation import User
from tests.crm_core.company import MORNING, call_back, found_company, missed_call, tell

ANNA = "+380501112233"
HOUR = timedelta(hours=1)


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def the_open_one(conn: Connection, user: User) -> FollowUp:
    (follow_up,) = await follow_ups.open_list(conn, user)
    return follow_up


async def told(conn: Connection, kind: str) -> int:
    count: int = await conn.fetchval("SELECT count(*) FROM outbox WHERE kind = $1", kind)
    return count


@pytest.mark.parametrize(
    ("rule", "owner"),
    [
        ("client,rung,line", "Олена Коваль"),  # she looks after the client
        ("rung,client", "Ірина Гай"),
        ("line,client", "Тарас Шум"),  # the line's agent with the fewest
        ("user:taras,client", "Тарас Шум"),
        ("user:nobody,rung", "Ірина Гай"),
        ("user:nobody", "Борис Лев"),  # at last a supervisor
    ],
)
async def test_whose_it_is_follows_the_rule(conn: Connection, rule: str, owner: str) -> None:
    people = await found_company(conn, follow_up_assign=rule)
    await tell(conn, missed_call("+380671234567", rang="1003").facts)
    await follow_ups.hand_over(
        conn, people["borys"], (await the_open_one(conn, people["borys"])).id, people["iryna"].id
    )
    await clients.create(conn, None, NewClient(name="ТОВ Анна", phones=[ANNA], owner_id=people["olena"].id))
    await tell(conn, missed_call(ANNA, rang="1003", at=MORNING + HOUR).facts)
    _, found = sorted(await follow_ups.open_list(conn, people["borys"]), key=lambda each: each.opened_at)
    assert found.owner_name == owner


async def test_it_is_due_by_working_hours(conn: Connection) -> None:
    people = await found_company(conn, working_hours="mon-fri 10:00-18:00")
    await tell(conn, missed_call(ANNA).facts)  # at half past nine
    assert (await the_open_one(conn, people["borys"])).due_at == MORNING + 1.5 * HOUR


async def test_a_lease_that_has_lapsed_holds_nobody_back(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    wanted = (await the_open_one(conn, people["borys"])).id
    await follow_ups.claim(conn, people["iryna"], wanted)
    with pytest.raises(AlreadyClaimed):
        await follow_ups.claim(conn, people["taras"], wanted)
    await conn.execute("UPDATE task SET leased_until = now() - interval '1 second'")
    assert (await the_open_one(conn, people["borys"])).state is FollowUpState.OPEN
    await follow_ups.claim(conn, people["taras"], wanted)
    found = await the_open_one(conn, people["borys"])
    assert (found.owner_name, found.state) == ("Тарас Шум", FollowUpState.CLAIMED)


async def test_the_panel_hears_that_a_lease_has_lapsed(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    await follow_ups.claim(conn, people["iryna"], (await the_open_one(conn, people["borys"])).id)
    await conn.execute("UPDATE task SET leased_until = now() - interval '1 second'")
    before = await told(conn, "follow_up.changed")
    for _ in range(2):
        await care.look(conn, now=MORNING)
    assert await told(conn, "follow_up.changed") == before + 1
    found = await the_open_one(conn, people["borys"])
    assert (found.owner_name, found.state) == ("Ірина Гай", FollowUpState.OPEN)


async def test_a_lease_of_zero_minutes_has_no_end(conn: Connection) -> None:
    people = await found_company(conn, follow_up_lease_minutes="0")
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    await follow_ups.claim(conn, people["iryna"], (await the_open_one(conn, people["borys"])).id)
    assert await conn.fetchval("SELECT leased_until FROM task") is None
    assert (await the_open_one(conn, people["borys"])).state is FollowUpState.CLAIMED


async def test_who_postpones_keeps_it_until_then(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    wanted = (await the_open_one(conn, people["borys"])).id
    with pytest.raises(Forbidden):
        await follow_ups.postpone(conn, people["taras"], wanted, until=MORNING + 5 * HOUR)
    await follow_ups.postpone(conn, people["iryna"], wanted, until=MORNING + 5 * HOUR)
    found = await the_open_one(conn, people["borys"])
    assert (found.due_at, found.postponed, found.state) == (MORNING + 5 * HOUR, 1, FollowUpState.CLAIMED)
    await care.look(conn, now=MORNING + 4 * HOUR)
    assert await told(conn, "follow_up.due") == 0


async def test_its_owner_is_reminded_once_when_it_is_due(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    due = (await the_open_one(conn, people["borys"])).due_at
    await care.look(conn, now=due - timedelta(seconds=1))
    assert await told(conn, "follow_up.due") == 0
    await care.look(conn, now=due)
    await care.look(conn, now=due + timedelta(minutes=1))
    assert await told(conn, "follow_up.due") == 1
    assert (await the_open_one(conn, people["borys"])).reminded_at == due
    assert await conn.fetchval("SELECT status FROM task") == "overdue"


async def test_a_supervisor_gets_what_nobody_does(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    found = await the_open_one(conn, people["borys"])
    await follow_ups.claim(conn, people["iryna"], found.id)
    await care.look(conn, now=found.due_at)
    await care.look(conn, now=found.due_at + timedelta(minutes=59))
    assert (await the_open_one(conn, people["borys"])).owner_name == "Ірина Гай"
    for _ in range(2):
        await care.look(conn, now=found.due_at + HOUR)
    escalated = await the_open_one(conn, people["borys"])
    assert (escalated.owner_name, escalated.state) == ("Борис Лев", FollowUpState.OPEN)
    assert escalated.escalated_at == found.due_at + HOUR
    assert await told(conn, "follow_up.escalated") == 1


async def test_what_is_closed_is_left_alone(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts, call_back(ANNA, at=MORNING + HOUR / 2).facts)
    await care.look(conn, now=MORNING + 5 * HOUR)
    assert await told(conn, "follow_up.due") == 0
    assert await conn.fetchval("SELECT status FROM task") == "done"


async def test_without_patience_nothing_is_escalated(conn: Connection) -> None:
    people = await found_company(conn, follow_up_escalate_minutes="0")
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    for hour in (2, 200):
        await care.look(conn, now=MORNING + hour * HOUR)
    assert (await the_open_one(conn, people["borys"])).owner_name == "Ірина Гай"


@pytest.mark.req("R-CALL-45")
async def test_the_card_says_who_made_it_good_and_how_fast(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    wanted = await the_open_one(conn, people["borys"])
    await follow_ups.claim(conn, people["taras"], wanted.id)
    back = call_back(ANNA, by="1002", at=wanted.opened_at + HOUR - timedelta(seconds=1))
    await tell(conn, back.facts)
    card = await follow_ups.card(conn, people["borys"], wanted.id)
    assert (card.follow_up.closed_by, card.follow_up.closed_by_call) == (people["taras"].id, back.call_id)
    assert (card.follow_up.state, card.follow_up.took_seconds) == (FollowUpState.CLOSED, 3600.0)
    assert [(deed.by, deed.action) for deed in card.history] == [("Тарас Шум", "claimed")]
