"""Callbacks that were promised in a line: nobody was missed, what was promised is kept in the books, and a broken
promise is a follow-up."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from callflow.callback_facts import (
    Broken,
    CallbackBegun,
    CallbackBroken,
    CallbackKept,
    CallbackPromised,
    CallbackTried,
    KeptBy,
    Tried,
)
from callflow.facts import EndedBy, Outcome, PartyIntroduced
from callflow.line_facts import LineEnd
from callflow.line_orders import WaitOrder, WaitOrdered
from crm_core import callbacks, events, follow_ups
from crm_core.access import Forbidden
from crm_core.database import Connection
from crm_core.fact_codec import AnyFact
from crm_core.organisation import User
from crm_core.reports.intervals import Interval
from crm_core.reports.lines import Asked, Count, lines, which
from queue_engine.facts import WrapUpSet
from tests.crm_core.company import MORNING, Telling, call_back, found_company, missed_call, tell

ANNA = "+380501112233"
OTHER = "+380671234567"
PROMISE = uuid7()
JOINED = MORNING + timedelta(seconds=2)


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


def promised(caller: str = ANNA, number: str = ANNA, promise: UUID = PROMISE) -> list[AnyFact]:
    """A caller leaves line 7000 with the promise that `number` is called."""
    telling, party = Telling().inbound(caller).to_line(), uuid7()
    telling.facts.append(PartyIntroduced(id=uuid7(), at=telling.at, party=party, number=number))
    telling.facts.append(
        CallbackPromised(
            id=uuid7(),
            at=telling.at,
            call_id=telling.call_id,
            promise=promise,
            line="7000",
            party=party,
            joined_at=JOINED,
            expires_at=MORNING + timedelta(hours=8),
        )
    )
    return [*telling.leaves_line(LineEnd.CALLBACK).ended(Outcome.ANSWERED, EndedBy.SYSTEM).facts]


def tried(tries: int, what: Tried = Tried.BUSY) -> CallbackTried:
    at = MORNING + timedelta(minutes=10 * tries)
    return CallbackTried(
        id=uuid7(), at=at, promise=PROMISE, tried=what, tries=tries, again_at=at + timedelta(minutes=10)
    )


def broken(reason: Broken = Broken.TRIES, user: UUID | None = None) -> CallbackBroken:
    return CallbackBroken(id=uuid7(), at=MORNING + timedelta(hours=1), promise=PROMISE, reason=reason, user=user)


def kept(number: str = ANNA) -> list[AnyFact]:
    telling = call_back(number, at=MORNING + timedelta(minutes=5))
    begun = CallbackBegun(id=uuid7(), at=telling.at, call_id=telling.call_id, promise=PROMISE)
    done = CallbackKept(id=uuid7(), at=telling.at, promise=PROMISE, by=KeptBy.CALLBACK, call=telling.call_id)
    return [*telling.facts[:2], begun, *telling.facts[2:], done]


async def test_who_left_with_a_promise_was_not_missed_and_owes_nobody_a_follow_up(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, promised())
    assert await follow_ups.open_list(conn, people["borys"]) == []
    (event,) = (await events.register(conn, people["borys"])).rows
    assert event.type == "incoming_call"
    (figures,) = await lines(
        conn, people["borys"], Asked(intervals=[Interval(MORNING, MORNING + timedelta(hours=1))]), now=MORNING
    )
    assert (figures.counts["abandoned"], figures.left["callback"]) == (0, 1)


async def test_what_is_owed_is_known_at_the_next_start_with_place_and_tries(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, promised(number=OTHER), [tried(1)])
    (owed,) = await callbacks.owed(conn)
    assert (owed.id, owed.line, owed.number, owed.joined_at, owed.tries) == (PROMISE, "7000", OTHER, JOINED, 1)
    assert owed.again_at == MORNING + timedelta(minutes=20)
    assert await callbacks.owed(conn, [broken()]) == []  # told, and not written yet


async def test_what_the_data_base_does_not_know_yet_is_owed_too(conn: Connection, people: dict[str, User]) -> None:
    (owed,) = await callbacks.owed(conn, [*promised(), tried(1)])
    assert (owed.number, owed.joined_at, owed.tries) == (ANNA, JOINED, 1)


@pytest.mark.req("R-CALL-10", "O-01")
async def test_a_kept_promise_is_over_and_its_call_is_a_callback(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, promised(), kept())
    assert await callbacks.owed(conn) == []
    newest, _ = (await events.register(conn, people["borys"])).rows
    assert newest.type == "callback"


@pytest.mark.parametrize(
    ("then", "counts"), [([], (1, 0, 0)), (kept(), (1, 1, 0)), ([broken()], (1, 0, 1))], ids=["owed", "kept", "broken"]
)
async def test_the_line_s_report_counts_promises_and_what_became_of_them(
    conn: Connection, people: dict[str, User], then: list[AnyFact], counts: tuple[int, int, int]
) -> None:
    await tell(conn, promised(), then)
    asked = Asked(intervals=[Interval(MORNING, MORNING + timedelta(hours=1))])
    (figures,) = await lines(conn, people["borys"], asked, now=MORNING)
    assert tuple(figures.counts[name] for name in ("callback", "callback_kept", "callback_broken")) == counts
    assert [visit.line for visit in await which(conn, people["borys"], asked, Count.CALLBACK)] == ["7000"]


async def test_a_party_that_was_called_first_and_waits_did_not_come(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, promised(), Telling(MORNING + timedelta(minutes=5)).outbound("1003", ANNA).to_line().facts)
    asked = Asked(intervals=[Interval(MORNING, MORNING + timedelta(hours=1))])
    (figures,) = await lines(conn, people["borys"], asked, now=MORNING)
    assert figures.counts["offered"] == 1


async def test_a_broken_promise_opens_exactly_one_follow_up(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, promised(), [tried(1), tried(2), broken()])
    await tell(conn, [broken()])
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert (owed.phone, owed.line, owed.missed_count) == (ANNA, "7000", 1)
    assert await callbacks.owed(conn) == []


async def test_it_counts_in_the_follow_up_that_the_party_has_already(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, missed_call(ANNA, at=MORNING - timedelta(hours=1)).facts, promised(), [broken()])
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert owed.missed_count == 2


async def test_who_typed_another_number_is_owed_a_call_there(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, promised(caller="", number=OTHER), [broken(Broken.EXPIRED)])
    (owed,) = await follow_ups.open_list(conn, people["borys"])
    assert (owed.phone, owed.e164) == (OTHER, OTHER)
    await tell(conn, call_back(OTHER, at=MORNING + timedelta(hours=2)).facts)
    assert await follow_ups.open_list(conn, people["borys"]) == []


async def test_what_a_supervisor_took_back_is_owed_to_nobody(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, promised(), [broken(Broken.WITHDRAWN, people["borys"].id)])
    assert await follow_ups.open_list(conn, people["borys"]) == []
    assert await callbacks.owed(conn) == []


async def test_supervisors_see_those_that_are_owed_in_the_order_of_their_places(
    conn: Connection, people: dict[str, User]
) -> None:
    await tell(conn, promised(), [tried(1, Tried.NO_ANSWER)])
    (shown,) = await callbacks.waiting(conn, people["borys"])
    assert (shown.phone, shown.tries, shown.last_try) == (ANNA, 1, "no_answer")
    with pytest.raises(Forbidden):
        await callbacks.waiting(conn, people["iryna"])


async def test_one_that_a_supervisor_moved_is_owed_in_the_other_line(conn: Connection, people: dict[str, User]) -> None:
    moved = WaitOrdered(
        id=uuid7(), at=MORNING, call_id=PROMISE, user=people["borys"].id, order=WaitOrder.MOVED, line="7000", to="7001"
    )
    assert [owed.line for owed in await callbacks.owed(conn, [*promised(), moved])] == ["7001"]
    await tell(conn, promised(), [moved])
    assert [owed.line for owed in await callbacks.owed(conn)] == ["7001"]


async def test_the_wrap_up_after_a_callback_is_that_of_the_call_which_kept_it(
    conn: Connection, people: dict[str, User]
) -> None:
    """The engine served the promise; handling time is counted by the call."""
    *done, last = kept()
    assert isinstance(last, CallbackKept)
    call_id, at = last.call, last.at
    wrap_up = WrapUpSet(id=uuid7(), at=at, extension="1003", item=PROMISE, until=at + timedelta(seconds=30))
    await tell(conn, promised(), done, [last, wrap_up])
    assert await conn.fetchval("SELECT item_id FROM wrap_up") == call_id
