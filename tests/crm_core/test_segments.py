"""What the time of a call was, segment by segment."""

from __future__ import annotations

import pytest
from uuid_utils.compat import uuid7

from callflow.facts import CallQueued
from crm_core.calls import segments
from crm_core.database import Connection
from crm_core.organisation import User
from tests.crm_core.company import Telling, found_company, tell

ANNA = "+380501112233"
pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def told(conn: Connection, call: Telling, *, one_by_one: bool) -> list[segments.CallSegment]:
    if one_by_one:
        for fact in call.facts:
            await tell(conn, [fact])
    else:
        await tell(conn, call.facts)
    found = await segments.of_call(conn, call.call_id)
    assert found is not None
    return found


@pytest.mark.parametrize("one_by_one", [True, False])
async def test_each_segment_has_its_own_ring_hold_and_talk_and_the_first_the_wait(
    conn: Connection, one_by_one: bool
) -> None:
    """A second passes between two facts: rings, its ringing, answered; then held for so long, and so on."""
    call = Telling().inbound(ANNA).to_line().rings("1003").answered("1003").held("1003", 10).talked("1003", 20)
    call.rings("1001").answered("1001").held("1001", 4).talked("1001", 6).ended()
    first, second = await told(conn, call, one_by_one=one_by_one)
    assert [(each.extension, each.wait, each.ring, each.hold) for each in (first, second)] == [
        ("1003", 3.0, 2.0, 10.0),
        ("1001", None, 2.0, 4.0),
    ]
    for each in (first, second):
        assert each.ended_at is not None
        assert each.talk == (each.ended_at - each.started_at).total_seconds() - each.hold


@pytest.mark.parametrize("one_by_one", [True, False])
async def test_a_hold_that_outlives_a_segment_is_shared_by_time(conn: Connection, one_by_one: bool) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1003").answered("1003").held("1003", 10)
    resumed = call.facts.pop()
    call.at = resumed.at
    call.talked("1003", 5).rings("1001").answered("1001").talked("1001", 7).ended()
    first, second = await told(conn, call, one_by_one=one_by_one)
    assert (first.hold, second.hold) == (15.0, 7.0)
    assert second.talk == 0.0


async def test_a_line_that_overflows_hands_the_wait_on(conn: Connection) -> None:
    call = Telling().inbound(ANNA).to_line()
    first = call.facts[-1]
    call.to_line("7001").rings("1003").answered("1003").talked("1003", 5).ended()
    assert isinstance(first, CallQueued)
    (only,) = await told(conn, call, one_by_one=True)
    assert only.wait == (only.started_at - first.at).total_seconds()


async def test_a_segment_that_lasts_has_no_talk_yet_and_one_without_an_offer_no_ring(conn: Connection) -> None:
    (only,) = await told(conn, Telling().outbound("1003", ANNA).answered("1003"), one_by_one=False)
    assert (only.wait, only.ring, only.talk, only.ended_at) == (None, None, None, None)


async def test_a_call_that_nobody_answered_has_none_and_an_unknown_call_is_none(conn: Connection) -> None:
    assert await told(conn, Telling().inbound(ANNA).to_line().ended(), one_by_one=False) == []
    assert await segments.of_call(conn, uuid7()) is None
