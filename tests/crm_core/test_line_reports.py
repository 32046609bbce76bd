"""Lines in figures: the trade's worked example, and a day whose figures a slow book-keeper finds too."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from callflow.facts import CallAnswered, CallEnded, CallQueued, Outcome
from callflow.line_facts import CallLeftLine, LineEnd
from crm_core import reports
from crm_core.access import Forbidden
from crm_core.calls.waits import Waits
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.reports import Asked, Count, PeriodTooLong
from crm_core.reports.service_level import Counts, service_levels
from tests.crm_core.company import MORNING, Telling, found_company, tell

ANNA = "+380501112233"
DAY = Asked(since=MORNING, until=MORNING + timedelta(days=1))


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


def test_one_day_has_six_service_levels() -> None:
    """The example by which the trade checks its formulas."""
    levels = service_levels(
        Counts(answered=1000, abandoned=60, answered_in_time=860, abandoned_in_time=20, short_abandoned=10)
    )
    shown = [
        levels.answered,
        levels.strict,
        levels.ignoring,
        levels.positive,
        levels.short_excluded,
        levels.short_credited,
    ]
    assert [round(100 * level, 1) for level in shown if level is not None] == [86.0, 81.1, 82.7, 83.0, 81.9, 82.1]


def test_a_day_without_calls_has_no_service_level() -> None:
    levels = service_levels(Counts(answered=0, abandoned=0, answered_in_time=0, abandoned_in_time=0, short_abandoned=0))
    assert levels.short_excluded is None and levels.strict is None


def _after(seconds: float) -> datetime:
    return MORNING + timedelta(seconds=seconds)


def test_a_wait_ends_once_with_the_answer() -> None:
    waits, call = Waits(), UUID(int=1)
    waits.apply(CallQueued(id=UUID(int=2), at=_after(0), call_id=call, line="7000"))
    waits.apply(
        CallAnswered(id=UUID(int=3), at=_after(8), call_id=call, segment=UUID(int=4), leg=UUID(int=5), extension="1001")
    )
    waits.apply(CallEnded(id=UUID(int=6), at=_after(60), call_id=call, outcome=Outcome.ANSWERED))
    assert [(wait.reason, wait.left_at, wait.extension) for wait in waits.told] == [
        (LineEnd.ANSWERED, _after(8), "1001")
    ]


def test_the_next_line_ends_the_wait_in_the_first() -> None:
    waits, call = Waits(), UUID(int=1)
    waits.apply(CallQueued(id=UUID(int=2), at=_after(0), call_id=call, line="7000"))
    waits.apply(CallQueued(id=UUID(int=3), at=_after(30), call_id=call, line="7001"))
    waits.apply(CallEnded(id=UUID(int=4), at=_after(40), call_id=call, outcome=Outcome.ABANDONED))
    assert [(wait.line, wait.reason, wait.left_at) for wait in waits.told] == [
        ("7000", LineEnd.OVERFLOWED, _after(30)),
        ("7001", LineEnd.ABANDONED, _after(40)),
    ]


def test_a_wait_ends_as_its_line_says() -> None:
    waits, call = Waits(), UUID(int=1)
    waits.apply(CallQueued(id=UUID(int=2), at=_after(0), call_id=call, line="7000"))
    waits.apply(CallLeftLine(id=UUID(int=3), at=_after(9), call_id=call, line="7000", reason=LineEnd.EXIT_KEY))
    waits.apply(CallEnded(id=UUID(int=4), at=_after(40), call_id=call, outcome=Outcome.ABANDONED))
    assert [(wait.reason, wait.left_at) for wait in waits.told] == [(LineEnd.EXIT_KEY, _after(9))]


def test_who_is_not_let_in_was_offered_and_has_not_waited() -> None:
    waits, call = Waits(), UUID(int=1)
    waits.apply(CallLeftLine(id=UUID(int=2), at=_after(3), call_id=call, line="7000", reason=LineEnd.FULL))
    assert [(wait.reason, wait.joined_at, wait.left_at) for wait in waits.told] == [
        (LineEnd.FULL, _after(3), _after(3))
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_the_figures_of_a_day_are_those_of_its_calls(
    conn: Connection, people: dict[str, User], seed: int
) -> None:
    """Facts come in batches of any size; the book-keeper knows when each caller came and left."""
    choose = random.Random(seed)
    answered, gave_up, facts = [], [], []
    for number in range(40):
        call = Telling(at=_after(60 * number)).inbound(ANNA).to_line()
        joined, wait = call.at, choose.randint(0, 40)
        call.at = joined + timedelta(seconds=wait)
        if choose.random() < 0.7:
            call.rings("1002").answered("1002")
            answered.append((call.facts[-1].at - _queued(call)).total_seconds())
            call.ended()
        else:
            call.ended(Outcome.ABANDONED)
            gave_up.append((call.facts[-1].at - _queued(call)).total_seconds())
        facts.extend(call.facts)
    while facts:
        portion = choose.randint(1, 25)
        await tell(conn, facts[:portion])
        del facts[:portion]
    (line,) = await reports.lines(conn, people["borys"], DAY, now=_after(86_400))
    assert line.counts == {
        "offered": len(answered) + len(gave_up),
        "answered": len(answered),
        "answered_in_time": sum(wait <= 20 for wait in answered),
        "abandoned": len(gave_up),
        "abandoned_in_time": sum(wait <= 20 for wait in gave_up),
        "short_abandoned": sum(wait <= 5 for wait in gave_up),
        "left_otherwise": 0,
        "waiting": 0,
    }
    assert line.answer_mean == pytest.approx(sum(answered) / len(answered))
    assert line.abandon_mean == pytest.approx(sum(gave_up) / len(gave_up))
    assert line.longest_wait == max(answered + gave_up)
    for count in Count:
        assert len(await reports.which(conn, people["borys"], DAY, count)) == line.counts[count]


def _queued(call: Telling) -> datetime:
    return next(fact.at for fact in call.facts if isinstance(fact, CallQueued))


async def test_who_still_waits_is_counted_and_named(conn: Connection, people: dict[str, User]) -> None:
    call = Telling().inbound(ANNA).to_line()
    await tell(conn, call.facts)
    (line,) = await reports.lines(conn, people["borys"], DAY, now=_queued(call) + timedelta(seconds=90))
    assert (line.counts["waiting"], line.longest_wait) == (1, 90)
    assert line.service_level.short_excluded is None
    (waits,) = await reports.which(conn, people["borys"], DAY, Count.WAITING)
    assert (waits.call_id, waits.line, waits.left_at) == (call.call_id, "7000", None)


async def test_reports_are_for_supervisors_and_of_a_year_at_most(conn: Connection, people: dict[str, User]) -> None:
    with pytest.raises(Forbidden):
        await reports.lines(conn, people["olena"], DAY, now=MORNING)
    with pytest.raises(Forbidden):
        await reports.which(conn, people["olena"], DAY, Count.OFFERED)
    with pytest.raises(PeriodTooLong):
        long = Asked(since=MORNING, until=MORNING + timedelta(days=367))
        await reports.lines(conn, people["borys"], long, now=MORNING)
