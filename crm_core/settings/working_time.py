"""Working hours: when a missed contact is due, if nobody works at night. Pure.

week      mon-fri 09:00-18:00, sat 10:00-14:00          "": all hours are worked
days      2030-01-01, 2030-12-24 09:00-13:00            these days have other hours, or none
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST = 1000  # characters of either text
FARTHEST = 366  # days that are looked through for working time


class BadHours(Exception):
    """This is not how hours are written."""


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a day; `end` 00:00 is midnight."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Span:
        """Raises BadHours."""
        try:
            start, end = map(time.fromisoformat, text.split("-"))
        except ValueError:
            raise BadHours(text) from None
        if start.tzinfo or end.tzinfo or (end <= start and end != time()):
            raise BadHours(text)
        return cls(start, end)

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """In UTC, so that a difference is a duration also on the days on which the clock is put."""
        until = day if self.end != time() else day + timedelta(days=1)
        return (
            datetime.combine(day, self.start, zone).astimezone(UTC),
            datetime.combine(until, self.end, zone).astimezone(UTC),
        )


@dataclass(frozen=True, slots=True)
class WorkingTime:
    zone: ZoneInfo
    week: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)  # by weekday, Monday is 0; empty: always
    days: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, week: str, days: str, zone: ZoneInfo) -> WorkingTime:
        """Raises BadHours."""
        if max(len(week), len(days)) > LONGEST:
            raise BadHours("too long")
        return cls(zone, _week(week), _days(days))

    def after(self, start: datetime, worked: timedelta) -> datetime:
        """The moment at which `worked` of working time has passed since `start`. Where hardly any hour is worked within
        a year it is `start` and `worked`, as if all were."""
        if not self.week and not self.days:
            return start + worked
        left = worked
        for begin, end in self._spans(start):
            begin = max(begin, start)
            if end - begin >= left:
                return begin + left
            left -= max(end - begin, timedelta())
        return start + worked

    def _spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        first = start.astimezone(self.zone).date()
        for offset in range(FARTHEST):
            day = first + timedelta(days=offset)
            for span in self._of(day):
                begin, end = span.on(day, self.zone)
                if end > start:
                    yield begin, end

    def _of(self, day: date) -> tuple[Span, ...]:
        usual = self.week.get(day.weekday(), ()) if self.week else (Span(time(), time()),)
        return self.days.get(day, usual)


def _week(text: str) -> dict[int, tuple[Span, ...]]:
    hours: dict[int, tuple[Span, ...]] = {}
    for item in _items(text):
        days, _, span = item.partition(" ")
        first, _, last = days.partition("-")
        try:
            begin, end = WEEKDAYS.index(first.lower()), WEEKDAYS.index((last or first).lower())
        except ValueError:
            raise BadHours(item) from None
        if end < begin:
            raise BadHours(item)
        for day in range(begin, end + 1):
            hours[day] = _sorted((*hours.get(day, ()), Span.parse(span.strip())))
    return hours


def _days(text: str) -> dict[date, tuple[Span, ...]]:
    hours: dict[date, tuple[Span, ...]] = {}
    for item in _items(text):
        day, _, span = item.partition(" ")
        try:
            at = date.fromisoformat(day)
        except ValueError:
            raise BadHours(item) from None
        hours[at] = _sorted((*hours.get(at, ()), Span.parse(span.strip()))) if span.strip() else ()
    return hours


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _sorted(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """By their start. Raises BadHours where two overlap: their time would count twice."""
    ordered = tuple(sorted(spans, key=lambda span: span.start))
    for earlier, later in pairwise(ordered):
        if earlier.end == time() or later.start < earlier.end:
            raise BadHours("two spans overlap")
    return ordered
