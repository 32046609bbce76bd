"""Adding people from the command line, beside a running installation or without one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from crm_core.database import migrate, open_pool
from crm_core.organisation import LoginTaken, NewUser, NumberTaken, create
from dzvin.config import Config
from dzvin.data_folder import DataFolder
from dzvin.postgres import EmbeddedPostgres
from web_panel.passwords import MAX_LENGTH, Passwords

SHORTEST_PASSWORD = 8


class NotAdded(Exception):
    """The person could not be added; the message says why."""


async def add(data: Path, settings: Config, person: NewUser, password: str) -> None:
    """Make the account. Raises NotAdded; AlreadyRuns when an installation is just starting."""
    if not SHORTEST_PASSWORD <= len(password) <= MAX_LENGTH:
        raise NotAdded(f"the password must have {SHORTEST_PASSWORD} to {MAX_LENGTH} characters")
    if person.extension and settings.account(person.extension) is None:
        raise NotAdded(f"the configuration has no extension {person.extension}")
    person = replace(person, password_hash=await Passwords().hash(password))
    async with _database(data, settings) as url:
        pool = await open_pool(url, min_size=1, max_size=1)
        try:
            await migrate(pool)
            async with pool.acquire() as conn:
                await create(conn, person)
        except LoginTaken as error:
            raise NotAdded(f"somebody already signs in as {person.login}") from error
        except NumberTaken as error:
            raise NotAdded(f"extension {person.extension} already belongs to somebody") from error
        finally:
            await pool.close()


@asynccontextmanager
async def _database(data: Path, settings: Config) -> AsyncIterator[str]:
    """The URL of the installation's database, which is started for this one purpose when nothing runs."""
    folder = DataFolder(data)
    if settings.database.url:
        yield settings.database.url
    elif running := folder.run().database_url if folder.is_locked() else None:
        yield running
    else:
        with folder.locked():
            server = EmbeddedPostgres(folder.path)
            try:
                yield await server.start()
            finally:
                await server.stop()
