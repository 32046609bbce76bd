"""Programs that show a key instead of a session: `Authorization: Bearer`.

A program is no person: it opens no websocket and reaches no route that is for anybody who is signed in, only those
that need a right which its key has. Guessing is limited by address, working by key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from litestar.enums import ScopeType

from crm_core.database import Pool
from crm_core.organisation import User
from crm_core.sharing import api_keys
from web_panel.database_away import AWAY, DatabaseAway
from web_panel.rate_limit import Limits
from web_panel.security import SAFE_METHODS, Connection

LONGEST = 200  # characters


def bearer_of(connection: Connection) -> str | None:
    """The key that the request shows (RFC 6750 2.1), None when it shows none."""
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Keys:
    pool: Pool
    clock: Callable[[], datetime]
    limits: Limits

    async def user(self, connection: Connection, secret: str, *, address: str) -> User | None:
        """For whom the key speaks; None when it opens nothing. Raises TooMany, DatabaseAway."""
        now = self.clock()
        self.limits.key_guesses.check(address, now.timestamp())
        if connection.scope["type"] != ScopeType.HTTP or not secret or len(secret) > LONGEST:
            return None
        method = str(connection.scope.get("method"))
        try:
            async with self.pool.acquire(timeout=3) as conn:
                found = await api_keys.holder(conn, secret, now=now)
                if found is None:
                    self.limits.key_guesses.hit(address, now.timestamp())
                    return None
                key_id, user = found
                self.limits.key_work.take(key_id, now.timestamp())
                if method not in SAFE_METHODS:
                    await api_keys.note_use(conn, user, key_id, method, connection.scope["path"][:500])
        except AWAY as error:
            raise DatabaseAway from error
        return user
