"""Whole calls through the running product. All scenarios share one installation, and none may leave anything in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.scenarios.company import Company
from tests.support.leaks import nothing_left, nothing_lingers
from tests.support.server import Server, running_dzvin

A_FEW = 25


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    with running_dzvin(tmp_path_factory.mktemp("dzvin") / "data") as server:
        yield server
        if request.session.testscollected > A_FEW:  # half a minute is long for somebody who works on one scenario
            asyncio.run(nothing_lingers(server))


@pytest.fixture
async def company(server: Server) -> AsyncIterator[Company]:
    """The people of the acceptance file, for one scenario: afterwards the server holds what it held before."""
    async with nothing_left(server), Company(server) as company:
        yield company
