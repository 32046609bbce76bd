"""Webhooks: who wants to be told of facts, how far each was told, and when it is tried again.

Each has a place of its own in the ledger, so each gets every fact at least once and in order, however long it was away.
The id of a fact is the key against doubles. `dzvin.webhooks` carries them out.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from crm_core.access import NotFound, Right, require
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.sharing.facts import LOOKED_THROUGH, SharedFact, SharedParty, from_row, parties_of, settled

MOST = 20  # webhooks of an installation
AT_ONCE = 100  # facts of one look
PAUSES = (5, 30, 120, 600, 1800, 3600)  # seconds after a failure; the last one repeats
GIVE_UP = timedelta(days=3)  # of failing
SECRET = "whsec_"  # how https://www.standardwebhooks.com marks one


class TooManyWebhooks(Exception):
    """There are 20 already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    id: UUID
    url: str
    kinds: Sequence[str]
    created_at: datetime
    delivered_at: datetime | None
    failures: int
    next_try_at: datetime
    last_error: str
    ended_at: datetime | None


COLUMNS = "id, url, kinds, created_at, delivered_at, failures, next_try_at, last_error, ended_at"
ALL = "SELECT " + COLUMNS + " FROM webhook ORDER BY created_at, id"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('dzvin.webhooks'))"
COUNT = "SELECT count(*) FROM webhook"
ADD = """
    INSERT INTO webhook (id, url, secret, kinds, created_by, created_at, next_try_at, position)
    VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
"""
REMOVE = "DELETE FROM webhook WHERE id = $1 RETURNING id"
RESUME = """
    UPDATE webhook SET ended_at = NULL, failures = 0, failing_since = NULL, next_try_at = $2 WHERE id = $1 RETURNING id
"""
AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, object_id, detail)
    VALUES ($1, $2, 'webhook', $3, jsonb_build_object('url', $4::text))
"""


async def webhooks(conn: Connection, user: User) -> list[Webhook]:
    """All of them, the oldest first, without secrets. Raises Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    return [Webhook(**dict(row)) for row in await conn.fetch(ALL)]


async def add_webhook(
    conn: Connection, user: User, *, url: str, kinds: Sequence[str], now: datetime
) -> tuple[UUID, str]:
    """Tell `url` of facts of these kinds (empty: of all) from now on. Returns its id and its secret, which nobody sees
    again. Raises TooManyWebhooks, Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    webhook_id, secret = uuid7(), SECRET + base64.b64encode(secrets.token_bytes(32)).decode()
    position = await settled(conn)
    async with conn.transaction():
        await conn.execute(ONE_AT_A_TIME)
        if await conn.fetchval(COUNT) >= MOST:
            raise TooManyWebhooks
        await conn.execute(ADD, webhook_id, url, secret, list(kinds), user.id, now, position)
        await conn.execute(AUDIT, user.id, "created", webhook_id, url)
    return webhook_id, secret


async def remove_webhook(conn: Connection, user: User, webhook_id: UUID) -> None:
    """Raises NotFound, Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    async with conn.transaction():
        if not await conn.fetchval(REMOVE, webhook_id):
            raise NotFound(webhook_id)
        await conn.execute(AUDIT, user.id, "deleted", webhook_id, None)


async def resume_webhook(conn: Connection, user: User, webhook_id: UUID, *, now: datetime) -> None:
    """Try one that has ended again, at once and from where it was. Raises NotFound, Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    async with conn.transaction():
        if not await conn.fetchval(RESUME, webhook_id, now):
            raise NotFound(webhook_id)
        await conn.execute(AUDIT, user.id, "resumed", webhook_id, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Facts that a webhook is owed; `position` is behind them, when all were delivered."""

    id: UUID
    url: str
    secret: bytes
    failures: int
    facts: Sequence[tuple[SharedFact, SharedParty | None]]
    position: int


DUE = """
    SELECT id, url, secret, kinds, position, failures FROM webhook
     WHERE ended_at IS NULL AND next_try_at <= $1 AND id <> ALL ($2::uuid[]) ORDER BY next_try_at, id
"""
OWED = """
    SELECT seq, id, kind, v, at, call_id, payload FROM ledger
     WHERE seq > $1 AND seq <= $2 AND ($3::text[] = '{}' OR kind = ANY($3))
     ORDER BY seq LIMIT $4
"""


async def due(conn: Connection, *, now: datetime, beside: Sequence[UUID] = ()) -> list[Due]:
    """What is to be delivered now, `beside` those who are being told."""
    rows = await conn.fetch(DUE, now, list(beside))
    until = await settled(conn, patience=0.5) if rows else 0
    found: list[Due] = []
    for row in rows:
        if row["position"] >= until:
            continue
        reach = min(until, row["position"] + LOOKED_THROUGH)
        facts = [from_row(fact) for fact in await conn.fetch(OWED, row["position"], reach, row["kinds"], AT_ONCE)]
        parties = await parties_of(conn, facts)
        found.append(
            Due(
                id=row["id"],
                url=row["url"],
                secret=base64.b64decode(row["secret"].removeprefix(SECRET)),
                failures=row["failures"],
                facts=[(fact, parties.get(fact.party)) for fact in facts],
                position=facts[-1].seq if len(facts) == AT_ONCE else reach,
            )
        )
    return found


DELIVERED = """
    UPDATE webhook
       SET position = $2, delivered_at = CASE WHEN $4::boolean THEN $3 ELSE delivered_at END,
           failures = 0, failing_since = NULL, last_error = '', next_try_at = $3
     WHERE id = $1
"""
FAILED = """
    UPDATE webhook
       SET position = $2, failures = failures + 1, failing_since = coalesce(failing_since, $3), last_error = $4,
           next_try_at = $5,
           ended_at = CASE WHEN $6::boolean OR coalesce(failing_since, $3) <= $3::timestamptz - $7::interval THEN $3 END
     WHERE id = $1
    RETURNING ended_at IS NOT NULL
"""


async def delivered(conn: Connection, webhook_id: UUID, *, position: int, now: datetime, any_sent: bool) -> None:
    await conn.execute(DELIVERED, webhook_id, position, now, any_sent)


async def failed(conn: Connection, hook: Due, *, position: int, now: datetime, error: str, gone: bool) -> bool:
    """It has everything up to `position`; the rest is tried after a pause that grows. True: it has ended, because it
    said that it is gone, or failed for three days."""
    pause = timedelta(seconds=PAUSES[min(hook.failures, len(PAUSES) - 1)])
    ended: bool = await conn.fetchval(FAILED, hook.id, position, now, error[:500], now + pause, gone, GIVE_UP)
    return ended
