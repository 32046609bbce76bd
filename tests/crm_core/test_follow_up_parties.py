"""Whom a follow-up is owed to, when what is known of a number changes meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callflow.facts import Outcome
from crm_core import clients, events, follow_ups
from crm_core.clients import NewClient
from crm_core.database import Connection
from crm_core.events import EventFilter, TakenCall, View
from crm_core.organisation import User
from tests.crm_core.company import MORNING, Telling, answered_call, call_back, found_company, missed_call, tell

ANNA = "+380501112233"
BOHDAN = "+380671234567"
HOUR = timedelta(hours=1)


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def unanswered(conn: Connection, user: User) -> int:
    return (await events.register(conn, user, EventFilter(view=View.UNANSWERED))).total


async def test_a_number_that_another_client_gets_too_still_closes_what_it_is_owed(
    conn: Connection, people: dict[str, User]
) -> None:
    await clients.create(conn, None, NewClient(name="ТОВ Анна", phones=[ANNA]))
    await tell(conn, missed_call(ANNA).facts)
    await clients.create(conn, None, NewClient(name="Сестра Анни", phones=[ANNA]))
    await tell(conn, missed_call(ANNA, at=MORNING + HOUR).facts)
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert owed.missed_count == 2
    await tell(conn, call_back(ANNA, at=MORNING + 2 * HOUR).facts)
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert await unanswered(conn, people["borys"]) == 0


async def test_a_client_who_is_made_while_the_call_back_rings_is_reached_by_it(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, missed_call(ANNA).facts)
    back = call_back(ANNA, at=MORNING + HOUR)
    await tell(conn, back.facts[:2])
    await clients.create(conn, people["olena"], NewClient(name="ТОВ Анна", phones=[ANNA]))
    await tell(conn, back.facts[2:])
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert await unanswered(conn, people["borys"]) == 0


async def test_a_client_who_is_made_while_it_rings_again_is_owed_one(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts)
    again = missed_call(ANNA, at=MORNING + HOUR)
    await tell(conn, again.facts[:3])
    await clients.create(conn, people["olena"], NewClient(name="ТОВ Анна", phones=[ANNA]))
    await tell(conn, again.facts[3:])
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert owed.missed_count == 2


async def test_the_follow_ups_of_two_numbers_that_become_one_clients_are_joined(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, missed_call(ANNA).facts, missed_call(BOHDAN, at=MORNING + HOUR).facts)
    await clients.create(conn, None, NewClient(name="ТОВ Анна", phones=[ANNA, BOHDAN]))
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert (owed.missed_count, owed.opened_at < owed.due_at, owed.phone) == (2, True, BOHDAN)
    missed = await follow_ups.missed_today(conn, people["borys"], since=MORNING)
    assert {each.follow_up_id for each in missed} == {owed.id}, "the one that is owed still"
    await tell(conn, call_back(ANNA, at=MORNING + 2 * HOUR).facts)
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert await unanswered(conn, people["borys"]) == 0


async def test_a_call_of_yesterday_that_is_registered_by_hand_does_not_make_good_what_was_missed_since(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, missed_call(ANNA).facts)
    taken = TakenCall(
        outgoing=True, phone=ANNA, client_id=None, started_at=MORNING - 24 * HOUR, minutes=5, content="учора"
    )
    await events.register_call(conn, people["olena"], taken, now=MORNING + HOUR)
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert owed.closed_at is None
    assert await unanswered(conn, people["borys"]) == 1


async def test_a_try_in_the_batch_of_the_missed_call_counts(conn: Connection, people: dict[str, User]) -> None:
    """After the data base was away an hour comes in one batch."""
    tried = Telling(at=MORNING + HOUR).outbound("1001", ANNA).ended(Outcome.NO_ANSWER)
    await tell(conn, missed_call(ANNA).facts, tried.facts)
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert (owed.attempts, owed.last_attempt) == (1, "no_answer")


async def test_a_call_back_that_is_asked_for_in_an_older_event_is_the_one_that_is_owed(
    conn: Connection, people: dict[str, User]
) -> None:
    talk = answered_call(ANNA)
    await tell(conn, talk.facts)
    (older,) = (await events.register(conn, people["borys"])).rows
    await clients.create(conn, None, NewClient(name="ТОВ Анна", phones=[ANNA]))
    await tell(conn, missed_call(ANNA, at=MORNING + HOUR).facts)
    due_at = MORNING + 5 * HOUR
    asked = await follow_ups.ask(conn, people["iryna"], older.id, due_at=due_at, now=MORNING + 2 * HOUR)
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert (owed.id, owed.asked, owed.due_at) == (asked, True, due_at)
