"""Whose an outside number is: for lines that keep callers for the agent whom they know."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.clients.whose import only_matches
from crm_core.database import Connection

PHONE_OF = """
    SELECT min(d.number) FROM device d JOIN app_user u ON u.id = d.user_id WHERE u.id = $1 AND u.active
"""
SPOKE_LAST = """
    SELECT s.extension FROM event e JOIN segment s ON s.call_id = e.call_id
     WHERE e.e164 = $1 ORDER BY s.started_at DESC LIMIT 1
"""


async def agent_of(conn: Connection, number: str, by: Sequence[str]) -> str | None:
    """The extension, by the first of these that knows: "owner" of the only client with that number (E.164),
    "last_agent" who spoke with it; None: nobody's."""
    for rule in by:
        agent = await (_owner(conn, number) if rule == "owner" else conn.fetchval(SPOKE_LAST, number))
        if agent is not None:
            return str(agent)
    return None


async def _owner(conn: Connection, number: str) -> str | None:
    match = (await only_matches(conn, [number])).get(number)
    if match is None or match.owner_id is None:
        return None
    phone: str | None = await conn.fetchval(PHONE_OF, match.owner_id)
    return phone
