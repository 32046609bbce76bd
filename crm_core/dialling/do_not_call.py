"""Numbers that no list calls: who said so, when, why and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_core.access import NotFound, Right, require
from crm_core.database import Connection
from crm_core.organisation import User

MOST_SHOWN = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """`until` None: for ever."""

    e164: str
    reason: str
    until: datetime | None
    added_by_name: str
    added_at: datetime


READ = """
    SELECT d.e164, d.reason, d.until, u.full_name AS added_by_name, d.added_at
      FROM do_not_call d JOIN app_user u ON u.id = d.added_by
     WHERE (d.until IS NULL OR d.until > $2) AND d.e164 LIKE $1
     ORDER BY d.added_at DESC, d.e164 LIMIT $3
"""


async def barred(conn: Connection, user: User, *, digits: str = "", now: datetime) -> list[Barred]:
    """Those in force whose number contains `digits`, the newest first, at most 1000. Raises Forbidden."""
    require(user, Right.SEE_CLIENTS)
    pattern = f"%{''.join(filter(str.isdigit, digits))}%"
    return [Barred(**dict(row)) for row in await conn.fetch(READ, pattern, now, MOST_SHOWN)]


BAR = """
    INSERT INTO do_not_call (e164, reason, until, added_by, added_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (e164) DO UPDATE
       SET reason = excluded.reason, until = excluded.until, added_by = excluded.added_by, added_at = excluded.added_at
"""
AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, detail)
    VALUES ($1, $2, 'do_not_call', jsonb_build_object('number', $3::text))
"""


async def bar(conn: Connection, user: User, e164: str, *, reason: str, until: datetime | None, now: datetime) -> None:
    """No list calls it from now on, whatever it has reserved. The last word counts. Raises Forbidden."""
    require(user, Right.WRITE_CLIENTS)
    async with conn.transaction():
        await conn.execute(BAR, e164, reason.replace("\0", ""), until, user.id, now)
        await conn.execute(AUDIT, user.id, "barred", e164)


LIFT = "DELETE FROM do_not_call WHERE e164 = $1 RETURNING e164"


async def lift(conn: Connection, user: User, e164: str) -> None:
    """It may be called again. Raises NotFound, Forbidden."""
    require(user, Right.CHANGE_LINES)
    async with conn.transaction():
        if await conn.fetchval(LIFT, e164) is None:
            raise NotFound(e164)
        await conn.execute(AUDIT, user.id, "lifted", e164)


AMONG = "SELECT e164 FROM do_not_call WHERE e164 = ANY($1::text[]) AND (until IS NULL OR until > $2)"


async def among(conn: Connection, numbers: Sequence[str], now: datetime) -> frozenset[str]:
    """Which of these may not be called."""
    return frozenset(row["e164"] for row in await conn.fetch(AMONG, list(numbers), now))
