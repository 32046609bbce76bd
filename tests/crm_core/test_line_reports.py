"""Lines in figures: the trade's worked example, and a day whose figures a slow book-keeper finds too."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from uuid_utils.compat import uuid7

from callflow.facts import CallAnswered, CallEnded, CallQueued, Fact, Outcome
from callflow.line_facts import CallLeftLine, LineEnd
from crm_core import reports
from crm_core.access import Forbidden
from crm_core.calls.waits import Waits
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.reports import Asked, By, Count, Interval, PeriodTooLong, intervals, of_days
from crm_core.reports.service_level import Counts, service_levels
from tests.crm_core.company import MORNING, Telling, found_company, tell

ANNA = "+380501112233"
WHOLE = Interval(MORNING, MORNING + timedelta(days=1))
DAY = Asked(intervals=[WHOLE])


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


@dataclass
class Kept:
    """What the book-keeper wrote down of one caller."""

    call: UUID
    number: str
    joined: datetime
    wait: float
    end: str

    @property
    def left(self) -> datetime:
        return self.joined + timedelta(seconds=self.wait)


def _day(choose: random.Random) -> tuple[list[Kept], list[Fact]]:
    kept, facts = [], []
    for number in range(40):
        phone = choose.choice([ANNA, "+380671234567", "+380631234567", f"+3809312345{number:02d}"])
        call = Telling(at=_after(60 * number)).inbound(phone).to_line()
        joined = _queued(call)
        call.at += timedelta(seconds=choose.randint(0, 40))
        end = choose.choice(["answered", "answered", "abandoned", "exit_key", "overflowed"])
        if end == "answered":
            call.rings("1002").answered("1002")
        elif end == "abandoned":
            call.ended(Outcome.ABANDONED)
        else:
            call.leaves_line(LineEnd(end))
        wait = (call.facts[-1].at - joined).total_seconds()
        if end != "abandoned":
            call.ended(Outcome.ANSWERED)
        kept.append(Kept(call.call_id, phone, joined, wait, end))
        facts.extend(call.facts)
    return kept, facts


@pytest.mark.parametrize("seed", range(3))
async def test_the_figures_of_a_day_are_those_of_its_calls(
    conn: Connection, people: dict[str, User], seed: int
) -> None:
    """Facts come in batches of any size; the book-keeper knows when each caller came and left."""
    choose = random.Random(seed)
    kept, facts = _day(choose)
    while facts:
        portion = choose.randint(1, 25)
        await tell(conn, facts[:portion])
        del facts[:portion]
    (line,) = await reports.lines(conn, people["borys"], DAY, now=_after(86_400))
    answered = sorted(each.wait for each in kept if each.end == "answered")
    gave_up = [each.wait for each in kept if each.end == "abandoned"]
    assert line.counts == {
        "offered": 40,
        "answered": len(answered),
        "answered_in_time": sum(wait <= 20 for wait in answered),
        "abandoned": len(gave_up),
        "abandoned_in_time": sum(wait <= 20 for wait in gave_up),
        "short_abandoned": sum(wait <= 5 for wait in gave_up),
        "left_otherwise": 40 - len(answered) - len(gave_up),
        "callback": 0,
        "callback_kept": 0,
        "callback_broken": 0,
        "waiting": 0,
        "repeated": 40 - len({each.number for each in kept}),
    }
    ends = [each.end for each in kept]
    assert {reason: times for reason, times in line.left.items() if times} == {
        reason: ends.count(reason) for reason in ("exit_key", "overflowed")
    }
    assert line.answer_mean == pytest.approx(sum(answered) / len(answered))
    assert line.answer_median == answered[math.ceil(0.5 * len(answered)) - 1]
    assert line.answer_p90 == answered[math.ceil(0.9 * len(answered)) - 1]
    assert line.abandon_mean == pytest.approx(sum(gave_up) / len(gave_up))
    assert line.longest_wait == max(each.wait for each in kept)
    for count in Count:
        assert len(await reports.which(conn, people["borys"], DAY, count)) == line.counts[count]


@pytest.mark.parametrize("by", By)
async def test_each_quarter_of_an_hour_has_the_waits_that_began_or_were_answered_in_it(
    conn: Connection, people: dict[str, User], by: By
) -> None:
    kept, facts = _day(random.Random(7))
    await tell(conn, facts)
    quarters = [Interval(_after(900 * n), _after(900 * (n + 1))) for n in range(4)]
    rows = await reports.lines(conn, people["borys"], Asked(intervals=quarters, by=by), now=_after(86_400))
    whose = kept if by is By.ARRIVAL else [each for each in kept if each.end == "answered"]
    moment = [each.joined if by is By.ARRIVAL else each.left for each in whose]
    assert [(row.since, row.counts["offered"]) for row in rows] == [
        (quarter.since, times)
        for quarter in quarters
        if (times := sum(quarter.since <= at < quarter.until for at in moment))
    ]


async def test_who_comes_again_is_told_by_number_and_a_withheld_one_never_is(
    conn: Connection, people: dict[str, User]
) -> None:
    calls = [
        Telling(at=_after(60 * number)).inbound(phone).to_line().ended(Outcome.ABANDONED)
        for number, phone in enumerate([ANNA, "", "", ANNA])
    ]
    await tell(conn, *(call.facts for call in calls))
    again = await reports.which(conn, people["borys"], DAY, Count.REPEATED)
    assert [each.call_id for each in again] == [calls[3].call_id]


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
        long = Asked(intervals=[Interval(MORNING, MORNING + timedelta(days=367))])
        await reports.lines(conn, people["borys"], long, now=MORNING)
    with pytest.raises(PeriodTooLong):
        many = Asked(intervals=[WHOLE] * 3_001)
        await reports.lines(conn, people["borys"], many, now=MORNING)


KYIV = ZoneInfo("Europe/Kyiv")


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 28), 24)]
)
def test_a_day_on_which_the_clock_changes_has_its_true_hours(day: date, hours: int) -> None:
    found = [*intervals(day, day, 60, KYIV)]
    assert len(found) == hours
    assert {each.until - each.since for each in found} == {timedelta(hours=1)}
    assert [each.since for each in found[1:]] == [each.until for each in found[:-1]]
    assert (found[0].since, found[-1].until) == (of_days(day, day, KYIV).since, of_days(day, day, KYIV).until)


async def test_two_lines_of_one_moment_are_two_waits(conn: Connection, people: dict[str, User]) -> None:
    """A full line hands a caller on at once, and the clock may not have moved."""
    call = Telling().inbound(ANNA)
    refused = CallLeftLine(id=uuid7(), at=_after(3), call_id=call.call_id, line="7000", reason=LineEnd.FULL)
    queued = CallQueued(id=uuid7(), at=_after(3), call_id=call.call_id, line="7001")
    left = CallEnded(id=uuid7(), at=_after(9), call_id=call.call_id, outcome=Outcome.ABANDONED)
    await tell(conn, [*call.facts, refused, queued], [left])
    found = await reports.lines(conn, people["borys"], DAY, now=_after(60))
    assert [(each.line, each.counts["offered"], each.counts["abandoned"]) for each in found] == [
        ("7000", 1, 0),
        ("7001", 1, 1),
    ]
