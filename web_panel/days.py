"""Days of the company as moments. `field` is the parameter that named the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from web_panel.errors import Invalid

FIRST, LAST = date(1900, 1, 1), date(9998, 12, 31)  # with room for any zone and any sum of hours


def begin_of(field: str, day: date, zone: tzinfo) -> datetime:
    """The midnight with which the day begins, in UTC. Raises Invalid."""
    if not FIRST <= day <= LAST:
        raise Invalid(field)
    return datetime.combine(day, time(), zone).astimezone(UTC)


def end_of(field: str, day: date, zone: tzinfo) -> datetime:
    """The midnight with which the next day begins. Raises Invalid."""
    if not FIRST <= day < LAST:
        raise Invalid(field)
    return begin_of(field, day + timedelta(days=1), zone)
