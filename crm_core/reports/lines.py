"""Waiting lines in figures. Every figure is a count or a measure of waits, and every count answers "which calls?".

The condition of a count stands here once: the report filters by it, the list of its calls selects by it. A wait belongs
to the interval in which it began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.reports.service_level import Counts, ServiceLevels, service_levels, share

LONGEST_PERIOD = timedelta(days=366)
MOST_CALLS = 1_000  # of a list


class Count(StrEnum):
    OFFERED = "offered"
    ANSWERED = "answered"
    ANSWERED_IN_TIME = "answered_in_time"
    ABANDONED = "abandoned"
    ABANDONED_IN_TIME = "abandoned_in_time"
    SHORT_ABANDONED = "short_abandoned"
    LEFT_OTHERWISE = "left_otherwise"
    WAITING = "waiting"


# $4: the threshold, $5: what counts as giving up at once; seconds.
WAITED = "extract(epoch FROM v.left_at - v.joined_at)"
GAVE_UP = "v.reason IN ('abandoned', 'short_abandoned')"
CONDITIONS: Mapping[Count, str] = MappingProxyType(
    {
        Count.OFFERED: "true",
        Count.ANSWERED: "v.reason = 'answered'",
        Count.ANSWERED_IN_TIME: f"v.reason = 'answered' AND {WAITED} <= $4",
        Count.ABANDONED: GAVE_UP,
        Count.ABANDONED_IN_TIME: f"{GAVE_UP} AND {WAITED} <= $4",
        Count.SHORT_ABANDONED: f"{GAVE_UP} AND {WAITED} <= least($5, $4)",
        Count.LEFT_OTHERWISE: f"v.reason IS NOT NULL AND v.reason <> 'answered' AND NOT {GAVE_UP}",
        Count.WAITING: "v.left_at IS NULL",
    }
)


class PeriodTooLong(Exception):
    """A report covers at most 366 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Waits that began from `since` on and before `until`; seconds."""

    since: datetime
    until: datetime
    line: str | None = None  # all
    threshold: float = 20.0
    short: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFigures:
    """Seconds; None where there is nothing to measure. Answer time is from joining the line to the answer, ringing
    included. `abandonment` leaves out those who gave up at once, `abandonment_plain` does not."""

    line: str
    counts: Mapping[str, int]
    service_level: ServiceLevels
    threshold: float
    short: float
    answer_mean: float | None
    answer_median: float | None
    answer_p90: float | None
    answer_p95: float | None
    abandon_mean: float | None
    longest_wait: float | None  # of all, those who wait now too
    abandonment: float | None
    abandonment_plain: float | None


OF_PERIOD = """
      FROM line_visit v
     WHERE v.joined_at >= $1 AND v.joined_at < $2 AND ($3::text IS NULL OR v.line = $3)
"""
ANSWERED = f"FILTER (WHERE {CONDITIONS[Count.ANSWERED]})"
LINES = (
    "SELECT v.line, "
    + ", ".join(f"count(*) FILTER (WHERE {condition}) AS {count}" for count, condition in CONDITIONS.items())
    + f""",
           (avg({WAITED}) {ANSWERED})::double precision AS answer_mean,
           percentile_cont(ARRAY[0.5, 0.9, 0.95]) WITHIN GROUP (ORDER BY {WAITED}::double precision) {ANSWERED}
               AS answer_shares,
           (avg({WAITED}) FILTER (WHERE {GAVE_UP}))::double precision AS abandon_mean,
           max(extract(epoch FROM coalesce(v.left_at, $6) - v.joined_at))::double precision AS longest_wait
"""
    + OF_PERIOD
    + " GROUP BY v.line ORDER BY v.line"
)


async def lines(conn: Connection, user: User, asked: Asked, *, now: datetime) -> list[LineFigures]:
    """The figures of each line that anybody waited in. Raises Forbidden, PeriodTooLong."""
    require(user, Right.SUPERVISE)
    _bounded(asked)
    rows = await conn.fetch(LINES, asked.since, asked.until, asked.line, asked.threshold, asked.short, now)
    return [_figures(dict(row), asked) for row in rows]


def _figures(row: dict[str, object], asked: Asked) -> LineFigures:
    counts: dict[str, int] = {count.value: row[count.value] for count in Count}  # type: ignore[misc]  # count(*)
    shares: Sequence[float | None] = row["answer_shares"] or (None, None, None)  # type: ignore[assignment]
    offered, short = counts["offered"], counts["short_abandoned"]
    return LineFigures(
        line=str(row["line"]),
        counts=counts,
        service_level=service_levels(
            Counts(
                answered=counts["answered"],
                answered_in_time=counts["answered_in_time"],
                abandoned=counts["abandoned"],
                abandoned_in_time=counts["abandoned_in_time"],
                short_abandoned=short,
            )
        ),
        threshold=asked.threshold,
        short=asked.short,
        answer_mean=row["answer_mean"],  # type: ignore[arg-type]  # double precision or NULL, these three
        answer_median=shares[0],
        answer_p90=shares[1],
        answer_p95=shares[2],
        abandon_mean=row["abandon_mean"],  # type: ignore[arg-type]
        longest_wait=row["longest_wait"],  # type: ignore[arg-type]
        abandonment=share(counts["abandoned"] - short, offered - short),
        abandonment_plain=share(counts["abandoned"], offered),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LineVisit:
    call_id: UUID
    line: str
    joined_at: datetime
    left_at: datetime | None
    reason: str | None
    extension: str | None


VISITS = "SELECT v.call_id, v.line, v.joined_at, v.left_at, v.reason, v.extension" + OF_PERIOD
BOUND = " AND $4::double precision IS NOT NULL AND $5::double precision IS NOT NULL"  # not each condition names them
IN_ORDER = " ORDER BY v.joined_at, v.call_id LIMIT $6"


async def which(conn: Connection, user: User, asked: Asked, count: Count) -> list[LineVisit]:
    """The waits that a count counts, the earliest first, at most 1000. Raises Forbidden, PeriodTooLong."""
    require(user, Right.SUPERVISE)
    _bounded(asked)
    statement = VISITS + BOUND + " AND " + CONDITIONS[count] + IN_ORDER
    rows = await conn.fetch(statement, asked.since, asked.until, asked.line, asked.threshold, asked.short, MOST_CALLS)
    return [LineVisit(**dict(row)) for row in rows]


def _bounded(asked: Asked) -> None:
    if asked.until - asked.since > LONGEST_PERIOD:
        raise PeriodTooLong
