"""Return calls: an Answer to a missed call, a Callback that was asked for, and a try that reached nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callflow.facts import Outcome
from crm_core import events, follow_ups
from crm_core.access import NotFound
from crm_core.database import Connection
from crm_core.events import EventFilter, View
from crm_core.organisation import User
from tests.crm_core.company import MORNING, Telling, answered_call, call_back, found_company, missed_call, tell

ANNA = "+380501112233"
BOHDAN = "+380671234567"
HOUR = timedelta(hours=1)


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def asked_by_anna(conn: Connection, user: User) -> None:
    """She spoke with Iryna and wants to be called in an hour."""
    await tell(conn, answered_call(ANNA).facts)
    (event,) = (await events.register(conn, user)).rows
    await follow_ups.ask(conn, user, event.id, due_at=MORNING + HOUR, now=MORNING)


@pytest.mark.req("R-CALL-10", "O-01")
async def test_a_return_call_that_was_asked_for_is_a_callback(conn: Connection, people: dict[str, User]) -> None:
    await asked_by_anna(conn, people["iryna"])
    (owed,) = await follow_ups.open_list(conn, people["iryna"])
    assert (owed.asked, owed.due_at, owed.owner_name, owed.missed_count) == (True, MORNING + HOUR, "Ірина Гай", 0)
    await tell(conn, call_back(ANNA, at=MORNING + HOUR).facts)
    newest, _ = (await events.register(conn, people["borys"])).rows
    assert (newest.type, newest.answers_event_id) == ("callback", None)
    assert await follow_ups.open_list(conn, people["borys"]) == []

    await tell(conn, call_back(ANNA, at=MORNING + 2 * HOUR).facts)  # nobody asked for this one
    assert (await events.register(conn, people["borys"])).rows[0].type == "outgoing_call"


@pytest.mark.req("R-CALL-09", "R-CALL-10", "O-01", "O-02")
async def test_it_is_an_answer_to_a_missed_call_where_one_is_open(conn: Connection, people: dict[str, User]) -> None:
    await asked_by_anna(conn, people["iryna"])
    await tell(conn, missed_call(ANNA, at=MORNING + HOUR).facts)
    await tell(conn, call_back(ANNA, at=MORNING + 2 * HOUR).facts)
    newest, missed, _ = (await events.register(conn, people["borys"])).rows
    assert (newest.type, newest.answers_event_id) == ("missed_call_answer", missed.id)


async def test_who_asked_and_calls_again_is_owed_nothing(conn: Connection, people: dict[str, User]) -> None:
    await asked_by_anna(conn, people["iryna"])
    await tell(conn, answered_call(ANNA, at=MORNING + HOUR).facts)
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert (await events.register(conn, people["borys"])).rows[0].type == "incoming_call"


async def test_asking_where_something_is_owed_moves_what_is_owed(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, rang="1003").facts)
    (event,) = (await events.register(conn, people["taras"])).rows
    await follow_ups.ask(conn, people["taras"], event.id, due_at=MORNING + 5 * HOUR, now=MORNING)
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert (owed.due_at, owed.missed_count, owed.owner_name) == (MORNING + 5 * HOUR, 1, "Ірина Гай")


async def test_nobody_asks_from_an_event_that_he_may_not_see(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, answered_call(ANNA).facts)
    (event,) = (await events.register(conn, people["iryna"])).rows
    with pytest.raises(NotFound):
        await follow_ups.ask(conn, people["olena"], event.id, due_at=MORNING + HOUR, now=MORNING)


@pytest.mark.req("R-CALL-45")
async def test_the_button_links_the_outcome_whatever_number_is_dialled(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, missed_call("").facts)  # withheld, but the agent knew the voice
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    call = Telling(MORNING + HOUR).outbound("1003", BOHDAN, follow_up=owed.id).answered("1003").talked("1003", 30)
    await tell(conn, call.ended().facts)
    newest, missed = (await events.register(conn, people["borys"])).rows
    assert (newest.type, newest.answers_event_id) == ("missed_call_answer", missed.id)
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert (await events.register(conn, people["borys"], EventFilter(view=View.UNANSWERED))).total == 0
    assert await conn.fetchval("SELECT closed_by_call FROM task") == call.call_id


async def test_a_try_that_reaches_nobody_is_counted(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA).facts, missed_call("", at=MORNING + HOUR).facts)
    withheld, anna = sorted(await follow_ups.open_list(conn, people["borys"]), key=lambda each: each.phone)
    for hour, number, outcome, button in (
        (2, ANNA, Outcome.BUSY, None),
        (3, ANNA, Outcome.NO_ANSWER, anna.id),
        (4, BOHDAN, Outcome.UNREACHABLE, withheld.id),
    ):
        at = MORNING + hour * HOUR
        await tell(conn, Telling(at).outbound("1003", number, follow_up=button).ended(outcome).facts)
    withheld, anna = sorted(await follow_ups.open_list(conn, people["borys"]), key=lambda each: each.phone)
    assert (anna.attempts, anna.last_attempt, anna.last_attempt_at) == (
        2,
        "no_answer",
        MORNING + 3 * HOUR + timedelta(seconds=1),
    )
    assert (withheld.attempts, withheld.last_attempt) == (1, "unreachable")
