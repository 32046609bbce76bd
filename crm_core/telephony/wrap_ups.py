"""Wrap-ups: which call each belongs to, for the figures, and which still run, so that a restart cuts none short."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from crm_core.database import Connection
from queue_engine.facts import WrapUpSet

# What waited in the line is the call itself, or the promise or the list's entry that a call was made for.
BEGIN = """
    INSERT INTO wrap_up (id, item_id, extension, user_id, began_at, ends_at)
    SELECT $1, coalesce((SELECT c.last_call FROM callback c WHERE c.id = $2),
                        (SELECT t.call_id FROM dial_try t WHERE t.entry_id = $2 ORDER BY t.begun_at DESC LIMIT 1), $2),
           $3, (SELECT d.user_id FROM device d WHERE d.number = $3), $4, $5 ON CONFLICT (id) DO NOTHING
"""
# The one that runs; none begins before the one before has ended.
CHANGE = """
    UPDATE wrap_up SET ends_at = $3
     WHERE id = (SELECT w.id FROM wrap_up w
                  WHERE w.extension = $1 AND w.began_at <= $2 ORDER BY w.began_at DESC LIMIT 1)
       AND ends_at >= $2
"""


async def keep(conn: Connection, fact: WrapUpSet) -> None:
    if fact.item is not None:
        await conn.execute(BEGIN, fact.id, fact.item, fact.extension, fact.at, fact.until)
    else:
        await conn.execute(CHANGE, fact.extension, fact.at, fact.until)


RUNNING = "SELECT extension, max(ends_at) AS until FROM wrap_up WHERE ends_at > $1 GROUP BY extension"


async def running_wrap_ups(conn: Connection, now: datetime) -> Mapping[str, datetime]:
    """Of each extension that is in one, until when."""
    return {row["extension"]: row["until"] for row in await conn.fetch(RUNNING, now)}
