"""What a number was owed becomes its client's, once the number is known to be the client's alone."""

from __future__ import annotations

from uuid import UUID

from crm_core.database import Connection
from crm_core.follow_ups.reading import publish

# One party owes one: the number's own is counted in the client's where there is one, and is done with.
JOIN = """
    WITH own AS (
        SELECT * FROM task
         WHERE kind = 'follow_up' AND closed_at IS NULL AND party_key = $2
    ), kept AS (
        UPDATE task t
           SET missed_count = t.missed_count + own.missed_count,
               last_missed_at = greatest(t.last_missed_at, own.last_missed_at),
               opened_at = least(t.opened_at, own.opened_at), due_at = least(t.due_at, own.due_at),
               asked = t.asked OR own.asked, attempts = t.attempts + own.attempts,
               first_attempt_at = least(t.first_attempt_at, own.first_attempt_at),
               last_attempt_at = greatest(t.last_attempt_at, own.last_attempt_at),
               phone = CASE WHEN own.last_missed_at > t.last_missed_at THEN own.phone ELSE t.phone END,
               e164 = CASE WHEN own.last_missed_at > t.last_missed_at THEN own.e164 ELSE t.e164 END
          FROM own
         WHERE t.kind = 'follow_up' AND t.closed_at IS NULL AND t.party_key = 'client:' || $1::uuid
        RETURNING t.id
    ), told AS (
        UPDATE event e SET follow_up_id = kept.id FROM own, kept WHERE e.follow_up_id = own.id
    )
    UPDATE task t
       SET closed_at = now(), status = 'done', result = 'joined', missed_count = 0
      FROM own, kept
     WHERE t.id = own.id
    RETURNING t.id AS joined, kept.id AS kept
"""
TAKE_OVER = """
    UPDATE task SET client_id = $1::uuid, party_key = 'client:' || $1::uuid
     WHERE kind = 'follow_up' AND closed_at IS NULL AND party_key = $2
    RETURNING id
"""


async def took_over(conn: Connection, client_id: UUID, e164: str) -> None:
    """In the transaction in which the client got the number."""
    row = await conn.fetchrow(JOIN, client_id, e164)
    if row is not None:
        await publish(conn, "follow_up.closed", [row["joined"]])
        await publish(conn, "follow_up.changed", [row["kept"]])
    elif (taken := await conn.fetchval(TAKE_OVER, client_id, e164)) is not None:
        await publish(conn, "follow_up.changed", [taken])
