"""Agents in figures: what they handled, and what their time was."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from uuid_utils.compat import uuid7

from callflow.facts import OfferEnd, Outcome
from crm_core import reports
from crm_core.access import Forbidden
from crm_core.calls import segments
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.reports import AgentCount, AgentFigures, Interval, PeriodTooLong
from queue_engine.facts import AgentDeclared, Will, WrapUpSet
from tests.crm_core.company import MORNING, Telling, found_company, tell

ANNA = "+380501112233"
HOUR = timedelta(hours=1)
FIRST_HOUR = Interval(MORNING, MORNING + HOUR)


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


def at(minutes: float) -> datetime:
    return MORNING + timedelta(minutes=minutes)


def says(user: User, will: Will, minutes: float, reason: str = "") -> AgentDeclared:
    return AgentDeclared(id=uuid7(), at=at(minutes), user=user.id, extension=None, will=will, reason=reason)


async def figures(
    conn: Connection, people: dict[str, User], login: str = "iryna", period: Interval = FIRST_HOUR
) -> AgentFigures:
    (found,) = await reports.agents(conn, people["borys"], period, now=at(24 * 60), only=people[login].id)
    return found


async def test_what_was_offered_taken_and_made_is_counted_and_named(conn: Connection, people: dict[str, User]) -> None:
    taken = Telling().inbound(ANNA).to_line().rings("1003").answered("1003").talked("1003", 60).ended()
    missed = Telling(at=at(5)).inbound(ANNA).to_line().rings("1003").stops_ringing("1003").ended(Outcome.NO_ANSWER)
    given_up = Telling(at=at(10)).inbound(ANNA).to_line().rings("1003").stops_ringing("1003", OfferEnd.CANCELLED)
    made = Telling(at=at(20)).outbound("1003", ANNA).answered("1003").talked("1003", 30).ended()
    await tell(conn, *(call.facts for call in (taken, missed, given_up.ended(Outcome.ABANDONED), made)))
    found = await figures(conn, people)
    assert found.counts == {"offered": 3, "not_taken": 1, "handled": 2, "from_lines": 1, "made": 1}
    for count in AgentCount:
        named = await reports.agent_calls(conn, people["borys"], FIRST_HOUR, count, now=at(60), only=people["iryna"].id)
        assert len(named) == found.counts[count]
    (not_taken,) = await reports.agent_calls(conn, people["borys"], FIRST_HOUR, AgentCount.NOT_TAKEN, now=at(60))
    assert (not_taken.call_id, not_taken.user_id, not_taken.reason) == (missed.call_id, people["iryna"].id, "no_answer")


async def test_handling_is_talk_and_hold_of_each_segment(conn: Connection, people: dict[str, User]) -> None:
    first = Telling().inbound(ANNA).to_line().rings("1003").answered("1003").held("1003", 10).talked("1003", 20)
    second = Telling(at=at(10)).inbound(ANNA).to_line().rings("1003").answered("1003").talked("1003", 40)
    await tell(conn, first.ended().facts, second.ended().facts)
    found = await figures(conn, people)
    assert found.hold == 10
    assert found.talk + found.hold == found.busy, "one after the other, and none cut by the hour"
    assert found.handling_mean == found.busy / 2
    assert found.ring == 4, "a second passes between two facts: rings, is told so, is answered"


async def test_occupancy_is_being_busy_over_being_busy_or_idle(conn: Connection, people: dict[str, User]) -> None:
    """Ready at :00; paused from :30 to :45; in a call from :10 to :20 and from :28 to :32."""
    iryna = people["iryna"]
    calls = [
        Telling(at=at(start) - timedelta(seconds=4)).inbound(ANNA).to_line().rings("1003").answered("1003")
        for start in (10, 28)
    ]
    calls[0].talked("1003", 600).ended()
    calls[1].talked("1003", 240).ended()
    begins = [call.facts[-3].at for call in calls]
    said = [
        says(iryna, Will.READY, 0), says(iryna, Will.PAUSED, 30, "lunch"), says(iryna, Will.PAUSED, 40, "meeting"),
        says(iryna, Will.READY, 45),
    ]  # fmt: skip
    await tell(conn, said, *(call.facts for call in calls))
    found = await figures(conn, people)
    busy_while_paused = (begins[1] + timedelta(seconds=240) - at(30)).total_seconds()
    assert found.signed_in == 3600
    assert found.paused == {"lunch": 600, "meeting": 300}
    assert found.pause_share == 900 / 3600
    assert found.busy == 840
    assert found.idle == 2700 - (840 - busy_while_paused)
    assert found.occupancy == pytest.approx(840 / (840 + found.idle))


async def test_wrap_up_is_part_of_handling_and_of_being_busy(conn: Connection, people: dict[str, User]) -> None:
    """Half a minute after the first call, cut to ten seconds; a whole half minute after the second."""
    calls = [
        Telling(at=at(start)).inbound(ANNA).to_line().rings("1003").answered("1003").talked("1003", 60).ended()
        for start in (0, 10)
    ]
    ends = [call.facts[-1].at for call in calls]
    wrap_ups = [
        WrapUpSet(id=uuid7(), at=end, extension="1003", item=call.call_id, until=end + timedelta(seconds=30))
        for call, end in zip(calls, ends, strict=True)
    ]
    ten = ends[0] + timedelta(seconds=10)
    cut = WrapUpSet(id=uuid7(), at=ten, extension="1003", item=None, until=ten)
    await tell(conn, calls[0].facts, [wrap_ups[0], cut], calls[1].facts, [wrap_ups[1]])
    found = await figures(conn, people)
    assert (found.wrap_up, found.talk) == (40, 120)
    assert found.handling_mean == 80
    assert found.busy == 160
    (segment,) = await segments.of_call(conn, calls[0].call_id) or []
    assert segment.wrap_up == 10


async def test_a_call_that_comes_back_to_its_agent_has_each_wrap_up_once(
    conn: Connection, people: dict[str, User]
) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1003").answered("1003").talked("1003", 60)
    call.rings("1002").answered("1002").talked("1002", 60).rings("1003").answered("1003").talked("1003", 60).ended()
    end = call.facts[-1].at
    wrap_up = WrapUpSet(id=uuid7(), at=end, extension="1003", item=call.call_id, until=end + timedelta(seconds=30))
    await tell(conn, call.facts, [wrap_up])
    assert (await figures(conn, people)).wrap_up == 30
    assert [each.wrap_up for each in await segments.of_call(conn, call.call_id) or []] == [0, 0, 30]


async def test_what_rang_when_the_server_died_rang_until_the_call_was_closed(
    conn: Connection, people: dict[str, User]
) -> None:
    call = Telling().inbound(ANNA).to_line().rings("1003")
    await tell(conn, call.ended(Outcome.INTERRUPTED).facts)
    assert (await figures(conn, people)).ring == 2
    (offer,) = await reports.agent_calls(conn, people["borys"], FIRST_HOUR, AgentCount.OFFERED, now=at(24 * 60))
    assert (offer.ended_at, offer.reason) == (call.facts[-1].at, "interrupted")


async def test_what_still_rings_is_not_answered(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, Telling().inbound(ANNA).to_line().rings("1003").facts)
    (offer,) = await reports.agent_calls(conn, people["borys"], FIRST_HOUR, AgentCount.OFFERED, now=at(1))
    assert (offer.ended_at, offer.reason) == (None, "")


async def test_two_calls_at_once_are_busy_once_and_handled_twice(conn: Connection, people: dict[str, User]) -> None:
    calls = [
        Telling(at=at(start)).inbound(ANNA).to_line().rings("1003").answered("1003").talked("1003", 600).ended()
        for start in (0, 5)
    ]
    await tell(conn, *(call.facts for call in calls))
    found = await figures(conn, people)
    assert (found.talk, found.busy) == (1200, 900)


async def test_time_counts_where_it_passed_and_a_call_where_it_began(conn: Connection, people: dict[str, User]) -> None:
    iryna = people["iryna"]
    call = Telling(at=at(55)).inbound(ANNA).to_line().rings("1003").answered("1003").talked("1003", 600).ended()
    await tell(conn, [says(iryna, Will.READY, 50), says(iryna, Will.SIGNED_OUT, 70)], call.facts)
    before = await figures(conn, people)
    after = await figures(conn, people, period=Interval(MORNING + HOUR, MORNING + 2 * HOUR))
    assert (before.counts["handled"], after.counts["handled"]) == (1, 0)
    assert (before.talk, after.talk) == (600, 0)
    assert before.busy + after.busy == 600 and after.busy > 0
    assert (before.signed_in, after.signed_in) == (600, 600)


async def test_who_never_signed_in_and_had_no_call_has_no_row(conn: Connection, people: dict[str, User]) -> None:
    await tell(conn, [says(people["iryna"], Will.READY, 0)])
    found = await reports.agents(conn, people["borys"], FIRST_HOUR, now=at(60))
    assert [each.name for each in found] == ["Ірина Гай"]
    assert found[0].handling_mean is None and found[0].occupancy == 0


async def test_agent_reports_are_for_supervisors_and_of_a_quarter_at_most(
    conn: Connection, people: dict[str, User]
) -> None:
    with pytest.raises(Forbidden):
        await reports.agents(conn, people["iryna"], FIRST_HOUR, now=at(60))
    with pytest.raises(Forbidden):
        await reports.agent_calls(conn, people["iryna"], FIRST_HOUR, AgentCount.HANDLED, now=at(60))
    with pytest.raises(PeriodTooLong):
        await reports.agents(conn, people["borys"], Interval(MORNING, MORNING + timedelta(days=94)), now=at(60))
