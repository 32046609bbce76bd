from __future__ import annotations

import asyncio

import pytest

from tests.support.virtual_time import virtual_time


@pytest.fixture
def seconds() -> float:
    return 3600.0


@virtual_time
async def test_an_hour_passes_at_once(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    await asyncio.sleep(seconds)
    assert loop.time() - before == pytest.approx(seconds)
