"""What agents did, in figures. Every count answers "which calls?".

A call counts where its segment, or its offer, began; seconds of a state count where they passed. Two calls at once are
handled in the same seconds: handling time adds up over calls, the time of being busy does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.reports.intervals import Interval
from crm_core.reports.lines import MOST_CALLS, PeriodTooLong

LONGEST_PERIOD = timedelta(days=93)


class AgentCount(StrEnum):
    OFFERED = "offered"
    NOT_TAKEN = "not_taken"
    HANDLED = "handled"
    FROM_LINES = "from_lines"
    MADE = "made"


class Counted(NamedTuple):
    rows: str  # where they are, as a table expression of `WORK`
    condition: str


SEGMENTS, OFFERS = "segments", "offers"
COUNTED: Mapping[AgentCount, Counted] = MappingProxyType(
    {
        AgentCount.OFFERED: Counted(OFFERS, "true"),
        AgentCount.NOT_TAKEN: Counted(OFFERS, "w.reason IN ('no_answer', 'rejected', 'busy', 'unreachable', 'failed')"),
        AgentCount.HANDLED: Counted(SEGMENTS, "true"),
        AgentCount.FROM_LINES: Counted(SEGMENTS, "w.wait_seconds IS NOT NULL"),
        AgentCount.MADE: Counted(SEGMENTS, "w.direction = 'outbound'"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFigures:
    """Seconds; None where there is nothing to measure. `talk`, `hold`, `wrap_up` and `ring` are of the calls counted.
    The others are parts of the period: `signed_in`, `paused` by reason, `busy` in calls, in wrap-up or at the window,
    `idle`: ready or on demand and not busy."""

    user_id: UUID
    name: str
    counts: Mapping[str, int]
    talk: float
    hold: float
    wrap_up: float
    ring: float
    handling_mean: float | None  # (talk + hold + wrap-up) / handled: AHT
    signed_in: float
    busy: float
    idle: float
    paused: Mapping[str, float]
    occupancy: float | None  # busy / (busy + idle)
    pause_share: float | None  # paused / signed in


# $1, $2: the period; $3: now; $4: one user, or all.
WORK = """
    WITH segments AS (
        SELECT s.id, s.call_id, s.user_id, s.extension, s.started_at, s.ended_at, s.wait_seconds, s.held_seconds,
               call.direction, 'answered' AS reason, after.seconds AS wrap_up_seconds
          FROM segment s JOIN call ON call.id = s.call_id
          LEFT JOIN LATERAL (
              SELECT extract(epoch FROM least(w.ends_at, greatest(w.began_at, $3)) - w.began_at)::double precision
                         AS seconds
                FROM wrap_up w
               WHERE w.item_id = s.call_id AND w.extension = s.extension AND w.began_at >= s.started_at
                 AND NOT EXISTS (SELECT FROM segment later
                                  WHERE later.call_id = s.call_id AND later.extension = s.extension
                                    AND later.started_at > s.started_at AND later.started_at <= w.began_at)
               ORDER BY w.began_at LIMIT 1
          ) after ON true
         WHERE s.started_at >= $1 AND s.started_at < $2 AND s.user_id = coalesce($4, s.user_id)
    ), offers AS (
        SELECT o.leg, o.call_id, o.user_id, o.extension, o.offered_at AS started_at,
               coalesce(o.ended_at, s.started_at, call.ended_at) AS ended_at,
               coalesce(o.reason, CASE WHEN s.id IS NOT NULL THEN 'answered'
                                       WHEN call.ended_at IS NOT NULL THEN 'interrupted' ELSE '' END) AS reason
          FROM offer o JOIN call ON call.id = o.call_id
          LEFT JOIN segment s ON s.call_id = o.call_id AND s.leg = o.leg
         WHERE o.offered_at >= $1 AND o.offered_at < $2 AND o.user_id = coalesce($4, o.user_id)
    )
