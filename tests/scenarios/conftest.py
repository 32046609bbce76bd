"""Whole calls through the running product. All scenarios share one installation, and none may leave anything in it.
Each call that it has carried replays from its trace when it ends, and each day of its lines from the engine's log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.scenarios.company import Company
from tests.support.engine_days import decided_otherwise
from tests.support.leaks import SETTLES_WITHIN, nothing_left, nothing_lingers
from tests.support.server import Server, running_dzvin
from tests.support.traces import unlike

A_FEW = 25


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("dzvin") / "data"
    with running_dzvin(data) as server:
        yield server
        if request.session.testscollected > A_FEW:  # half a minute is long for somebody who works on one scenario
            asyncio.run(nothing_lingers(server))
    assert unlike(data) == {}
    assert decided_otherwise(data) == []


@pytest.fixture
def settles_within() -> float:
    """Seconds after a scenario until the server holds no more than before."""
    return SETTLES_WITHIN


@pytest.fixture
async def company(server: Server, settles_within: float) -> AsyncIterator[Company]:
    """The people of the acceptance file, for one scenario: afterwards the server holds what it held before."""
    async with nothing_left(server, seconds=settles_within), Company(server) as company:
        yield company
