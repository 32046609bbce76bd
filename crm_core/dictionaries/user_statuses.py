"""The user statuses as people choose them: each stands for a will, and names the reason (R-PANEL-01, R-PANEL-02).

System entries are fixed. What telephony computes (online, calling, waiting) is among them and is chosen by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from crm_core import outbox
from crm_core.access import NotFound, Right, require
from crm_core.database import Connection
from crm_core.dictionaries import EntryTaken
from crm_core.organisation import User
from queue_engine.facts import Will

STATUS_CHANGED: Final = "user_status.changed"
MOST_STATUSES = 200
PLAIN = frozenset({"free", "offline"})  # nothing but their will


class SystemEntry(Exception):
    """A system entry stays as it is."""


class TooManyStatuses(Exception):
    """There are 200 already."""


class StatusesNotUsed(Exception):
    """ "Use user statuses" is off for that person (R-PANEL-05)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStatus:
    """`will` None: computed, not chosen. `retired`: kept for what was, not chosen any more."""

    key: str
    name: Mapping[str, str]  # by language: uk, en, ru
    system: bool
    will: Will | None
    retired: bool

    @property
    def reason(self) -> str:
        """Of a declaration with this status."""
        return "" if self.key in PLAIN else self.key


ALL = "SELECT key, name, system, will, retired FROM user_status ORDER BY sort, key"
ONE = "SELECT key, name, system, will, retired FROM user_status WHERE key = $1"
COUNT = "SELECT count(*) FROM user_status"
ADD = "INSERT INTO user_status (key, name, will) VALUES ($1, $2::jsonb, $3)"
CHANGE = "UPDATE user_status SET name = $2::jsonb, will = $3, retired = $4 WHERE key = $1"
AUDIT = "INSERT INTO audit (user_id, action, object_kind, detail) VALUES ($1, $2, 'user_status', $3::jsonb)"
USES = "SELECT uses_statuses FROM app_user WHERE id = $1 AND active"


async def user_statuses(conn: Connection) -> list[UserStatus]:
    """System entries first, in the manuals' order; retired ones too."""
    return [_status(row) for row in await conn.fetch(ALL)]


async def add_status(conn: Connection, user: User, key: str, name: Mapping[str, str], will: Will) -> None:
    """Raises EntryTaken, TooManyStatuses, Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    async with conn.transaction():
        if await conn.fetchval(COUNT) >= MOST_STATUSES:
            raise TooManyStatuses
        try:
            await conn.execute(ADD, key, _json(name), will)
        except asyncpg.UniqueViolationError:
            raise EntryTaken(key) from None
        await _told(conn, user, "added", key, name, will, retired=False)


async def change_status(
    conn: Connection, user: User, key: str, name: Mapping[str, str], will: Will, *, retired: bool
) -> None:
    """Another name or meaning, or out of use; who has chosen it keeps it until they choose another. Raises NotFound,
    SystemEntry, Forbidden."""
    require(user, Right.CHANGE_SETTINGS)
    async with conn.transaction():
        if (await _one(conn, key)).system:
            raise SystemEntry(key)
        await conn.execute(CHANGE, key, _json(name), will, retired)
        await _told(conn, user, "changed", key, name, will, retired=retired)


async def chosen(conn: Connection, key: str, *, of: UUID) -> UserStatus:
    """What that person may choose. Raises StatusesNotUsed while their parameter is off, NotFound for what is computed,
    retired or none."""
    if not await conn.fetchval(USES, of):
        raise StatusesNotUsed(of)
    status = await _one(conn, key)
    if status.will is None or status.retired:
        raise NotFound(key)
    return status


async def _one(conn: Connection, key: str) -> UserStatus:
    row = await conn.fetchrow(ONE, key)
    if row is None:
        raise NotFound(key)
    return _status(row)


def _status(row: asyncpg.Record) -> UserStatus:
    return UserStatus(
        key=row["key"],
        name=msgspec.json.decode(row["name"], type=dict[str, str]),
        system=row["system"],
        will=None if row["will"] is None else Will(row["will"]),
        retired=row["retired"],
    )


def _json(name: Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(name)).decode()


async def _told(
    conn: Connection, user: User, action: str, key: str, name: Mapping[str, str], will: Will, *, retired: bool
) -> None:
    detail = {"key": key, "name": dict(name), "will": will.value, "retired": retired}
    await conn.execute(AUDIT, user.id, action, msgspec.json.encode(detail).decode())
    await outbox.append(conn, STATUS_CHANGED, {"key": key, "name": dict(name)})
