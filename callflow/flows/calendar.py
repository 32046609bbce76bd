"""Opening hours: a week with parts of days, holidays, dates with hours of their own. Pure; read in local time.

A dated day stands above a holiday, and that above the week. A span ends before its end; 24:00 is midnight; one over
midnight is two, of two days.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Span = Annotated[str, Meta(pattern="^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$")]
Spans = Annotated[list[Span], Meta(max_length=20)]
Holiday = Annotated[str, Meta(pattern="^([0-9]{4}-)?[0-9]{2}-[0-9]{2}$")]
Day = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
MIDNIGHT = 24 * 60
FARTHEST = 366  # days that are looked through for the next opening


class Open(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"


class Calendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    time_zone: Annotated[str, Meta(max_length=64)] = ""  # "": the flow's
    week: dict[Weekday, Spans] = {}
    holidays: Annotated[list[Holiday], Meta(max_length=400)] = []  # MM-DD of every year, or a date
    days: Annotated[dict[Day, Spans], Meta(max_length=400)] = {}  # dates with hours of their own; none: closed

    def at(self, now: datetime, zone: tzinfo) -> Open:
        """`now` is aware; `zone` is read where the calendar names none."""
        local = now.astimezone(self._zone(zone))
        minute, spans = local.hour * 60 + local.minute, self._spans(local.date())
        if spans is None:
            return Open.HOLIDAY
        return Open.OPEN if any(start <= minute < end for start, end in map(_minutes, spans)) else Open.CLOSED

    def next_open(self, now: datetime, zone: tzinfo) -> datetime | None:
        """`now` itself when it is open, else the first moment at which it opens; None: not within a year."""
        if self.at(now, zone) is Open.OPEN:
            return now
        zone = self._zone(zone)
        today = now.astimezone(zone).date()
        for offset in range(FARTHEST):
            day = today + timedelta(days=offset)
            midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
            for start in sorted(_minutes(span)[0] for span in self._spans(day) or ()):
                at = midnight.replace(hour=start // 60, minute=start % 60).astimezone(UTC)
                if at > now:
                    return at
        return None

    def _spans(self, day: date) -> list[Span] | None:
        """None: a holiday."""
        text = day.isoformat()
        if text in self.days:
            return self.days[text]
        if text in self.holidays or text[5:] in self.holidays:
            return None
        return self.week.get(WEEKDAYS[day.weekday()], [])

    def _zone(self, zone: tzinfo) -> tzinfo:
        return ZoneInfo(self.time_zone) if self.time_zone else zone

    @property
    def opens(self) -> bool:
        """Ever."""
        return any(self.week.values()) or any(self.days.values())

    def faults(self) -> Iterator[str]:
        """What in it is no time, no date, no zone, or said twice."""
        if self.time_zone and not is_zone(self.time_zone):
            yield self.time_zone
        for spans in (*self.week.values(), *self.days.values()):
            yield from _faulty(spans)
        for day in (*self.days, *self.holidays):
            if not _is_date(day if len(day) == 10 else f"2024-{day}"):  # a leap year: 29 February is a holiday too
                yield day


def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a strange path, a folder, not found
        return False
    return True


def _faulty(spans: list[Span]) -> Iterator[str]:
    good = []
    for span in spans:
        hours = [int(part) for part in re.split("[:-]", span)]
        start, end = _minutes(span)
        if hours[1] > 59 or hours[3] > 59 or not start < end <= MIDNIGHT:
            yield span
        else:
            good.append((start, end, span))
    for (_, end, _), (start, _, span) in pairwise(sorted(good)):
        if start < end:
            yield span


def _minutes(span: str) -> tuple[int, int]:
    start_hour, start_minute, end_hour, end_minute = map(int, re.split("[:-]", span))
    return start_hour * 60 + start_minute, end_hour * 60 + end_minute


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
