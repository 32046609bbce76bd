"""The door to PostgreSQL: the pool, and numbered migrations.

Server 15 to 18. Every wait has an end: a connection, a statement, a lock; a data base that hangs costs a caller
seconds, never for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

AWAY = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError)
"""What is raised when the data base is away or refuses. asyncpg names a connection that ends in the midst of an
operation an error of its own ("cannot switch to state …; another operation … is in progress")."""

BadData: TypeAlias = asyncpg.DataError
UNHELD = (
    asyncpg.DataError,  # the driver's own word for a number or a moment beyond the column's range
    asyncpg.CharacterNotInRepertoireError,  # NUL in a text
    asyncpg.UntranslatableCharacterError,  # NUL in JSON
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.DatetimeFieldOverflowError,
)
"""Which kinds of `BadData` say of a given value that nobody can keep it; the others are faults of a statement."""

MIGRATION_TIMEOUT = 3600.0  # seconds
CONNECT_TIMEOUT = 3.0  # seconds
STATEMENT_TIMEOUT = 10.0  # of one statement, kept by the server; the client waits a little longer and then gives up
SERVER_SETTINGS = {
    "application_name": "dzvin",
    "timezone": "UTC",
    "statement_timeout": f"{int(STATEMENT_TIMEOUT)}s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
}


class MigrationRefused(Exception):
    """A migration that was already applied has been edited, or the schema is newer than this program."""


async def open_pool(url: str, *, min_size: int = 2, max_size: int = 10) -> Pool:
    """Open a pool whose connections and statements give up in time (3 s to connect, 10 s a statement)."""
    return await asyncpg.create_pool(
        url,
        min_size=min_size,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT,
        command_timeout=STATEMENT_TIMEOUT + 2,
        server_settings=SERVER_SETTINGS,
    )


@asynccontextmanager
async def borrowed(pool: Pool, *, at_most: float | None = 15.0) -> AsyncIterator[Connection]:
    """A connection for work that must end, `at_most` so many seconds from now, whatever the server does.

    A server that hangs answers neither a statement, nor its cancellation, nor a ROLLBACK: so when the work fails, is
    cancelled or takes too long, the connection is cut and no answer is waited for. New ones are cheap, failures rare.
    """
    conn = await pool.acquire(timeout=CONNECT_TIMEOUT)
    watch = asyncio.get_running_loop().call_later(at_most, _cut, conn) if at_most else None
    try:
        yield conn
    except BaseException:
        _cut(conn)
        raise
    finally:
        if watch:
            watch.cancel()
        await pool.release(conn)


def _cut(conn: Connection) -> None:
    try:
        conn.terminate()
    except asyncpg.InterfaceError:
        pass  # the server was quicker, and the pool has taken the connection back


APPLIED_TABLE = """
    CREATE TABLE IF NOT EXISTS schema_version (
        name        text PRIMARY KEY,
        sha256      text NOT NULL,
        applied_at  timestamptz NOT NULL DEFAULT now()
    )
"""
# A migration of a large table, and waiting for another starter's, may take longer than a statement of daily work.
PATIENT = "SET statement_timeout = 0; SET lock_timeout = 0"
HASTY = "RESET statement_timeout; RESET lock_timeout"
ONE_AT_A_TIME = "SELECT pg_advisory_lock(hashtext('dzvin.migrate'))"
LET_OTHERS = "SELECT pg_advisory_unlock(hashtext('dzvin.migrate'))"
APPLIED = "SELECT name, sha256 FROM schema_version"
REMEMBER = "INSERT INTO schema_version (name, sha256) VALUES ($1, $2)"


async def migrate(database: Pool | Connection) -> list[str]:
    """Bring the schema up to date; return the names applied now. Starters that race apply each file once.

    Raises MigrationRefused before anything is changed.
    """
    async with _one_connection(database) as conn:
        await conn.execute(PATIENT)
        await conn.execute(ONE_AT_A_TIME, timeout=MIGRATION_TIMEOUT)
        try:
            await conn.execute(APPLIED_TABLE)
            applied: dict[str, str] = {row["name"]: row["sha256"] for row in await conn.fetch(APPLIED)}
            return await _apply(conn, applied)
        finally:
            await conn.execute(LET_OTHERS)
            await conn.execute(HASTY)


async def _apply(conn: Connection, applied: dict[str, str]) -> list[str]:
    known = list(_migrations())
    for name, _, checksum in known:
        if applied.get(name, checksum) != checksum:
            raise MigrationRefused(f"{name} was edited after it had been applied")
    if unknown := applied.keys() - {name for name, _, _ in known}:
        raise MigrationRefused(f"the schema is newer than this program: {min(unknown)}")
    missing = [migration for migration in known if migration[0] not in applied]
    for name, script, checksum in missing:
        async with conn.transaction():
            await conn.execute(script, timeout=MIGRATION_TIMEOUT)
            await conn.execute(REMEMBER, name, checksum)
    return [name for name, _, _ in missing]


def _migrations() -> Iterator[tuple[str, str, str]]:
    folder = files("crm_core") / "migrations"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            script = file.read_text(encoding="utf-8")
            yield file.name, script, hashlib.sha256(script.encode()).hexdigest()


@asynccontextmanager
async def _one_connection(database: Pool | Connection) -> AsyncIterator[Connection]:
    if isinstance(database, asyncpg.Pool):
        async with database.acquire() as conn:
            yield conn
    else:
        yield database
