"""A real PostgreSQL for tests: one embedded server for a test process, a fresh migrated database for a test.

Import the fixtures into a `conftest.py`:

    from tests.support.database import conn, database_server, database_url, pool

Under pytest-xdist every worker has its own server on its own port. `DZVIN_TEST_POSTGRES` names the `bin` folder of
another PostgreSQL (15 or later) to test against.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from crm_core.database import SERVER_SETTINGS, Connection, Pool, migrate, open_pool
from dzvin.postgres import EmbeddedPostgres

TEMPLATE = "dzvin_template"
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "32MB",
    "max_wal_size": "64MB",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # nothing outside its folder, even when a test kills it
}
MEMORY = Path("/dev/shm")  # making a database writes some 300 files: 15 ms there, 400 ms on a slow disk
MEMORY_NEEDED = 512 * 1024 * 1024

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """The running server and the URL of its maintenance database."""

    postgres: EmbeddedPostgres
    url: str

    def database(self, name: str) -> str:
        return f"{self.url.rsplit('/', 1)[0]}/{name}"


@pytest.fixture(scope="session")
def database_server() -> Iterator[DatabaseServer]:
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    folder = Path(tempfile.mkdtemp(prefix="dzvin-test-", dir=MEMORY if in_memory else None))
    folder.chmod(0o755)  # root's server runs as another account
    binaries = os.environ.get("DZVIN_TEST_POSTGRES")
    postgres = EmbeddedPostgres(folder, settings=FAST, binaries=Path(binaries) if binaries else None)
    try:
        with asyncio.Runner() as runner:
            server = DatabaseServer(postgres, runner.run(postgres.start()))
            runner.run(_make_template(server))
        yield server
    finally:
        with asyncio.Runner() as runner:
            runner.run(postgres.stop())
        shutil.rmtree(postgres.place, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def remove_cluster(data_dir: Path) -> None:
    """What a product that ran on `data_dir` as root left elsewhere: its cluster, wherever the note says it is."""
    note = data_dir / "postgres" / "place"
    if note.exists():
        shutil.rmtree(note.read_text().strip(), ignore_errors=True)


async def _make_template(server: DatabaseServer) -> None:
    await _maintain(server, f'CREATE DATABASE "{TEMPLATE}"')
    conn = await asyncpg.connect(server.database(TEMPLATE))
    try:
        await migrate(conn)
    finally:
        await conn.close()


@pytest.fixture
async def database_url(database_server: DatabaseServer) -> AsyncIterator[str]:
    """A fresh database with every migration applied."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    await _maintain(database_server, f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    yield database_server.database(name)
    await _maintain(database_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, min_size=1)
    yield opened
    try:
        await asyncio.wait_for(opened.close(), 30)
    except TimeoutError:
        opened.terminate()
        raise AssertionError("the test left a connection in use") from None


@pytest.fixture
async def conn(database_url: str) -> AsyncIterator[Connection]:
    opened = await asyncpg.connect(database_url, server_settings=SERVER_SETTINGS)
    yield opened
    await opened.close()


async def _maintain(server: DatabaseServer, statement: str) -> None:
    conn = await asyncpg.connect(server.url)
    try:
        await conn.execute(statement)
    finally:
        await conn.close()
