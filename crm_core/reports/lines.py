"""Waiting lines in figures. Every figure is a count or a measure of waits, and every count answers "which calls?".

The condition of a count stands here once: the report filters by it, the list of its calls selects by it. A wait belongs
to the interval in which it began, or to that in which it was answered: as one asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from callflow.line_facts import LineEnd
from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.reports.intervals import Interval
from crm_core.reports.service_level import Counts, ServiceLevels, service_levels, share

LONGEST_PERIOD = timedelta(days=366)
MOST_INTERVALS = 3_000  # of a report
MOST_CALLS = 1_000  # of a list


class By(StrEnum):
    """Which moment of a wait says where it counts."""

    ARRIVAL = "arrival"
    ANSWER = "answer"  # who was not answered counts nowhere then


class Count(StrEnum):
    OFFERED = "offered"
    ANSWERED = "answered"
    ANSWERED_IN_TIME = "answered_in_time"
    ABANDONED = "abandoned"
    ABANDONED_IN_TIME = "abandoned_in_time"
    SHORT_ABANDONED = "short_abandoned"
    LEFT_OTHERWISE = "left_otherwise"
    CALLBACK = "callback"
    CALLBACK_KEPT = "callback_kept"
    CALLBACK_BROKEN = "callback_broken"
    WAITING = "waiting"
    REPEATED = "repeated"


# $4: the threshold, $5: what counts as giving up at once; seconds.
WAITED = "extract(epoch FROM v.left_at - v.joined_at)"
PROMISE = "v.reason = 'callback' AND EXISTS (SELECT FROM callback c WHERE c.call_id = v.call_id AND c.{} IS NOT NULL)"
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
        Count.CALLBACK: "v.reason = 'callback'",
        Count.CALLBACK_KEPT: PROMISE.format("kept_by"),
        Count.CALLBACK_BROKEN: PROMISE.format("broken"),
        Count.WAITING: "v.left_at IS NULL",
        Count.REPEATED: "v.first_call <> v.call_id",
    }
)
ENDS = tuple(end for end in LineEnd if end not in (LineEnd.ANSWERED, LineEnd.ABANDONED, LineEnd.SHORT_ABANDONED))


class PeriodTooLong(Exception):
    """A report covers at most 366 days and 3000 intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Waits of these intervals, which do not overlap. `threshold`, `short`: seconds, short <= threshold."""

    intervals: Sequence[Interval]
    by: By = By.ARRIVAL
    line: str | None = None  # all
    threshold: float = 20.0
    short: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFigures:
    """Seconds; None where there is nothing to measure. Answer time is from joining the line to the answer, ringing
    included; a median and the like is the wait of one of them, none is estimated. `left`: how many of `left_otherwise`
    left for which reason. `abandonment` leaves out those who gave up at once, `abandonment_plain` does not."""

    line: str
    since: datetime
    until: datetime
    counts: Mapping[str, int]
    left: Mapping[str, int]
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


# $1, $2: the intervals' beginnings and ends. Who comes again has called in the same interval and line before; a
# withheld number is somebody else's each time. A party that is called back before an agent waits, but did not come.
VISITS = """
    WITH interval AS (
        SELECT s.since, s.until FROM unnest($1::timestamptz[], $2::timestamptz[]) AS s (since, until)
    ), v AS (
        SELECT v.*, interval.since, interval.until,
               first_value(v.call_id) OVER (PARTITION BY interval.since, v.line,
                   coalesce(call.party_keys[1], v.call_id::text) ORDER BY v.joined_at, v.call_id) AS first_call
          FROM interval JOIN line_visit v ON {moment} LEFT JOIN call ON call.id = v.call_id
         WHERE ($3::text IS NULL OR v.line = $3) AND call.direction IS DISTINCT FROM 'outbound'
    )
