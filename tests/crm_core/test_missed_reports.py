"""How soon missed contacts were made good, in figures."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callflow.facts import Outcome
from crm_core import follow_ups, reports
from crm_core.access import Forbidden
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.reports import Interval, MissedCount, MissedFigures
from tests.crm_core.company import MORNING, Telling, answered_call, call_back, found_company, missed_call, tell

MINUTE = timedelta(minutes=1)
DAY = Interval(MORNING, MORNING + timedelta(days=1))
ANNA, BOHDAN, VIRA, DANYLO = "+380501112233", "+380671234567", "+380631234567", "+380931234567"


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def report(conn: Connection, people: dict[str, User]) -> MissedFigures:
    (found,) = await reports.missed(conn, people["borys"], DAY, now=MORNING + timedelta(days=1))
    return found


async def opened(conn: Connection, number: str) -> None:
    await tell(conn, missed_call(number).facts)


async def test_four_missed_and_what_became_of_them(conn: Connection, people: dict[str, User]) -> None:
    """Anna is reached at the second try after ten minutes, Bohdan calls himself after 40, Vira is written off."""
    for number in (ANNA, BOHDAN, VIRA, DANYLO):
        await opened(conn, number)
    in_vain = Telling(at=MORNING + 4 * MINUTE).outbound("1003", ANNA).ended(Outcome.NO_ANSWER)
    await tell(conn, in_vain.facts)
    await tell(conn, call_back(ANNA, at=MORNING + 10 * MINUTE).facts)
    await tell(conn, answered_call(BOHDAN, at=MORNING + 40 * MINUTE).facts)
    (vira,) = (each for each in await follow_ups.open_list(conn, people["borys"]) if each.e164 == VIRA)
    await follow_ups.claim(conn, people["borys"], vira.id)
    await follow_ups.close(conn, people["borys"], vira.id, "wrong number")
    found = await report(conn, people)
    assert found.line == "7000"
    assert found.counts == {
        "opened": 4, "tried": 1, "made_good": 2, "within_15_minutes": 1, "within_60_minutes": 2,
        "closed_otherwise": 1, "open": 1, "overdue": 1,
    }  # fmt: skip
    assert (found.share_within_15_minutes, found.share_within_60_minutes) == (0.25, 0.5)
    assert found.first_try_median is not None and 4 * 60 - 20 <= found.first_try_median <= 4 * 60 + 20
    assert found.made_good_median is not None and 10 * 60 - 20 <= found.made_good_median <= 10 * 60 + 20
    for count in MissedCount:
        named = await reports.missed_ones(conn, people["borys"], DAY, count, now=DAY.until)
        assert len(named) == found.counts[count]


async def test_a_call_back_that_reaches_at_once_is_the_first_try(conn: Connection, people: dict[str, User]) -> None:
    await opened(conn, ANNA)
    await tell(conn, call_back(ANNA, at=MORNING + 10 * MINUTE).facts)
    found = await report(conn, people)
    assert found.counts["tried"] == 1
    assert found.first_try_median == found.made_good_median


async def test_only_those_who_were_missed_are_counted(conn: Connection, people: dict[str, User]) -> None:
    """A call back that somebody asked for in a conversation is nobody's failure."""
    await tell(conn, answered_call(ANNA).facts)
    asked = await conn.fetchval("SELECT id FROM event")
    await follow_ups.ask(conn, people["borys"], asked, due_at=MORNING + 60 * MINUTE, now=MORNING)
    assert await reports.missed(conn, people["borys"], DAY, now=DAY.until) == []


async def test_missed_reports_are_for_supervisors(conn: Connection, people: dict[str, User]) -> None:
    with pytest.raises(Forbidden):
        await reports.missed(conn, people["iryna"], DAY, now=DAY.until)
    with pytest.raises(Forbidden):
        await reports.missed_ones(conn, people["iryna"], DAY, MissedCount.OPEN, now=DAY.until)
