"""Migrations: each file once, in order, never edited afterwards."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from crm_core.database import Connection, MigrationRefused, migrate
from tests.support.database import DatabaseServer


async def test_a_migrated_schema_needs_nothing_more(conn: Connection) -> None:
    assert await migrate(conn) == []


async def test_racing_starters_apply_each_file_once(database_server: DatabaseServer) -> None:
    keeper = await asyncpg.connect(database_server.url)
    await keeper.execute("CREATE DATABASE empty")
    starters = [await asyncpg.connect(database_server.database("empty")) for _ in range(4)]
    try:
        applied = await asyncio.gather(*(migrate(starter) for starter in starters))
        assert sorted(map(len, applied))[:3] == [0, 0, 0]
        assert await starters[0].fetchval("SELECT count(*) FROM schema_version") == max(map(len, applied))
    finally:
        for starter in starters:
            await starter.close()
        await keeper.execute("DROP DATABASE empty")
        await keeper.close()


async def test_an_edited_migration_is_refused(conn: Connection) -> None:
    await conn.execute("UPDATE schema_version SET sha256 = 'other' WHERE name LIKE '0002%'")
    with pytest.raises(MigrationRefused, match="0002"):
        await migrate(conn)


async def test_a_schema_from_the_future_is_refused(conn: Connection) -> None:
    await conn.execute("INSERT INTO schema_version (name, sha256) VALUES ('9999_future.sql', '')")
    with pytest.raises(MigrationRefused, match="newer"):
        await migrate(conn)


@pytest.mark.parametrize("table", ["event_type", "task_status", "user_status"])
async def test_a_system_entry_cannot_be_deleted_or_renamed(conn: Connection, table: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError):
        await conn.execute(f"DELETE FROM {table}")
    with pytest.raises(asyncpg.RestrictViolationError):
        await conn.execute(f"UPDATE {table} SET key = key || '_'")
