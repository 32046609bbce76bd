"""What each agent declares: the last word, so that a restart does not make everybody ready, and all of it, timed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crm_core.database import Connection
from queue_engine.facts import AgentDeclared, Will


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWill:
    user_id: UUID
    will: Will
    reason: str
    since: datetime


# A user who is not in the data base (any more) has nothing to be restored. Facts come in order, replays are older.
# Saying the same again begins nothing new.
DECLARE = """
    INSERT INTO agent_will (user_id, will, reason, since, declared_by)
    SELECT u.id, $2, $3, $4, (SELECT b.id FROM app_user b WHERE b.id = $5) FROM app_user u WHERE u.id = $1
    ON CONFLICT (user_id) DO UPDATE
       SET will = excluded.will, reason = excluded.reason, since = excluded.since, declared_by = excluded.declared_by
     WHERE agent_will.since <= excluded.since
       AND (agent_will.will, agent_will.reason) IS DISTINCT FROM (excluded.will, excluded.reason)
"""


REMEMBER = """
    INSERT INTO agent_declaration (fact_id, user_id, will, reason, at, declared_by)
    SELECT $1, u.id, $3, $4, $5, (SELECT b.id FROM app_user b WHERE b.id = $6) FROM app_user u WHERE u.id = $2
       AND NOT EXISTS (SELECT FROM agent_will w WHERE w.user_id = $2 AND w.will = $3 AND w.reason = $4)
    ON CONFLICT (fact_id) DO NOTHING
"""


async def declare(conn: Connection, fact: AgentDeclared) -> None:
    await conn.execute(REMEMBER, fact.id, fact.user, fact.will, fact.reason, fact.at, fact.by)
    await conn.execute(DECLARE, fact.user, fact.will, fact.reason, fact.at, fact.by)


OF_PHONES = "SELECT d.number, w.will FROM agent_will w JOIN device d ON d.user_id = w.user_id"


async def wills_of_phones(conn: Connection) -> dict[str, Will]:
    """What the person behind each extension declared last."""
    return {row["number"]: Will(row["will"]) for row in await conn.fetch(OF_PHONES)}


LAST = "SELECT user_id, will, reason, since FROM agent_will"


async def last_wills(conn: Connection) -> list[AgentWill]:
    """What every agent declared last."""
    return [
        AgentWill(user_id=row["user_id"], will=Will(row["will"]), reason=row["reason"], since=row["since"])
        for row in await conn.fetch(LAST)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Since when, until when (None: still) and by whose word; `seconds` of it lie in the time that was asked for."""

    will: Will
    reason: str
    since: datetime
    until: datetime | None
    seconds: float
    by: UUID | None


HISTORY = """
    WITH timed AS (
        SELECT will, reason, at, declared_by, lead(at) OVER (ORDER BY at, fact_id) AS until
          FROM agent_declaration
         WHERE user_id = $1 AND at < $3
           AND at >= coalesce((SELECT max(at) FROM agent_declaration WHERE user_id = $1 AND at <= $2), $2)
    )
    SELECT will, reason, at, until, declared_by FROM timed
     WHERE until IS NULL OR until > greatest(at, $2) ORDER BY at LIMIT 10000
"""


async def history(
    conn: Connection, user_id: UUID, since: datetime, until: datetime, now: datetime
) -> list[Declaration]:
    """What was declared of that user from `since` to `until`, oldest first, at most 10,000; the first may have begun
    before. Nothing lasts beyond `now`."""
    end = min(until, now)
    return [
        Declaration(
            will=Will(row["will"]),
            reason=row["reason"],
            since=row["at"],
            until=row["until"],
            seconds=max(0.0, (min(row["until"] or end, end) - max(row["at"], since)).total_seconds()),
            by=row["declared_by"],
        )
        for row in await conn.fetch(HISTORY, user_id, since, until)
    ]
