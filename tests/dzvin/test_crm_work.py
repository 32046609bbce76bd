"""What the CRM does by itself may stumble; the core and its calls go on."""

from __future__ import annotations

import asyncio

from dzvin.crm_work import AGAIN, unceasing
from tests.support.virtual_time import virtual_time


@virtual_time
async def test_work_that_fails_begins_anew_and_ends_nothing_else() -> None:
    loop, begun = asyncio.get_running_loop(), list[float]()

    async def stumbles() -> None:
        begun.append(loop.time())
        raise OverflowError("date value out of range")

    start = loop.time()
    working = asyncio.create_task(unceasing("stumbling", stumbles))
    await asyncio.sleep(2.5 * AGAIN)
    assert [moment - start for moment in begun] == [0, AGAIN, 2 * AGAIN]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert working.cancelled()
