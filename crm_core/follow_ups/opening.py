"""Opened by a missed call, closed by a visit to the hall: without anybody's action (R-CALL-42..44). What calls close is
in `calls_back`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from crm_core.database import Connection
from crm_core.follow_ups.reading import publish
from crm_core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedContact:
    """A missed incoming call and whom it concerns."""

    call_id: UUID
    event_id: UUID
    party_keys: Sequence[str]  # the surest first
    rung: str | None  # the extension that rang last, or that was dialled though nothing rang
    line: str | None
    at: datetime


AGAIN = """
    UPDATE task t
       SET missed_count = t.missed_count + 1, last_missed_at = $3,
           phone = e.phone, e164 = e.e164, line = coalesce($4, t.line)
      FROM event e
     WHERE e.id = $2
       AND t.id = (SELECT o.id FROM task o
                    WHERE o.kind = 'follow_up' AND o.closed_at IS NULL
                      AND (o.party_key = ANY($1::text[]) OR o.e164 = ANY($1))
                    ORDER BY o.opened_at LIMIT 1)
    RETURNING t.id
"""
# Inherits the Event's requisites (R-CALL-43). Another writer may have opened one since we looked: then it counts there.
OPEN = """
    INSERT INTO task AS t (id, kind, event_id, event_type, project_id, client_id, contact_id, phone, e164,
                           display_name, assignee_id, starts_at, due_at, opened_at, party_key, line, call_id,
                           missed_count, last_missed_at)
    SELECT $1, 'follow_up', e.id, 'missed_incoming_call', e.project_id, e.client_id, e.contact_id, e.phone, e.e164,
           e.display_name,
           $3, e.started_at, $4, $5, $6, $7, e.call_id, 1, $5
      FROM event e
     WHERE e.id = $2
    ON CONFLICT (party_key) WHERE kind = 'follow_up' AND closed_at IS NULL
    DO UPDATE SET missed_count = t.missed_count + 1, last_missed_at = excluded.last_missed_at
    RETURNING t.id
"""
# One owner by rule, in the order that the settings give: who looks after the client; who was rung; the line's agent
# with the fewest open follow-ups; a named person. Then a supervisor, an administrator, at last the installation itself.
# Hall administrators call nobody back.
OWNER = """
    SELECT u.id
      FROM (SELECT c.owner_id AS user_id, array_position($4::text[], 'client') AS rule
              FROM event e JOIN client c ON c.id = e.client_id WHERE e.id = $1
            UNION ALL SELECT d.user_id, array_position($4, 'rung') FROM device d WHERE d.number = $2
            UNION ALL SELECT d.user_id, array_position($4, 'line')
                        FROM line_agent a JOIN device d ON d.number = a.extension
                       WHERE a.line_number = $3
            UNION ALL SELECT n.id, array_position($4, 'user:' || n.login) FROM app_user n
            UNION ALL SELECT s.id, 1001 FROM app_user s WHERE s.role = 'supervisor'
            UNION ALL SELECT a.id, CASE WHEN a.active THEN 1002 ELSE 1003 END FROM app_user a WHERE a.role = 'admin'
           ) candidate
      JOIN app_user u ON u.id = candidate.user_id
     WHERE candidate.rule IS NOT NULL AND u.role <> 'hall' AND (u.active OR u.login = '~dzvin')
     ORDER BY candidate.rule,
              (SELECT count(*) FROM task t WHERE t.assignee_id = u.id AND t.kind = 'follow_up' AND t.closed_at IS NULL),
              u.login
     LIMIT 1
"""


async def open_for_missed(conn: Connection, missed: MissedContact, settings: Settings) -> UUID:
    """Return the party's open follow-up: a new one, or the one that counts this call too (R-CALL-44)."""
    again: UUID | None = await conn.fetchval(AGAIN, list(missed.party_keys), missed.event_id, missed.at, missed.line)
    if again:
        await publish(conn, "follow_up.changed", [again])
        return again
    rules = settings.follow_up_assign.split(",")
    owner: UUID = await conn.fetchval(OWNER, missed.event_id, missed.rung, missed.line, rules)
    due_at = settings.working_time.after(missed.at, timedelta(minutes=settings.follow_up_due_minutes))
    new_id = uuid7()
    opened: UUID = await conn.fetchval(
        OPEN, new_id, missed.event_id, owner, due_at, missed.at, missed.party_keys[0], missed.line
    )
    await publish(conn, "follow_up.opened" if opened == new_id else "follow_up.changed", [opened])
    return opened


CLOSE_VISITED = """
    UPDATE task t
       SET closed_at = $2, status = 'done', result = 'visited', closed_by = $3
     WHERE t.kind = 'follow_up' AND t.closed_at IS NULL
       AND (t.party_key = ANY($1::text[]) OR t.e164 = ANY($1))
    RETURNING t.id
"""


async def close_visited(conn: Connection, keys: Sequence[str], *, at: datetime, user_id: UUID) -> None:
    """The party with these keys came to the hall and was served: nobody needs to call them back."""
    rows = await conn.fetch(CLOSE_VISITED, list(keys), at, user_id)
    await publish(conn, "follow_up.closed", [row["id"] for row in rows])
