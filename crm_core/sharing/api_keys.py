"""Keys of other programs: named, made for a purpose, revoked when they are needed no more.

A key speaks for a person and may do what that person may do, less what is not of its scopes. So rows are seen by the
person's rights, a dismissed person's keys are dead, and what a key did stands in the audit under the person and the
key.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from crm_core.access import NotFound, Right, require
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.organisation.users import from_row

MOST = 50  # keys that are not revoked
PREFIX = "dzvin_"  # so that a scanner of source code finds a key that was left there
SEEN_EVERY = timedelta(minutes=1)  # how precisely the last use is kept


class Scope(StrEnum):
    FACTS = "facts"
    READ_CRM = "read_crm"
    WRITE_CRM = "write_crm"
    RECORDINGS = "recordings"
    TICKETS = "tickets"
    CALLS = "calls"


RIGHTS: Mapping[Scope, frozenset[Right]] = MappingProxyType(
    {
        Scope.FACTS: frozenset({Right.READ_FACTS}),
        Scope.READ_CRM: frozenset({Right.SEE_EVENTS, Right.SEE_CLIENTS, Right.SEE_FOLLOW_UPS, Right.SEE_USERS}),
        Scope.WRITE_CRM: frozenset({Right.WRITE_EVENTS, Right.WRITE_CLIENTS, Right.WORK_FOLLOW_UPS}),
        Scope.RECORDINGS: frozenset({Right.LISTEN_RECORDINGS}),
        Scope.TICKETS: frozenset({Right.SEE_HALL, Right.ISSUE_TICKETS}),
        Scope.CALLS: frozenset({Right.CALL}),
    }
)


class KeyNameTaken(Exception):
    """A key that is not revoked has this name."""


class TooManyKeys(Exception):
    """There are 50 already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    id: UUID
    name: str
    scopes: Sequence[str]
    user_id: UUID
    user_name: str
    created_at: datetime
    created_by_name: str
    used_at: datetime | None


ALL = """
    SELECT k.id, k.name, k.scopes, k.user_id, u.full_name AS user_name, k.created_at, k.used_at,
           c.full_name AS created_by_name
      FROM api_key k JOIN app_user u ON u.id = k.user_id JOIN app_user c ON c.id = k.created_by
     WHERE k.revoked_at IS NULL
     ORDER BY k.created_at, k.id
"""


async def api_keys(conn: Connection, user: User) -> list[ApiKey]:
    """Those that are not revoked. Raises Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    return [ApiKey(**dict(row)) for row in await conn.fetch(ALL)]


ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('dzvin.api_keys'))"
COUNT = "SELECT count(*) FROM api_key WHERE revoked_at IS NULL"
KNOWN = "SELECT 1 FROM app_user WHERE id = $1 AND active"
ADD = """
    INSERT INTO api_key (id, name, secret_sha256, scopes, user_id, created_by, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
AUDIT = """
    INSERT INTO audit (user_id, action, object_kind, object_id, detail)
    VALUES ($1, $2, 'api_key', $3, jsonb_strip_nulls(jsonb_build_object('name', $4::text, 'method', $5::text,
            'path', $6::text)))
"""


async def add_key(
    conn: Connection, user: User, name: str, scopes: Sequence[Scope], *, speaks_for: UUID | None, now: datetime
) -> tuple[UUID, str]:
    """A new key's id and its secret, which is told here and never again. `speaks_for` None: for `user`. Raises
    KeyNameTaken, TooManyKeys, NotFound, Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    key_id, secret = uuid7(), PREFIX + secrets.token_urlsafe(32)
    async with conn.transaction():
        await conn.execute(ONE_AT_A_TIME)
        if await conn.fetchval(COUNT) >= MOST:
            raise TooManyKeys
        if speaks_for and not await conn.fetchval(KNOWN, speaks_for):
            raise NotFound(speaks_for)
        wanted = sorted(set(scopes))
        try:
            await conn.execute(ADD, key_id, name, _digest(secret), wanted, speaks_for or user.id, user.id, now)
        except asyncpg.UniqueViolationError:
            raise KeyNameTaken(name) from None
        await conn.execute(AUDIT, user.id, "made key", key_id, name, None, None)
    return key_id, secret


REVOKE = "UPDATE api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING name"


async def revoke_key(conn: Connection, user: User, key_id: UUID, *, now: datetime) -> None:
    """From now on it opens nothing. Raises NotFound, Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    async with conn.transaction():
        name = await conn.fetchval(REVOKE, key_id, now)
        if name is None:
            raise NotFound(key_id)
        await conn.execute(AUDIT, user.id, "revoked key", key_id, name, None, None)


HOLDER = """
    SELECT u.id, u.login, u.full_name, u.role, u.locale, u.service_window, u.org_unit_id,
           u.uses_statuses, u.sees_statuses,
           (SELECT min(d.number) FROM device d WHERE d.user_id = u.id) AS extension,
           k.id AS key_id, k.scopes, k.used_at
      FROM api_key k JOIN app_user u ON u.id = k.user_id
     WHERE k.secret_sha256 = $1 AND k.revoked_at IS NULL AND u.active
"""
USED = "UPDATE api_key SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2)"


async def holder(conn: Connection, secret: str, *, now: datetime) -> tuple[UUID, User] | None:
    """The key's id and for whom it speaks, with no more rights than its scopes; None when there is no such key."""
    row = await conn.fetchrow(HOLDER, _digest(secret))
    if row is None:
        return None
    if row["used_at"] is None or now - row["used_at"] > SEEN_EVERY:
        await conn.execute(USED, row["key_id"], now)
    rights = frozenset[str]().union(*(RIGHTS[Scope(scope)] for scope in row["scopes"]))
    return row["key_id"], replace(from_row(row), only=rights)


async def note_use(conn: Connection, user: User, key_id: UUID, method: str, path: str) -> None:
    """A key asked for a change: it stands in the audit, whatever became of it."""
    await conn.execute(AUDIT, user.id, "used key", key_id, None, method, path)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()
