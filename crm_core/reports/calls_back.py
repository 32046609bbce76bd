"""How soon those who were missed were called back. Every count answers "which?".

A follow-up belongs to the interval in which it was opened. It is made good when the party was reached or came: by our
call, by theirs, at the window; whoever closes it by hand says why, and has reached nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.reports.intervals import Interval
from crm_core.reports.lines import LONGEST_PERIOD, MOST_CALLS, PeriodTooLong


class MissedCount(StrEnum):
    OPENED = "opened"
    TRIED = "tried"
    MADE_GOOD = "made_good"
    WITHIN_15_MINUTES = "within_15_minutes"
    WITHIN_60_MINUTES = "within_60_minutes"
    CLOSED_OTHERWISE = "closed_otherwise"
    OPEN = "open"
    OVERDUE = "overdue"


GOOD = "t.closed_at IS NOT NULL AND t.result IN ('answered', 'visited')"
CONDITIONS: Mapping[MissedCount, str] = MappingProxyType(
    {
        MissedCount.OPENED: "true",
        MissedCount.TRIED: "t.first_attempt_at IS NOT NULL",
        MissedCount.MADE_GOOD: GOOD,
        MissedCount.WITHIN_15_MINUTES: f"{GOOD} AND t.closed_at - t.opened_at <= interval '15 minutes'",
        MissedCount.WITHIN_60_MINUTES: f"{GOOD} AND t.closed_at - t.opened_at <= interval '60 minutes'",
        MissedCount.CLOSED_OTHERWISE: f"t.closed_at IS NOT NULL AND NOT ({GOOD})",
        MissedCount.OPEN: "t.closed_at IS NULL",
        MissedCount.OVERDUE: "t.closed_at IS NULL AND t.due_at < $4",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedFigures:
    """Of those missed in one line, or in none: `line` None. Seconds from being opened; None: there was none."""

    line: str | None
    counts: Mapping[str, int]
    first_try_median: float | None
    first_try_p90: float | None
    made_good_mean: float | None
    made_good_median: float | None
    made_good_p90: float | None
    share_within_15_minutes: float | None
    share_within_60_minutes: float | None


# $1, $2: the period; $3: a line, or all; $4: now.
OWED = """
      FROM task t
     WHERE t.kind = 'follow_up' AND t.missed_count > 0 AND t.opened_at >= $1 AND t.opened_at < $2
       AND ($3::text IS NULL OR t.line = $3)
"""
TRY, TOOK = "extract(epoch FROM t.first_attempt_at - t.opened_at)", "extract(epoch FROM t.closed_at - t.opened_at)"
FIGURES = (
    "SELECT t.line, "
    + ", ".join(f"count(*) FILTER (WHERE {condition}) AS {count}" for count, condition in CONDITIONS.items())
    + f""",
           percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY {TRY}::double precision) AS tries,
           (avg({TOOK}) FILTER (WHERE {GOOD}))::double precision AS made_good_mean,
           percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY {TOOK}::double precision)
               FILTER (WHERE {GOOD}) AS took
    """
    + OWED
    + " GROUP BY t.line ORDER BY t.line NULLS LAST"
)


async def missed(
    conn: Connection, user: User, period: Interval, *, now: datetime, line: str | None = None
) -> list[MissedFigures]:
    """Of each line in which anybody was missed. Raises Forbidden, PeriodTooLong."""
    _may_ask(user, period)
    rows = await conn.fetch(FIGURES, period.since, period.until, line, now)
    return [_figures(dict(row)) for row in rows]


def _figures(row: dict[str, Any]) -> MissedFigures:
    counts = {count.value: row[count] for count in MissedCount}
    first_try_median, first_try_p90 = row["tries"] or (None, None)
    made_good_median, made_good_p90 = row["took"] or (None, None)
    return MissedFigures(
        line=row["line"],
        counts=counts,
        first_try_median=first_try_median,
        first_try_p90=first_try_p90,
        made_good_mean=row["made_good_mean"],
        made_good_median=made_good_median,
        made_good_p90=made_good_p90,
        share_within_15_minutes=counts["within_15_minutes"] / counts["opened"],
        share_within_60_minutes=counts["within_60_minutes"] / counts["opened"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedContact:
    follow_up_id: UUID
    call_id: UUID | None  # the first missed call
    event_id: UUID | None  # of that call
    line: str | None
    phone: str
    opened_at: datetime
    first_attempt_at: datetime | None
    closed_at: datetime | None
    result: str


LIST = """SELECT t.id AS follow_up_id, t.call_id, t.event_id, t.line, t.phone, t.opened_at, t.first_attempt_at,
                 t.closed_at, t.result"""
IN_ORDER = " AND $4::timestamptz IS NOT NULL ORDER BY t.opened_at, t.id LIMIT $5"


async def missed_ones(
    conn: Connection, user: User, period: Interval, count: MissedCount, *, now: datetime, line: str | None = None
) -> list[MissedContact]:
    """What a count counts, the earliest first, at most 1000. Raises Forbidden, PeriodTooLong."""
    _may_ask(user, period)
    statement = LIST + OWED + f" AND {CONDITIONS[count]}" + IN_ORDER
    rows = await conn.fetch(statement, period.since, period.until, line, now, MOST_CALLS)
    return [MissedContact(**dict(row)) for row in rows]


def _may_ask(user: User, period: Interval) -> None:
    require(user, Right.SUPERVISE)
    if period.until - period.since > LONGEST_PERIOD:
        raise PeriodTooLong