"""
TIMES = """
    , bounds AS (SELECT tstzrange($1, greatest($1, least($2, $3))) AS period
    ), spans AS (
        SELECT s.user_id, 'busy' AS state, '' AS reason, s.started_at AS since,
               coalesce(s.ended_at, $3) AS until
          FROM segment s
         WHERE s.started_at >= $1 - interval '1 day' AND s.started_at < $2 AND s.user_id = coalesce($4, s.user_id)
        UNION ALL
        SELECT w.user_id, 'busy', '', w.began_at, least(w.ends_at, $3) FROM wrap_up w
         WHERE w.began_at >= $1 - interval '1 day' AND w.began_at < $2 AND w.user_id = coalesce($4, w.user_id)
        UNION ALL
        SELECT t.called_by, 'busy', '', t.called_at, coalesce(t.served_at, $3) FROM ticket t
         WHERE t.called_at >= $1 - interval '1 day' AND t.called_at < $2 AND t.called_by = coalesce($4, t.called_by)
        UNION ALL
        SELECT u.id, said.will, said.reason, said.at, coalesce(said.until, $3)
          FROM app_user u, LATERAL (
              SELECT d.will, d.reason, d.at, lead(d.at) OVER (ORDER BY d.at, d.fact_id) AS until
                FROM agent_declaration d
               WHERE d.user_id = u.id AND d.at < $2 AND d.at >= coalesce(
                     (SELECT max(b.at) FROM agent_declaration b WHERE b.user_id = u.id AND b.at <= $1), $1)
          ) said
         WHERE u.id = coalesce($4, u.id) AND said.will <> 'signed_out'
    ), within AS (
        SELECT user_id, state, reason, tstzrange(since, greatest(since, until)) * period AS span FROM spans, bounds
    ), states AS (
        SELECT user_id,
               coalesce(range_agg(span) FILTER (WHERE state = 'busy'), '{{}}') AS busy,
               coalesce(range_agg(span) FILTER (WHERE state IN ('ready', 'on_demand')), '{{}}') AS willing,
               coalesce(range_agg(span) FILTER (WHERE state <> 'busy'), '{{}}') AS signed_in
          FROM within WHERE NOT isempty(span) GROUP BY user_id
    ), paused AS (
        SELECT user_id, jsonb_object_agg(reason, seconds) AS reasons FROM (
            SELECT user_id, reason, sum(extract(epoch FROM upper(span) - lower(span)))::double precision AS seconds
              FROM within WHERE state = 'paused' AND NOT isempty(span) GROUP BY user_id, reason
        ) each_reason GROUP BY user_id
    ), segments_counts AS (
        SELECT w.user_id, {segment_counts},
               sum(w.held_seconds) AS hold, sum(coalesce(w.wrap_up_seconds, 0)) AS wrap_up,
               sum(greatest(0, extract(epoch FROM coalesce(w.ended_at, $3) - w.started_at) - w.held_seconds)
                  )::double precision AS talk
          FROM segments w GROUP BY w.user_id
    ), offers_counts AS (
        SELECT w.user_id, {offer_counts},
               sum(greatest(0, extract(epoch FROM coalesce(w.ended_at, $3) - w.started_at)))::double precision AS ring
          FROM offers w GROUP BY w.user_id
    )
    SELECT u.id AS user_id, u.full_name AS name, {counts},
           coalesce(segments_counts.talk, 0) AS talk, coalesce(segments_counts.hold, 0) AS hold,
           coalesce(segments_counts.wrap_up, 0) AS wrap_up,
           coalesce(offers_counts.ring, 0) AS ring,
           {signed_in} AS signed_in, {busy} AS busy, {idle} AS idle, coalesce(p.reasons, '{{}}') AS paused
      FROM app_user u
      LEFT JOIN segments_counts ON segments_counts.user_id = u.id
      LEFT JOIN offers_counts ON offers_counts.user_id = u.id
      LEFT JOIN states ON states.user_id = u.id LEFT JOIN paused p ON p.user_id = u.id
     WHERE coalesce(segments_counts.user_id, offers_counts.user_id, states.user_id) IS NOT NULL
     ORDER BY u.full_name, u.id
"""


def _counts(rows: str) -> str:
    own = {count: each.condition for count, each in COUNTED.items() if each.rows == rows}
    return ", ".join(f"count(*) FILTER (WHERE {condition}) AS {count}" for count, condition in own.items())


def _length(spans: str) -> str:
    each = f"SELECT sum(extract(epoch FROM upper(r) - lower(r))) FROM unnest({spans}) r"
    return f"coalesce(({each}), 0)::double precision"


FIGURES = WORK + TIMES.format(
    segment_counts=_counts(SEGMENTS),
    offer_counts=_counts(OFFERS),
    counts=", ".join(f"coalesce({each.rows}_counts.{count}, 0) AS {count}" for count, each in COUNTED.items()),
    signed_in=_length("states.signed_in"),
    busy=_length("states.busy"),
    idle=_length("states.willing - states.busy"),
)


async def agents(
    conn: Connection, user: User, period: Interval, *, now: datetime, only: UUID | None = None
) -> list[AgentFigures]:
    """By name, whoever worked or was signed in; `only` that user. Raises Forbidden, PeriodTooLong (93 days)."""
    _may_ask(user, period)
    rows = await conn.fetch(FIGURES, period.since, period.until, now, only)
    return [_figures(dict(row)) for row in rows]


def _figures(row: dict[str, Any]) -> AgentFigures:
    counts = {count.value: row.pop(count) for count in AgentCount}
    paused: dict[str, float] = msgspec.json.decode(row.pop("paused"))
    return AgentFigures(
        **row,
        counts=counts,
        paused=paused,
        handling_mean=_share(row["talk"] + row["hold"] + row["wrap_up"], counts["handled"]),
        occupancy=_share(row["busy"], row["busy"] + row["idle"]),
        pause_share=_share(sum(paused.values()), row["signed_in"]),
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCall:
    """A segment, or an offer with what came of it; `ended_at` None: still, and the `reason` of an offer is empty.
    What rang when the server died was `interrupted`. `phone`, `event_id`: as of a wait."""

    call_id: UUID
    event_id: UUID | None
    phone: str
    user_id: UUID
    extension: str
    started_at: datetime
    ended_at: datetime | None
    reason: str


LIST = """
    SELECT w.call_id, event.id AS event_id, coalesce(event.e164, event.phone, '') AS phone, w.user_id, w.extension,
           w.started_at, w.ended_at, w.reason
      FROM {rows} w LEFT JOIN event ON event.call_id = w.call_id
     WHERE {condition} AND $3::timestamptz IS NOT NULL
     ORDER BY w.started_at, w.call_id LIMIT $5
"""


async def agent_calls(
    conn: Connection, user: User, period: Interval, count: AgentCount, *, now: datetime, only: UUID | None = None
) -> list[AgentCall]:
    """What a count counts, the earliest first, at most 1000. Raises Forbidden, PeriodTooLong."""
    _may_ask(user, period)
    counted = COUNTED[count]
    statement = WORK + LIST.format(rows=counted.rows, condition=counted.condition)
    rows = await conn.fetch(statement, period.since, period.until, now, only, MOST_CALLS)
    return [AgentCall(**dict(row)) for row in rows]


def _may_ask(user: User, period: Interval) -> None:
    require(user, Right.SUPERVISE)
    if period.until - period.since > LONGEST_PERIOD:
        raise PeriodTooLong
