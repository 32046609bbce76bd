"""Rows of the documented form, a view or a CSV file with these columns, to calls. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from callflow.facts import Direction, Outcome
from crm_core.outside_pbx.calls import BadRecord, Flaw, OutsideCall

COLUMNS = ("key", "direction", "number", "extension", "line", "started_at", "answered_at", "ended_at")
STARTED = "started_at"
LONGEST = 200  # characters of a key or a number
YEARS = range(1970, 9000)  # beyond, the arithmetic of dates ends


def moment(text: str, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    """ISO 8601, to UTC; without an offset it is local time in `zone`. `fold`: 1 for the second pass of the hour that
    comes twice a year. Raises BadRecord."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadRecord(Flaw.NO_TIME, text) from None
    if at.year not in YEARS:
        raise BadRecord(Flaw.NO_TIME, text)
    # In UTC: with a zone of its own a time is compared and counted on as a clock on the wall shows it.
    return (at if at.tzinfo else at.replace(tzinfo=zone, fold=fold)).astimezone(UTC)


def call_of(row: Mapping[str, str], zone: ZoneInfo) -> OutsideCall | None:
    """None while it goes on: it has no `ended_at` yet. Raises BadRecord."""
    key, direction, answered = row.get("key", ""), row.get("direction", ""), row.get("answered_at", "")
    if not key or len(key) > LONGEST:
        raise BadRecord(Flaw.NO_KEY, key)
    if direction not in ("inbound", "outbound"):
        raise BadRecord(Flaw.NO_DIRECTION, direction)
    started_at = moment(row.get("started_at", ""), zone)
    if not row.get("ended_at"):
        return None
    answered_at, ended_at = moment(answered, zone) if answered else None, moment(row["ended_at"], zone)
    if not started_at <= (answered_at or started_at) <= ended_at:
        raise BadRecord(Flaw.BACKWARDS, row["ended_at"])
    return OutsideCall(
        key=key,
        direction=Direction(direction),
        number=row.get("number", "")[:LONGEST],
        extension=row.get("extension", "")[:LONGEST],
        line=row.get("line", "")[:LONGEST],
        started_at=started_at,
        answered_at=answered_at,
        ended_at=ended_at,
        outcome=Outcome.ANSWERED if answered_at else Outcome.NO_ANSWER,
    )
