"""Nothing that is owed is forgotten: its owner is reminded when it is due, and at last a supervisor gets it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from crm_core import settings
from crm_core.database import AWAY, Connection, Pool, borrowed
from crm_core.follow_ups.reading import publish

EVERY = 15.0  # seconds between two looks
AT_ONCE = 500  # follow-ups of a look; the rest waits for the next

_log = structlog.get_logger()

DUE = """
    UPDATE task t SET reminded_at = $1, status = 'overdue', escalate_at = $2
     WHERE t.id IN (SELECT o.id FROM task o
                     WHERE o.kind = 'follow_up' AND o.closed_at IS NULL AND o.reminded_at IS NULL AND o.due_at <= $1
                     ORDER BY o.due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
    RETURNING t.id
"""
# To the supervisor with the fewest open ones. Where there is none, or one has it already, it stays and is told anyway.
ESCALATE = """
    UPDATE task t
       SET escalated_at = $1, escalate_at = NULL,
           claimed_at = CASE WHEN chosen.id IS NULL THEN t.claimed_at END,
           leased_until = CASE WHEN chosen.id IS NULL THEN t.leased_until END,
           assignee_id = coalesce(chosen.id, t.assignee_id)
      FROM (SELECT o.id FROM task o
             WHERE o.kind = 'follow_up' AND o.closed_at IS NULL AND o.escalate_at <= $1
             ORDER BY o.escalate_at LIMIT 1 FOR UPDATE SKIP LOCKED) late
      LEFT JOIN LATERAL (
            SELECT u.id FROM app_user u
             WHERE u.role = 'supervisor' AND u.active
               AND NOT EXISTS (SELECT 1 FROM task mine JOIN app_user has ON has.id = mine.assignee_id
                                WHERE mine.id = late.id AND has.role = 'supervisor')
             ORDER BY (SELECT count(*) FROM task open
                        WHERE open.assignee_id = u.id AND open.kind = 'follow_up' AND open.closed_at IS NULL), u.login
             LIMIT 1) chosen ON true
     WHERE t.id = late.id
    RETURNING t.id
"""


LAPSED = """
    UPDATE task t SET claimed_at = NULL, leased_until = NULL
     WHERE t.kind = 'follow_up' AND t.closed_at IS NULL AND t.leased_until <= now()
    RETURNING t.id
"""


async def look(conn: Connection, *, now: datetime) -> None:
    """Remind of what is due, hand on what has been due for too long. Who listens is told `follow_up.due` or
    `follow_up.escalated`, each once; and of leases that have lapsed."""
    parameters = await settings.load(conn)
    patience = timedelta(minutes=parameters.follow_up_escalate_minutes)
    escalate_at = parameters.working_time.after(now, patience) if patience else None
    async with conn.transaction():
        await publish(conn, "follow_up.changed", [row["id"] for row in await conn.fetch(LAPSED)])
        due = [row["id"] for row in await conn.fetch(DUE, now, escalate_at, AT_ONCE)]
        await publish(conn, "follow_up.due", due)
        await publish(conn, "follow_up.changed", due)
    for _ in range(AT_ONCE):
        async with conn.transaction():  # one by one: each goes to whoever then has the fewest
            late = await conn.fetchval(ESCALATE, now)
            if late is None:
                return
            await publish(conn, "follow_up.escalated", [late])
            await publish(conn, "follow_up.changed", [late])


@dataclass(slots=True)
class FollowUpCare:
    """Looks for as long as `run` runs."""

    pool: Pool
    clock: Callable[[], datetime]

    async def run(self) -> None:
        """Until cancelled; a data base that is away is waited for."""
        while True:
            try:
                async with borrowed(self.pool) as conn:
                    await look(conn, now=self.clock())
            except AWAY as error:
                _log.warning("follow_ups_unattended", error=repr(error))
            await asyncio.sleep(EVERY)
