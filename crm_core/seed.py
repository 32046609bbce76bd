"""The declared seed: applied at every start, inserts what is absent, never overwrites what people changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from crm_core import organisation, settings
from crm_core.database import Connection
from crm_core.organisation import NewUser, Role
from crm_core.telephony.line_changes import set_line


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedUser:
    login: str
    full_name: str
    role: Role
    password_hash: str | None = None
    locale: str = "uk"
    extension: str | None = None
    window: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedLine:
    number: str
    name: str
    agents: Sequence[str] = ()  # extensions


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedService:
    """A hall service; it gets a project of its own with "electronic queue is used" on (R-QUEUE-04, -05)."""

    code: str
    name: Mapping[str, str]  # by language: uk, en, ru
    prefix: str = ""
    slot_minutes: int = 15
    agents: Sequence[str] = ()  # logins: the working group


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    users: Sequence[SeedUser] = ()
    lines: Sequence[SeedLine] = ()
    services: Sequence[SeedService] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('dzvin.seed'))"


async def apply(conn: Connection, seed: Seed) -> None:
    """Raises settings.BadSetting, organisation.NumberTaken; then nothing of the seed is there."""
    async with conn.transaction():
        await conn.execute(ONE_AT_A_TIME)
        for key, value in seed.settings.items():
            await _setting(conn, key, value)
        for user in seed.users:
            await _user(conn, user)
        for line in seed.lines:
            await _line(conn, line)
        for service in seed.services:
            await _service(conn, service)


SETTING = "INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING"


async def _setting(conn: Connection, key: str, value: str) -> None:
    settings.check(key, value)
    await conn.execute(SETTING, key, value)


HAS_USER = "SELECT 1 FROM app_user WHERE lower(login) = lower($1)"


async def _user(conn: Connection, user: SeedUser) -> None:
    if await conn.fetchval(HAS_USER, user.login):
        return
    await organisation.create(
        conn,
        NewUser(
            login=user.login,
            full_name=user.full_name,
            role=user.role,
            password_hash=user.password_hash,
            locale=user.locale,
            extension=user.extension,
            window=user.window,
        ),
    )


# A line that people have changed is theirs; the others follow the configuration.
IS_THEIRS = "SELECT 1 FROM line_setting WHERE number = $1"


async def _line(conn: Connection, line: SeedLine) -> None:
    if not await conn.fetchval(IS_THEIRS, line.number):
        await set_line(conn, line.number, line.name, line.agents)


HAS_SERVICE = "SELECT 1 FROM service WHERE code = $1"
PROJECT = "INSERT INTO project (id, name, uses_queue) VALUES ($1, $2, true)"
SERVICE = """
    INSERT INTO service (id, code, name, prefix, slot_minutes, project_id) VALUES ($1, $2, $3, $4, $5, $6)
"""
WORKING_GROUP = """
    INSERT INTO project_member (project_id, user_id, service_window)
    SELECT $1, u.id, u.service_window FROM app_user u WHERE lower(u.login) = ANY($2::text[])
"""


async def _service(conn: Connection, service: SeedService) -> None:
    if await conn.fetchval(HAS_SERVICE, service.code):
        return
    project_id: UUID = uuid7()
    name = service.name.get("uk") or next(iter(service.name.values()), service.code)
    await conn.execute(PROJECT, project_id, name)
    await conn.execute(
        SERVICE,
        uuid7(),
        service.code,
        msgspec.json.encode(dict(service.name)).decode(),
        service.prefix,
        service.slot_minutes,
        project_id,
    )
    await conn.execute(WORKING_GROUP, project_id, [login.lower() for login in service.agents])
