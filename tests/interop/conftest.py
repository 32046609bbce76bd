"""Foreign phones: programs that nobody of this project wrote. Where one is not installed, its tests say so and skip."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.leaks import nothing_left
from tests.support.server import Server, running_dzvin
from tests.support.traces import unlike

LONG_CALL = float(os.environ.get("DZVIN_TEST_CALL_SECONDS", "60"))


@pytest.fixture(scope="session")
def foreign_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("interop") / "data"
    with running_dzvin(data) as server:
        yield server
    assert unlike(data) == {}  # each call replays from its trace


@pytest.fixture
async def dzvin(foreign_server: Server) -> AsyncIterator[Server]:
    """The installation that all foreign phones meet; each leaves nothing behind in it."""
    async with nothing_left(foreign_server):
        yield foreign_server
