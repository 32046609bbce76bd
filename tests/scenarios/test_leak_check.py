"""The check that every scenario runs in does notice what is left behind."""

from __future__ import annotations

import pytest

from tests.scenarios.company import Company, connect
from tests.support.leaks import nothing_left
from tests.support.server import Server


async def test_it_notices_a_phone_that_stays_registered(company: Company, server: Server) -> None:
    with pytest.raises(AssertionError, match="dzvin_registered: 0 -> 1"):
        async with nothing_left(server, seconds=0.5):
            await company.phone("1001")


async def test_it_notices_a_call_that_goes_on(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    with pytest.raises(AssertionError) as told:
        async with nothing_left(server, seconds=0.5):
            talk = await connect(anna, boris, "1002")
    for holding in ("dzvin_calls: 0 -> 1", "dzvin_sip_legs: 0 -> 2", "dzvin_media_legs: 0 -> 2", "media 0: udp"):
        assert holding in str(told.value)
    await talk.caller.hang_up()
    await talk.callee.ended()
