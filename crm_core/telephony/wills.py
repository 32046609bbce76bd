"""What each agent declared last, so that a restart does not make everybody ready."""

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
DECLARE = """
    INSERT INTO agent_will (user_id, will, reason, since, declared_by)
    SELECT u.id, $2, $3, $4, (SELECT b.id FROM app_user b WHERE b.id = $5) FROM app_user u WHERE u.id = $1
    ON CONFLICT (user_id) DO UPDATE
       SET will = excluded.will, reason = excluded.reason, since = excluded.since, declared_by = excluded.declared_by
     WHERE agent_will.since <= excluded.since
"""


async def declare(conn: Connection, fact: AgentDeclared) -> None:
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
