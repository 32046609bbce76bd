"""Working hours: when a missed contact is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crm_core.settings.working_time import BadHours, WorkingTime

KYIV = ZoneInfo("Europe/Kyiv")
WEEK = "mon-fri 09:00-13:00, mon-fri 14:00-18:00, sat 10:00-14:00"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KYIV).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2030-01-07T10:00", 60, "2030-01-07T11:00"),  # a Monday
        ("2030-01-07T10:00", 180, "2030-01-07T13:00"),
        ("2030-01-07T12:30", 60, "2030-01-07T14:30"),  # the break is nobody's
        ("2030-01-07T03:00", 60, "2030-01-07T10:00"),
        ("2030-01-07T17:30", 60, "2030-01-08T09:30"),
        ("2030-01-11T17:45", 60, "2030-01-12T10:45"),
        ("2030-01-12T13:30", 60, "2030-01-14T09:30"),  # from Saturday to Monday
        ("2030-01-07T09:00", 8 * 60 * 5 + 4 * 60, "2030-01-12T14:00"),  # a whole week
    ],
)
def test_only_working_hours_count(start: str, minutes: int, due: str) -> None:
    hours = WorkingTime.parse(WEEK, "", KYIV)
    assert hours.after(local(start), timedelta(minutes=minutes)) == local(due)


def test_special_days_have_other_hours_or_none() -> None:
    hours = WorkingTime.parse(WEEK, "2030-01-07, 2030-01-08 12:00-13:00", KYIV)
    assert hours.after(local("2030-01-06T20:00"), timedelta(minutes=90)) == local("2030-01-09T09:30")


def test_without_hours_all_are_worked() -> None:
    start = local("2030-01-07T23:30")
    assert WorkingTime.parse("", "", KYIV).after(start, timedelta(hours=1)) == start + timedelta(hours=1)


def test_a_holiday_alone_leaves_the_other_days_whole() -> None:
    hours = WorkingTime.parse("", "2030-01-08", KYIV)
    assert hours.after(local("2030-01-07T23:30"), timedelta(hours=1)) == local("2030-01-09T00:30")


def test_a_night_on_which_the_clock_is_put_forward_is_an_hour_shorter() -> None:
    hours = WorkingTime.parse("sun 00:00-12:00", "", KYIV)
    assert hours.after(local("2030-03-31T02:00"), timedelta(hours=2)) == local("2030-03-31T05:00")


def test_where_nobody_ever_works_it_is_due_all_the_same() -> None:
    hours = WorkingTime.parse("mon 09:00-09:01", "", KYIV)
    start = local("2030-01-08T09:00")
    assert hours.after(start, timedelta(days=1)) == start + timedelta(days=1)


@pytest.mark.parametrize(
    "week",
    [
        "mon",
        "mon 9-18",
        "fri-mon 09:00-18:00",
        "day 09:00-18:00",
        "mon 18:00-09:00",
        "mon 09:00-12:00, mon 11:00-13:00",
        "x" * 1001,
    ],
)
def test_what_is_not_how_hours_are_written_is_refused(week: str) -> None:
    with pytest.raises(BadHours):
        WorkingTime.parse(week, "", KYIV)


@pytest.mark.parametrize("days", ["2030-02-30", "monday", "2030-01-01 9-18"])
def test_what_is_not_how_days_are_written_is_refused(days: str) -> None:
    with pytest.raises(BadHours):
        WorkingTime.parse("", days, KYIV)
