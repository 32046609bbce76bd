"""Rows of the documented form, a view or a CSV file with these columns, to calls. Pure.

key, direction (inbound, outbound), number, extension, line, started_at, answered_at, ended_at
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from callflow.facts import Direction, Outcome
from crm_core.outside_pbx.calls import BadRecord, OutsideCall

LONGEST = 200  # characters of a key or a number
YEARS = range(1970, 9000)  # beyond, the arithmetic of dates ends


def moment(text: str, zone: ZoneInfo) -> datetime:
    """ISO 8601; without an offset it is local time in `zone`. Raises BadRecord."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadRecord(f"no time: {text[:40]!r}") from None
    if at.year not in YEARS:
        raise BadRecord(f"no time of a call: {text[:40]!r}")
    return at if at.tzinfo else at.replace(tzinfo=zone)


def call_of(row: Mapping[str, str], zone: ZoneInfo) -> OutsideCall:
    """Raises BadRecord."""
    key, direction, answered = row.get("key", ""), row.get("direction", ""), row.get("answered_at", "")
    if not key or len(key) > LONGEST or direction not in ("inbound", "outbound"):
        raise BadRecord(f"key {key[:40]!r}, direction {direction[:40]!r}")
    answered_at = moment(answered, zone) if answered else None
    started_at, ended_at = moment(row.get("started_at", ""), zone), moment(row.get("ended_at", ""), zone)
    if not started_at <= (answered_at or started_at) <= ended_at:
        raise BadRecord(f"{key}: it ended before it began")
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
