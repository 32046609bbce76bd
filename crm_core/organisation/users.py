"""Users: R-SETTINGS-26..28, R-ACCESS-20. A user's SIP number is the first device of that user (O-11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from crm_core.database import Connection


class Role(StrEnum):
    ADMIN = "admin"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    HALL = "hall"  # the hall administrator: sees the hall and nothing else


class LoginTaken(Exception):
    """Another user has this login (case does not matter)."""


class NumberTaken(Exception):
    """Another user has this extension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who may sign in."""

    id: UUID
    login: str
    full_name: str
    role: Role
    locale: str  # uk | en | ru
    extension: str | None
    window: str | None  # where the hall sends this operator's visitors
    org_unit_id: UUID | None
    uses_statuses: bool = False  # "Use user statuses" (R-PANEL-05)
    sees_statuses: bool = False  # "View user statuses" (R-PANEL-07)
    only: frozenset[str] | None = None  # the rights of the key that speaks for this person; None: the person's own


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    login: str
    full_name: str
    role: Role
    password_hash: str | None = None  # argon2id; None: cannot sign in
    locale: str = "uk"
    extension: str | None = None
    window: str | None = None
    org_unit_id: UUID | None = None


CREATE = """
    INSERT INTO app_user (id, login, full_name, role, password_hash, locale, service_window, org_unit_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
GIVE_DEVICE = "INSERT INTO device (number, user_id) VALUES ($1, $2)"


async def create(conn: Connection, new: NewUser) -> UUID:
    """Return the new user's id. Raises LoginTaken or NumberTaken, and then nothing is made."""
    user_id = uuid7()
    async with conn.transaction():
        try:
            await conn.execute(
                CREATE,
                user_id,
                new.login,
                new.full_name,
                new.role,
                new.password_hash,
                new.locale,
                new.window,
                new.org_unit_id,
            )
        except asyncpg.UniqueViolationError:
            raise LoginTaken(new.login) from None
        if new.extension:
            try:
                await conn.execute(GIVE_DEVICE, new.extension, user_id)
            except asyncpg.UniqueViolationError:
                raise NumberTaken(new.extension) from None
    return user_id


BY_LOGIN = """
    SELECT u.id, u.login, u.full_name, u.role, u.locale, u.service_window, u.org_unit_id, u.password_hash,
           u.uses_statuses, u.sees_statuses,
           (SELECT min(d.number) FROM device d WHERE d.user_id = u.id) AS extension
      FROM app_user u
     WHERE lower(u.login) = lower($1) AND u.active AND u.password_hash IS NOT NULL
"""


async def by_login(conn: Connection, login: str) -> tuple[User, str] | None:
    """The user and the password's hash; None when nobody signs in with this login."""
    row = await conn.fetchrow(BY_LOGIN, login.replace("\0", ""))
    return (from_row(row), row["password_hash"]) if row else None


ALL = """
    SELECT u.id, u.login, u.full_name, u.role, u.locale, u.service_window, u.org_unit_id,
           u.uses_statuses, u.sees_statuses,
           (SELECT min(d.number) FROM device d WHERE d.user_id = u.id) AS extension
      FROM app_user u
     WHERE u.active
     ORDER BY u.login
"""


async def all_users(conn: Connection) -> list[User]:
    """Every active user, by login."""
    return [from_row(row) for row in await conn.fetch(ALL)]


SET_PASSWORD = "UPDATE app_user SET password_hash = $2 WHERE id = $1"
END_SESSIONS = "DELETE FROM session WHERE user_id = $1"


async def set_password_hash(conn: Connection, user_id: UUID, password_hash: str) -> None:
    """Set the password and end every session that the old one had opened."""
    async with conn.transaction():
        await conn.execute(SET_PASSWORD, user_id, password_hash)
        await conn.execute(END_SESSIONS, user_id)


SET_LOCALE = "UPDATE app_user SET locale = $2 WHERE id = $1"


async def set_locale(conn: Connection, user_id: UUID, locale: str) -> None:
    """`locale` is uk, en or ru; the schema refuses others."""
    await conn.execute(SET_LOCALE, user_id, locale)


def from_row(row: asyncpg.Record) -> User:
    """A User from a row with the columns of `ALL`."""
    return User(
        id=row["id"],
        login=row["login"],
        full_name=row["full_name"],
        role=Role(row["role"]),
        locale=row["locale"],
        extension=row["extension"],
        window=row["service_window"],
        org_unit_id=row["org_unit_id"],
        uses_statuses=row["uses_statuses"],
        sees_statuses=row["sees_statuses"],
    )
