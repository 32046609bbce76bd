"""What the CRM does by itself may stumble; the core and its calls go on."""

from __future__ import annotations

import asyncio

from crm_core.outbox import OutboxMessage
from crm_core.settings import SETTING_CHANGED
from dzvin.crm_work import AGAIN, OutsideKeeper, unceasing
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


@virtual_time
async def test_outside_calls_are_looked_for_by_the_clock_and_when_a_parameter_of_theirs_was_saved() -> None:
    loop, looks = asyncio.get_running_loop(), list[float]()
    start = loop.time()

    async def look() -> None:
        looks.append(loop.time() - start)

    keeper = OutsideKeeper(look, every=10)
    working = asyncio.create_task(keeper.run())
    await asyncio.sleep(13)
    keeper.on_outbox(OutboxMessage(1, SETTING_CHANGED, {"key": "min_number_length"}))
    await asyncio.sleep(1)
    keeper.on_outbox(OutboxMessage(2, SETTING_CHANGED, {"key": "telephony_load"}))
    await asyncio.sleep(11)
    assert looks == [0, 10, 14, 24]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
