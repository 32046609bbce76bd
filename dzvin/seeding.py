"""Turns the declared part of the configuration into the CRM's seed, applied at every start.

What people changed since stays: the seed adds what is absent. Passwords are hashed only for users that are new.
"""

from __future__ import annotations

import asyncio

from crm_core.database import Pool
from crm_core.organisation import Role, by_login
from crm_core.seed import Seed, SeedLine, SeedService, SeedUser, apply
from dzvin.config import Config, User
from web_panel.passwords import Passwords


async def seed_database(pool: Pool, config: Config) -> None:
    async with pool.acquire() as conn:
        known = [user.login for user in config.users if await by_login(conn, user.login) is not None]
    passwords = Passwords()
    hashes = await asyncio.gather(*(_hash(passwords, user, user.login in known) for user in config.users))
    seed = Seed(
        users=[_user(config, user, hashed) for user, hashed in zip(config.users, hashes, strict=True)],
        lines=[SeedLine(number=line.number, name=line.name, agents=line.agents) for line in config.lines],
        services=[
            SeedService(
                code=service.code,
                name={str(language): name for language, name in service.name.items()},
                prefix=service.prefix,
                slot_minutes=service.slot_minutes,
                agents=service.agents,
            )
            for service in config.services
        ],
        settings={
            "min_number_length": str(config.calls.min_number_length),
            "region": config.region,
            "timezone": config.timezone,
            "follow_up_due_minutes": str(config.follow_up.due_minutes),
            "follow_up_escalate_minutes": str(config.follow_up.escalate_minutes),
            "follow_up_lease_minutes": str(config.follow_up.lease_minutes),
            "follow_up_assign": ",".join(config.follow_up.assign),
            "working_hours": config.follow_up.hours,
            "special_days": config.follow_up.special_days,
            "telephony_load": "on" if config.telephony_server.load else "off",
            "telephony_source": config.telephony_server.source,
            "telephony_kind": config.telephony_server.kind,
            "telephony_table": config.telephony_server.table,
            "telephony_internal_digits": str(config.telephony_server.internal_digits),
        },
    )
    async with pool.acquire() as conn:
        await apply(conn, seed)


async def _hash(passwords: Passwords, user: User, known: bool) -> str | None:
    if known or not user.password:
        return None
    return await passwords.hash(user.password)


def _user(config: Config, user: User, password_hash: str | None) -> SeedUser:
    return SeedUser(
        login=user.login,
        full_name=user.full_name,
        role=Role(user.role),
        password_hash=password_hash,
        locale=user.locale or config.language,
        extension=user.extension,
        window=user.window,
    )
