"""Calls that make contacts good: what reaches a party closes what is owed to it, what does not is counted.

Answer to a missed call and Callback are told apart here and in `events.telephony` (O-01): the first reaches a party
whose missed call is open, the second one that asked to be called, or whose call was planned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec

from crm_core.database import Connection
from crm_core.events import telephony as events
from crm_core.events.telephony import Reached
from crm_core.follow_ups.reading import publish

# Each is closed by the first call that reached its party after the last one that was missed: what is told later, by a
# person or another telephony server, may have been earlier. The number that was missed is the party's too, even when
# others share it by now.
CLOSE = """
    WITH reached AS (
        SELECT k.key, r.*
          FROM jsonb_to_recordset($1::jsonb) AS r (
                   call_id uuid, event_id uuid, party_keys text[], at timestamptz, extension text, user_id uuid,
                   outbound boolean),
               unnest(r.party_keys) AS k (key)
    ), first AS (
        SELECT DISTINCT ON (owed.id) owed.id, r.at, r.extension, r.call_id, r.user_id, r.event_id, r.outbound
          FROM reached r, LATERAL (
              SELECT t.id, t.last_missed_at, t.opened_at FROM task t
               WHERE t.kind = 'follow_up' AND t.closed_at IS NULL AND t.party_key = r.key
              UNION ALL
              SELECT t.id, t.last_missed_at, t.opened_at FROM task t
               WHERE t.kind = 'follow_up' AND t.closed_at IS NULL AND t.e164 = r.key) owed
         WHERE coalesce(owed.last_missed_at, owed.opened_at) <= r.at
         ORDER BY owed.id, r.at, r.call_id
    )
    UPDATE task t
       SET closed_at = first.at, status = 'done', result = 'answered', closed_by_call = first.call_id,
           first_attempt_at = coalesce(t.first_attempt_at, CASE WHEN first.outbound THEN first.at END),
           closed_by = coalesce(first.user_id, (SELECT d.user_id FROM device d WHERE d.number = first.extension))
      FROM first
     WHERE t.id = first.id AND t.closed_at IS NULL
    RETURNING t.id, t.asked, first.event_id
"""


async def reached(conn: Connection, reached: Sequence[Reached]) -> None:
    """These parties were reached: they called and were answered, or were called (O-03). Keeps who, when and by which
    call, and what the Event of that call is."""
    if not reached:
        return
    rows = await conn.fetch(CLOSE, msgspec.json.encode(reached).decode())
    await publish(conn, "follow_up.closed", [row["id"] for row in rows])
    asked = {row["event_id"] for row in rows if row["asked"]}
    await events.calls_answered(conn, [replace(each, asked=each.event_id in asked) for each in reached])


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A call back that did not reach the party; `follow_up`: whose button placed it."""

    follow_up: UUID | None
    party_keys: Sequence[str]
    at: datetime
    outcome: str


COUNT = """
    WITH tried AS (
        SELECT t.id, count(*) AS times, min(a.at) AS first, max(a.at) AS at,
               (array_agg(a.outcome ORDER BY a.at DESC))[1] AS outcome
          FROM jsonb_to_recordset($1::jsonb) AS a (follow_up uuid, party_keys text[], at timestamptz, outcome text)
          JOIN task t ON t.kind = 'follow_up' AND t.closed_at IS NULL
                     AND (t.id = a.follow_up OR t.party_key = ANY(a.party_keys) OR t.e164 = ANY(a.party_keys))
         GROUP BY t.id
    )
    UPDATE task t
       SET attempts = t.attempts + tried.times, first_attempt_at = coalesce(t.first_attempt_at, tried.first),
           last_attempt_at = tried.at, last_attempt = tried.outcome
      FROM tried WHERE t.id = tried.id
    RETURNING t.id
"""


async def not_reached(conn: Connection, attempts: Sequence[Attempt]) -> None:
    """They stay owed; whoever looks at them sees how often and with what outcome it was tried."""
    if attempts:
        rows = await conn.fetch(COUNT, msgspec.json.encode(attempts).decode())
        await publish(conn, "follow_up.changed", [row["id"] for row in rows])


PARTIES = "SELECT id, party_key FROM task WHERE id = ANY($1::uuid[]) AND kind = 'follow_up'"


async def parties_of(conn: Connection, follow_ups: Sequence[UUID]) -> Mapping[UUID | None, str]:
    """To whom these follow-ups are owed."""
    if not follow_ups:
        return {}
    return {row["id"]: row["party_key"] for row in await conn.fetch(PARTIES, list(follow_ups))}
