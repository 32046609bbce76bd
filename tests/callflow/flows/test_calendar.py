"""Hours: a dated day stands above a holiday, and that above the week; all in local time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from callflow.flows.calendar import WEEKDAYS, Calendar, Open
from tests.callflow.flows.office import OFFICE

KYIV = ZoneInfo("Europe/Kyiv")
CALENDAR = msgspec.convert(OFFICE["nodes"]["hours"]["calendar"], Calendar)


@pytest.mark.parametrize(
    ("local", "state"),
    [
        ("2026-11-30 09:00", Open.OPEN),  # a Monday
        ("2026-11-30 08:59", Open.CLOSED),
        ("2026-11-30 13:00", Open.CLOSED),  # a span ends before its end
        ("2026-11-30 13:59", Open.CLOSED),
        ("2026-11-30 14:00", Open.OPEN),
        ("2026-12-01 10:00", Open.CLOSED),  # no word of Tuesdays
        ("2026-12-05 23:59", Open.OPEN),  # 24:00 is midnight
        ("2026-12-06 00:00", Open.CLOSED),
        ("2026-04-13 10:00", Open.HOLIDAY),  # a Monday
        ("2027-01-01 12:30", Open.HOLIDAY),  # each year
        ("2026-01-01 12:30", Open.OPEN),  # but this one
        ("2026-12-31 11:59", Open.OPEN),
        ("2026-12-31 12:00", Open.CLOSED),
    ],
)
def test_what_a_moment_is(local: str, state: Open) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=KYIV).astimezone(UTC)
    assert CALENDAR.at(now, UTC) is state


def test_hours_are_local_on_both_sides_of_the_change_of_clocks() -> None:
    always_nine = Calendar(week={"mon": ["09:00-10:00"]})
    assert always_nine.at(datetime(2026, 3, 23, 7, 30, tzinfo=UTC), KYIV) is Open.OPEN  # winter, +2
    assert always_nine.at(datetime(2026, 3, 30, 6, 30, tzinfo=UTC), KYIV) is Open.OPEN  # summer, +3
    assert always_nine.at(datetime(2026, 3, 30, 7, 30, tzinfo=UTC), KYIV) is Open.CLOSED


@pytest.mark.parametrize(
    "calendar",
    [
        Calendar(week={"mon": ["18:00-09:00"]}),
        Calendar(week={"mon": ["09:00-25:00"]}),
        Calendar(week={"mon": ["09:60-10:00"]}),
        Calendar(week={"mon": ["09:00-12:00", "11:00-13:00"]}),
        Calendar(days={"2026-02-30": []}),
        Calendar(holidays=["13-01"]),
        Calendar(time_zone="Europe/Atlantis"),
        Calendar(time_zone="../../etc/passwd"),
    ],
)
def test_what_is_no_calendar_is_found(calendar: Calendar) -> None:
    assert list(calendar.faults())


def test_a_good_calendar_has_no_faults() -> None:
    assert list(CALENDAR.faults()) == []
    assert list(Calendar(holidays=["02-29"]).faults()) == []


@pytest.mark.parametrize(
    ("local", "opens"),
    [
        ("2026-11-30 09:00", "2026-11-30 09:00"),  # open already
        ("2026-11-30 08:59", "2026-11-30 09:00"),
        ("2026-11-30 13:10", "2026-11-30 14:00"),  # the second part of that day
        ("2026-12-31 12:00", "2027-01-04 09:00"),  # over a holiday, a day without hours and a weekend
    ],
)
def test_when_it_opens_next(local: str, opens: str) -> None:
    calendar = Calendar(
        week={day: ["09:00-13:00", "14:00-18:00"] for day in WEEKDAYS[:5]}, holidays=["01-01"],
        days={"2026-12-31": ["10:00-12:00"]},
    )  # fmt: skip
    now, then = (datetime.fromisoformat(text).replace(tzinfo=KYIV) for text in (local, opens))
    assert calendar.next_open(now.astimezone(UTC), KYIV) == then


def test_what_never_opens_has_no_next_opening() -> None:
    assert Calendar(days={"2020-01-01": ["10:00-12:00"]}).next_open(datetime(2026, 1, 1, tzinfo=UTC), KYIV) is None
