"""Foreign phones: programs that nobody of this project wrote. Where one is not installed, its tests say so and skip."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dzvin import local_ca
from dzvin.clock import SystemClock
from tests.interop.meeting import Meeting
from tests.support.leaks import nothing_left
from tests.support.server import Server, running_dzvin
from tests.support.traces import unlike

LONG_CALL = float(os.environ.get("DZVIN_TEST_CALL_SECONDS", "60"))


@pytest.fixture(scope="session")
def foreign_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("interop")
    issued = local_ca.Paths(folder / "tls")
    local_ca.init(issued, ["127.0.0.1"], SystemClock().now(), any_name=True)  # some are old
    certificate = {"DZVIN_TLS__CERTIFICATE": str(issued.certificate), "DZVIN_TLS__KEY": str(issued.key)}
    with running_dzvin(folder / "data", overrides=certificate) as server:
        yield server
    assert unlike(folder / "data") == {}  # each call replays from its trace


@pytest.fixture
async def dzvin(foreign_server: Server) -> AsyncIterator[Server]:
    """The installation that all foreign phones meet; each leaves nothing behind in it."""
    async with nothing_left(foreign_server):
        yield foreign_server


@pytest.fixture
async def meeting(dzvin: Server, tmp_path: Path) -> AsyncIterator[Meeting]:
    """A foreign phone and phones of ours, at that installation."""
    async with Meeting(dzvin, tmp_path) as meeting:
        yield meeting
