"""A period in intervals of the company's own clock. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class Interval:
    """UTC; `until` is not part of it."""

    since: datetime
    until: datetime


def of_days(since: date, until: date, zone: tzinfo) -> Interval:
    """The days from `since` to `until`, both included."""
    return Interval(_midnight(since, zone), _midnight(until + timedelta(days=1), zone))


def intervals(since: date, until: date, minutes: int, zone: tzinfo) -> Iterator[Interval]:
    """Of the days from `since` to `until`, both included; the last of a day ends at midnight, however short it is.

    They are steps of true time from each midnight: an hour that a change of the clock repeats is there twice, one that
    it leaves out is not there.
    """
    step = timedelta(minutes=minutes)
    for day in range((until - since).days + 1):
        whole = of_days(since + timedelta(days=day), since + timedelta(days=day), zone)
        begin = whole.since
        while begin < whole.until:
            yield Interval(begin, min(begin + step, whole.until))
            begin += step


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
