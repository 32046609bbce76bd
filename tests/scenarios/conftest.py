"""Whole calls through the running product. All scenarios share one installation, and none may leave anything in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.scenarios.company import Company
from tests.support.leaks import GAUGES, LINGERING, nothing_left
from tests.support.server import Server, running_dzvin

LINGERS = 45.0  # seconds: RFC 3261's 32 and some


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_dzvin(tmp_path_factory.mktemp("dzvin") / "data") as server:
        yield server


@pytest.fixture
async def company(server: Server) -> AsyncIterator[Company]:
    """The people of the acceptance file, for one scenario: afterwards the server holds what it held before."""
    async with nothing_left(server), Company(server) as company:
        yield company


@pytest.fixture
def linger() -> tuple[tuple[str, ...], float]:
    """The strict gauges: transactions and timers too, which the RFC keeps for half a minute."""
    return (*GAUGES, *LINGERING), LINGERS