"""
MOMENTS: Mapping[By, str] = MappingProxyType(
    {
        By.ARRIVAL: "v.joined_at >= interval.since AND v.joined_at < interval.until",
        By.ANSWER: "v.reason = 'answered' AND v.left_at >= interval.since AND v.left_at < interval.until",
    }
)
ANSWERED = f"FILTER (WHERE {CONDITIONS[Count.ANSWERED]})"
FIGURES = (
    "SELECT v.line, v.since, v.until, "
    + ", ".join(f"count(*) FILTER (WHERE {condition}) AS {count}" for count, condition in CONDITIONS.items())
    + f""",
           (avg({WAITED}) {ANSWERED})::double precision AS answer_mean,
           percentile_disc(ARRAY[0.5, 0.9, 0.95]) WITHIN GROUP (ORDER BY {WAITED}::double precision) {ANSWERED}
               AS answer_shares,
           (avg({WAITED}) FILTER (WHERE {GAVE_UP}))::double precision AS abandon_mean,
           max(extract(epoch FROM coalesce(v.left_at, $6) - v.joined_at))::double precision AS longest_wait,
           ARRAY[{", ".join(f"count(*) FILTER (WHERE v.reason = '{end}')" for end in ENDS)}] AS left_for
      FROM v GROUP BY v.line, v.since, v.until ORDER BY v.line, v.since
"""
)


async def lines(conn: Connection, user: User, asked: Asked, *, now: datetime) -> list[LineFigures]:
    """The figures of each line and interval in which anybody waited. Raises Forbidden, PeriodTooLong."""
    require(user, Right.SUPERVISE)
    _bounded(asked)
    rows = await conn.fetch(VISITS.format(moment=MOMENTS[asked.by]) + FIGURES, *_given(asked), now)
    return [_figures(dict(row), asked) for row in rows]


def _figures(row: dict[str, object], asked: Asked) -> LineFigures:
    counts: dict[str, int] = {count.value: row[count.value] for count in Count}  # type: ignore[misc]  # count(*)
    shares: Sequence[float | None] = row["answer_shares"] or (None, None, None)  # type: ignore[assignment]
    offered, short = counts["offered"], counts["short_abandoned"]
    return LineFigures(
        line=str(row["line"]),
        since=row["since"],  # type: ignore[arg-type]  # timestamptz, both
        until=row["until"],  # type: ignore[arg-type]
        counts=counts,
        left={end.value: times for end, times in zip(ENDS, row["left_for"], strict=True)},  # type: ignore[call-overload]  # bigint[]
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
    """`phone`: E.164 where it is known, "": withheld. `event_id`: the call's event; None: it has none (yet)."""

    call_id: UUID
    event_id: UUID | None
    phone: str
    line: str
    joined_at: datetime
    left_at: datetime | None
    reason: str | None
    extension: str | None


# Not each condition names $4 and $5, and PostgreSQL wants to know of what type they are.
LIST = """
    SELECT v.call_id, event.id AS event_id, coalesce(event.e164, event.phone, '') AS phone, v.line, v.joined_at,
           v.left_at, v.reason, v.extension
      FROM v LEFT JOIN event ON event.call_id = v.call_id
     WHERE $4::double precision IS NOT NULL AND $5::double precision IS NOT NULL AND """
IN_ORDER = " ORDER BY v.joined_at, v.call_id LIMIT $6"


async def which(conn: Connection, user: User, asked: Asked, count: Count) -> list[LineVisit]:
    """The waits that a count counts, the earliest first, at most 1000. Raises Forbidden, PeriodTooLong."""
    require(user, Right.SUPERVISE)
    _bounded(asked)
    statement = VISITS.format(moment=MOMENTS[asked.by]) + LIST + CONDITIONS[count] + IN_ORDER
    rows = await conn.fetch(statement, *_given(asked), MOST_CALLS)
    return [LineVisit(**dict(row)) for row in rows]


def _given(asked: Asked) -> tuple[object, ...]:
    """$1 to $5 of a statement."""
    begins, ends = [each.since for each in asked.intervals], [each.until for each in asked.intervals]
    return begins, ends, asked.line, asked.threshold, asked.short


def _bounded(asked: Asked) -> None:
    if len(asked.intervals) > MOST_INTERVALS:
        raise PeriodTooLong
    if asked.intervals and asked.intervals[-1].until - asked.intervals[0].since > LONGEST_PERIOD:
        raise PeriodTooLong
