"""Sessions of signed-in people. The data base keeps only the token's SHA-256: a stolen copy opens no session."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.organisation.users import from_row

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)  # how precisely idleness is kept: not every request writes
PER_USER = 20  # at the bound the session seen longest ago ends

OPEN = "INSERT INTO session (token_sha256, user_id, opened_at, seen_at, user_agent) VALUES ($1, $2, $3, $3, $4)"
TIDY = """
    DELETE FROM session
     WHERE user_id = $1 AND (opened_at < $2 OR seen_at < $3 OR token_sha256 IN (
           SELECT token_sha256 FROM session WHERE user_id = $1 ORDER BY seen_at DESC OFFSET $4))
"""


async def open_session(conn: Connection, user_id: UUID, *, now: datetime, user_agent: str = "") -> str:
    """Return a new token, to be kept by the browser alone."""
    token = secrets.token_urlsafe(32)
    async with conn.transaction():
        await conn.execute(OPEN, _digest(token), user_id, now, user_agent.replace("\0", "")[:500])
        await conn.execute(TIDY, user_id, now - LONGEST, now - IDLE, PER_USER)
    return token


USER_OF = """
    SELECT u.id, u.login, u.full_name, u.role, u.locale, u.service_window, u.org_unit_id, s.seen_at,
           u.uses_statuses, u.sees_statuses,
           (SELECT min(d.number) FROM device d WHERE d.user_id = u.id) AS extension
      FROM session s JOIN app_user u ON u.id = s.user_id
     WHERE s.token_sha256 = $1 AND s.opened_at > $2 AND s.seen_at > $3 AND u.active
"""
SEEN = "UPDATE session SET seen_at = $2 WHERE token_sha256 = $1 AND seen_at < $2"


async def user_of(conn: Connection, token: str, *, now: datetime) -> User | None:
    """Who holds this token; None after 30 idle minutes, 12 hours, sign-out or dismissal."""
    row = await conn.fetchrow(USER_OF, _digest(token), now - LONGEST, now - IDLE)
    if row is None:
        return None
    if now - row["seen_at"] > SEEN_EVERY:
        await conn.execute(SEEN, _digest(token), now)
    return from_row(row)


CLOSE = "DELETE FROM session WHERE token_sha256 = $1"


async def close(conn: Connection, token: str) -> None:
    """Sign out. Harmless when the session is gone already."""
    await conn.execute(CLOSE, _digest(token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
