"""Missed calls owe follow-ups: one for each party, with one owner, closed when the party is reached."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import msgspec
import pytest
from uuid_utils.compat import uuid7

from callflow.facts import OfferEnd, Outcome
from crm_core import clients, events, follow_ups
from crm_core.access import Forbidden, NotFound
from crm_core.clients import NewClient
from crm_core.database import Connection, Pool
from crm_core.events import EventFilter, View
from crm_core.follow_ups import AlreadyClaimed, AlreadyClosed, FollowUp, FollowUpState
from crm_core.follow_ups.work import LIST_LIMIT, OPEN_LIST
from crm_core.organisation import User
from tests.crm_core.company import MORNING, Telling, answered_call, call_back, found_company, missed_call, tell

ANNA = "+380501112233"
BOHDAN = "+380671234567"
HOUR = timedelta(hours=1)


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def the_open_one(conn: Connection, user: User) -> FollowUp:
    (follow_up,) = await follow_ups.open_list(conn, user)
    return follow_up


@pytest.mark.req("R-CALL-41", "R-CALL-42", "R-CALL-44", "R-CALL-45")
async def test_twenty_missed_calls_from_ten_numbers_are_ten_follow_ups(
    conn: Connection, people: dict[str, User]
) -> None:
    numbers = [f"+38050111220{digit}" for digit in range(10)]
    for minute, number in enumerate(numbers * 2):
        await tell(conn, missed_call(number, at=MORNING + timedelta(minutes=minute)).facts)
    found = await follow_ups.open_list(conn, people["borys"])
    assert sorted(each.phone for each in found) == numbers
    assert {each.missed_count for each in found} == {2}
    assert {each.owner_name for each in found} == {"Тарас Шум", "Ірина Гай"}  # the line's agents, evenly
    assert [each.owner_name for each in found].count("Ірина Гай") == 5

    await tell(conn, answered_call(numbers[3], at=MORNING + HOUR).facts)
    left = await follow_ups.open_list(conn, people["borys"])
    assert sorted(each.phone for each in left) == numbers[:3] + numbers[4:]


async def test_twenty_missed_calls_in_one_batch_are_the_same(conn: Connection, people: dict[str, User]) -> None:
    numbers = [f"+38050111220{digit}" for digit in range(10)]
    await tell(conn, *(missed_call(number).facts for number in numbers * 2))
    found = await follow_ups.open_list(conn, people["borys"])
    assert sorted(each.phone for each in found) == numbers
    assert {each.missed_count for each in found} == {2}


@pytest.mark.req("R-CALL-42", "R-CALL-43")
async def test_the_follow_up_carries_what_the_event_knows(conn: Connection, people: dict[str, User]) -> None:
    client_id = await clients.create(conn, None, NewClient(name="ТОВ Анна", phones=[ANNA]))
    call = missed_call(ANNA)
    await tell(conn, call.facts)
    found = await the_open_one(conn, people["borys"])
    event = (await events.register(conn, people["borys"])).rows[0]
    assert (found.phone, found.client_id, found.client_name) == (ANNA, client_id, "ТОВ Анна")
    assert (found.party_key, found.event_id, found.call_id) == (f"client:{client_id}", event.id, call.call_id)
    assert (found.line, found.state) == ("7000", FollowUpState.OPEN)
    assert found.last_missed_at
    assert found.due_at == found.last_missed_at + timedelta(minutes=60)
    assert event.follow_up_id == found.id


async def test_due_time_is_a_setting(conn: Connection) -> None:
    people = await found_company(conn, follow_up_due_minutes="15")
    await tell(conn, missed_call(ANNA).facts)
    found = await the_open_one(conn, people["borys"])
    assert found.last_missed_at
    assert found.due_at - found.last_missed_at == timedelta(minutes=15)


@pytest.mark.req("R-CALL-44")
async def test_a_repeated_call_counts_in_the_open_follow_up(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts)
    first = await the_open_one(conn, people["borys"])
    await tell(conn, missed_call("050 111 22 33", at=MORNING + HOUR).facts)
    again = await the_open_one(conn, people["borys"])
    assert (again.id, again.missed_count, again.opened_at) == (first.id, 2, first.opened_at)
    assert first.last_missed_at
    assert again.last_missed_at == first.last_missed_at + HOUR
    missed = await follow_ups.missed_today(conn, people["borys"], since=MORNING)
    assert {each.follow_up_id for each in missed} == {first.id}
    assert len(missed) == 2


async def test_two_numbers_of_one_client_are_one_party(conn: Connection, people: dict[str, User]) -> None:
    await clients.create(conn, None, NewClient(name="ТОВ Анна", phones=[ANNA, BOHDAN]))
    await tell(conn, missed_call(ANNA).facts, missed_call(BOHDAN, at=MORNING + HOUR).facts)
    found = await the_open_one(conn, people["borys"])
    assert (found.missed_count, found.phone) == (2, BOHDAN)  # the number to call back is the last
    await tell(conn, call_back(ANNA, at=MORNING + 2 * HOUR).facts)
    assert await follow_ups.open_list(conn, people["borys"]) == []


async def test_a_client_registered_later_takes_over_what_the_number_owed(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, missed_call(ANNA).facts)
    client_id = await clients.create(conn, people["olena"], NewClient(name="ТОВ Анна", phones=[ANNA]))
    await tell(conn, missed_call(ANNA, at=MORNING + HOUR).facts)
    found = await the_open_one(conn, people["borys"])
    assert (found.client_id, found.missed_count) == (client_id, 2)
    await tell(conn, answered_call(ANNA, at=MORNING + 2 * HOUR).facts)
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert (await events.register(conn, people["borys"], EventFilter(view=View.UNANSWERED))).total == 0


async def test_withheld_numbers_get_one_each(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call("").facts, missed_call("anonymous").facts)
    assert len(await follow_ups.open_list(conn, people["borys"])) == 2
    await tell(conn, answered_call("").facts)  # another stranger
    assert len(await follow_ups.open_list(conn, people["borys"])) == 2


async def test_a_missed_colleague_is_owed_a_call_too(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().internal("1001", "1002").to_extension("1002").rings("1002").ended(Outcome.NO_ANSWER)
    await tell(conn, call.facts)
    found = await the_open_one(conn, people["borys"])
    assert (found.party_key, found.owner_name) == ("ext:1001", "Тарас Шум")
    await tell(conn, Telling(MORNING + HOUR).internal("1002", "1001").answered("1001").ended().facts)
    assert await follow_ups.open_list(conn, people["borys"]) == []


async def test_an_extension_is_never_a_number_of_the_public_network(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, Telling().internal("380501112233", "1002").ended(Outcome.NO_ANSWER).facts)
    await tell(conn, missed_call(ANNA).facts)
    assert len(await follow_ups.open_list(conn, people["borys"])) == 2


# Owners


@pytest.mark.parametrize(
    ("call", "owner"),
    [
        (Telling().inbound(ANNA).to_extension("1001").rings("1001").ended(Outcome.NO_ANSWER), "olena"),
        (Telling().inbound(ANNA).to_extension("1001").ended(Outcome.UNREACHABLE), "olena"),
        (missed_call(ANNA, rang="1003"), "iryna"),
        (missed_call(ANNA), "iryna"),  # as few as the other, and first by login
        (Telling().inbound(ANNA).ended(Outcome.ABANDONED), "borys"),
        (missed_call(ANNA, rang="u00001"), "iryna"),  # an account without a user rang
    ],
    ids=["rung", "dialled", "rung last", "least loaded", "supervisor", "nobody's phone"],
)
async def test_the_owner_is_found_by_rule(conn: Connection, people: dict[str, User], call: Telling, owner: str) -> None:
    await tell(conn, call.facts)
    found = await the_open_one(conn, people["borys"])
    assert found.owner_id == people[owner].id
    assert (await events.register(conn, people["borys"])).rows[0].owner_id == people[owner].id


async def test_who_looks_after_the_client_comes_first(conn: Connection, people: dict[str, User]) -> None:
    olena = people["olena"].id
    await clients.create(conn, None, NewClient(name="ТОВ Анна", phones=[ANNA], owner_id=olena))
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    assert (await the_open_one(conn, people["borys"])).owner_id == olena


async def test_without_any_people_the_installation_owns_it(conn: Connection) -> None:
    await tell(conn, missed_call(ANNA).facts)
    assert await conn.fetchval("SELECT u.login FROM task t JOIN app_user u ON u.id = t.assignee_id") == "~dzvin"


async def test_somebody_dismissed_owns_nothing_new(conn: Connection, people: dict[str, User]) -> None:
    await conn.execute("UPDATE app_user SET active = false WHERE login = 'iryna'")
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    assert (await the_open_one(conn, people["borys"])).owner_id == people["taras"].id


async def test_the_schema_refuses_a_follow_up_without_an_owner(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts)
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute("UPDATE task SET assignee_id = NULL")


# Reached


@pytest.mark.req("R-CALL-02", "R-CALL-09", "R-CALL-45")
async def test_calling_back_is_an_answer_to_a_missed_call(conn: Connection, people: dict[str, User]) -> None:
    missed = missed_call(ANNA, rang="1003")
    await tell(conn, missed.facts)
    back = call_back(ANNA, by="1001", at=MORNING + HOUR)
    await tell(conn, back.facts)
    answer, first = (await events.register(conn, people["borys"])).rows
    assert (answer.type, answer.answers_event_id, answer.owner_name) == ("missed_call_answer", first.id, "Олена Коваль")
    closed = await conn.fetchrow("SELECT closed_by, closed_by_call, closed_at, status FROM task")
    assert closed is not None
    assert tuple(closed) == (people["olena"].id, back.call_id, MORNING + HOUR + timedelta(seconds=1), "done")
    assert await follow_ups.open_list(conn, people["borys"]) == []

    await tell(conn, call_back(ANNA, at=MORNING + 2 * HOUR).facts)  # nothing is open any more
    assert (await events.register(conn, people["borys"])).rows[0].type == "outgoing_call"


async def test_a_call_back_that_is_not_answered_closes_nothing(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts)
    await tell(conn, Telling(MORNING + HOUR).outbound("1001", ANNA).ended(Outcome.NO_ANSWER).facts)
    assert len(await follow_ups.open_list(conn, people["borys"])) == 1
    assert (await events.register(conn, people["borys"])).rows[0].type == "missed_outgoing_call"


@pytest.mark.req("R-CALL-40", "O-03")
async def test_who_calls_again_and_is_answered_is_owed_nothing(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts, missed_call(ANNA, at=MORNING + HOUR).facts)
    assert (await events.register(conn, people["borys"], EventFilter(view=View.UNANSWERED))).total == 2
    await tell(conn, answered_call(ANNA, by="1002", at=MORNING + 2 * HOUR).facts)
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert (await events.register(conn, people["borys"], EventFilter(view=View.UNANSWERED))).total == 0
    assert (await events.register(conn, people["borys"])).rows[0].type == "incoming_call"
    missed = await follow_ups.missed_today(conn, people["borys"], since=MORNING)
    assert [each.follow_up_state for each in missed] == [FollowUpState.CLOSED] * 2


async def test_it_closes_when_the_call_is_answered_not_when_it_ends(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts)
    await tell(conn, Telling(MORNING + HOUR).inbound(ANNA).to_line().rings("1003").answered("1003").facts)
    assert await follow_ups.open_list(conn, people["borys"]) == []


async def test_a_call_missed_while_the_same_party_is_talking_stays_owed(
    conn: Connection, people: dict[str, User]
) -> None:
    talking = Telling().inbound(ANNA).to_line().rings("1003").answered("1003")
    so_far = list(talking.facts)
    await tell(conn, so_far)
    await tell(conn, missed_call(ANNA, at=MORNING + HOUR).facts)
    await tell(conn, talking.talked("1003", 7200).ended().facts)
    assert len(await follow_ups.open_list(conn, people["borys"])) == 1


async def test_in_one_batch_what_was_missed_before_is_answered_and_what_was_missed_after_is_owed(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(
        conn,
        missed_call(ANNA).facts,
        answered_call(BOHDAN, at=MORNING).facts,
        answered_call(ANNA, at=MORNING + HOUR).facts,
        missed_call(BOHDAN, at=MORNING + HOUR).facts,
        missed_call(ANNA, at=MORNING + 2 * HOUR).facts,
    )
    found = await follow_ups.open_list(conn, people["borys"])
    assert {(each.phone, each.missed_count) for each in found} == {(ANNA, 1), (BOHDAN, 1)}
    unanswered = await events.register(conn, people["borys"], EventFilter(view=View.UNANSWERED))
    assert {(row.phone, row.started_at) for row in unanswered.rows} == {
        (ANNA, MORNING + 2 * HOUR),
        (BOHDAN, MORNING + HOUR),
    }


async def test_of_two_calls_that_reach_a_party_in_one_batch_the_first_closes_and_answers(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, missed_call(ANNA).facts, missed_call(ANNA, at=MORNING + HOUR).facts)
    first, second = (
        call_back(ANNA, by="1001", at=MORNING + 2 * HOUR),
        call_back(ANNA, by="1002", at=MORNING + 3 * HOUR),
    )
    await tell(conn, first.facts, second.facts)
    assert await conn.fetchval("SELECT closed_by_call FROM task") == first.call_id
    later, earlier, missed, _ = (await events.register(conn, people["borys"])).rows
    assert (earlier.type, earlier.answers_event_id) == ("missed_call_answer", missed.id)
    assert (later.type, later.answers_event_id) == ("outgoing_call", None)


async def test_after_it_was_closed_a_new_missed_call_owes_anew(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts, answered_call(ANNA, at=MORNING + HOUR).facts)
    await tell(conn, missed_call(ANNA, at=MORNING + 2 * HOUR).facts)
    assert (await the_open_one(conn, people["borys"])).missed_count == 1


# What people do


async def test_of_two_agents_one_gets_it(conn: Connection, pool: Pool, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    wanted = (await the_open_one(conn, people["borys"])).id

    async def attempt(user: User) -> bool:
        async with pool.acquire() as own:
            try:
                await follow_ups.claim(own, user, wanted)
            except AlreadyClaimed:
                return False
            return True

    assert sorted(await asyncio.gather(attempt(people["taras"]), attempt(people["iryna"]))) == [False, True]
    assert (await the_open_one(conn, people["borys"])).state is FollowUpState.CLAIMED


async def test_claiming_makes_it_mine_and_again_is_harmless(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    wanted = (await the_open_one(conn, people["borys"])).id
    await follow_ups.claim(conn, people["taras"], wanted)
    await follow_ups.claim(conn, people["taras"], wanted)
    assert (await the_open_one(conn, people["taras"])).owner_id == people["taras"].id


async def test_a_closed_one_cannot_be_claimed(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    wanted = (await the_open_one(conn, people["iryna"])).id
    await follow_ups.close(conn, people["iryna"], wanted, "Реклама")
    with pytest.raises(AlreadyClosed):
        await follow_ups.claim(conn, people["iryna"], wanted)
    with pytest.raises(AlreadyClosed):
        await follow_ups.close(conn, people["iryna"], wanted, "again")
    assert await conn.fetchval("SELECT result FROM task") == "Реклама"


async def test_it_can_be_handed_over_by_its_owner_and_by_a_supervisor(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    wanted = (await the_open_one(conn, people["borys"])).id
    with pytest.raises(Forbidden):
        await follow_ups.hand_over(conn, people["taras"], wanted, people["taras"].id)
    await follow_ups.hand_over(conn, people["iryna"], wanted, people["taras"].id)
    await follow_ups.hand_over(conn, people["borys"], wanted, people["olena"].id)
    assert (await the_open_one(conn, people["olena"])).owner_name == "Олена Коваль"
    with pytest.raises(NotFound):
        await follow_ups.hand_over(conn, people["borys"], wanted, people["hanna"].id)


async def test_the_panel_hears_of_every_change_after_commit(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    await tell(conn, missed_call(ANNA, at=MORNING + HOUR).facts)
    wanted = (await the_open_one(conn, people["iryna"])).id
    await follow_ups.claim(conn, people["iryna"], wanted)
    await follow_ups.close(conn, people["iryna"], wanted, "")
    rows = await conn.fetch("SELECT kind, payload FROM outbox WHERE kind LIKE 'follow_up.%' ORDER BY id")
    assert [row["kind"].removeprefix("follow_up.") for row in rows] == ["opened", "changed", "changed", "closed"]
    told = msgspec.json.decode(rows[1]["payload"], type=FollowUp)
    assert (told.id, told.missed_count, told.owner_name) == (wanted, 2, "Ірина Гай")


async def test_an_unknown_follow_up_is_not_found(conn: Connection, people: dict[str, User]) -> None:
    with pytest.raises(NotFound):
        await follow_ups.claim(conn, people["borys"], uuid7())


@pytest.mark.parametrize("reason", list(OfferEnd))
async def test_every_way_a_phone_stops_ringing_is_kept(
    conn: Connection, people: dict[str, User], reason: OfferEnd
) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1003").stops_ringing("1003", reason).ended(Outcome.NO_ANSWER)
    await tell(conn, call.facts)
    assert await conn.fetchval("SELECT reason FROM offer") == reason


async def test_an_agents_list_asks_an_index_what_rang_the_agent(conn: Connection, people: dict[str, User]) -> None:
    """Of offers there are more with every day; the list is of what is open now."""
    await conn.execute(
        """
        INSERT INTO offer (leg, call_id, extension, user_id, offered_at)
        SELECT gen_random_uuid(), gen_random_uuid(), '1002', CASE WHEN n % 100 = 0 THEN $1::uuid ELSE $2::uuid END, $3
          FROM generate_series(1, 20000) n
        """,
        people["olena"].id,
        people["taras"].id,
        MORNING,
    )
    await conn.execute(
        """
        INSERT INTO task (id, kind, assignee_id, opened_at, due_at, party_key, call_id)
        SELECT gen_random_uuid(), 'follow_up', $1, $2, $2, 'raw:' || n, gen_random_uuid()
          FROM generate_series(1, 2000) n
        """,
        people["taras"].id,
        MORNING,
    )
    await conn.execute("ANALYZE")
    lines = await conn.fetch("EXPLAIN " + OPEN_LIST, False, people["olena"].id, LIST_LIMIT)
    plan = "\n".join(row[0] for row in lines)
    assert "on offer" in plan
    assert "Seq Scan on offer" not in plan
