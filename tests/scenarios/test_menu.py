"""The menu 8000: a prompt, a digit, a colleague."""

from __future__ import annotations

import pytest

from tests.scenarios.company import MENU, Company, hear_each_other, heard
from tests.support import tones


@pytest.mark.req("R-PHONE-16", "R-PHONE-18")
async def test_digit_1_rings_1002(company: Company) -> None:
    caller, boris = await company.phone("1001"), await company.phone("1002")
    call = await caller.dial(MENU)
    await call.answered()
    assert tones.loudness(await heard(call)) > 100, "no prompt"
    await call.audio.press("1")
    incoming = await boris.rings()
    assert incoming.caller == "1001"
    incoming.ring()
    await incoming.answer()
    await hear_each_other(call, incoming)
    await call.hang_up()
    await incoming.ended()


@pytest.mark.req("R-PHONE-17")
async def test_a_digit_by_info_is_enough(company: Company) -> None:
    caller, boris = await company.phone("1001"), await company.phone("1002")
    call = await caller.dial(MENU)
    await call.answered()
    await call.press_by_info("1")
    incoming = await boris.rings()
    incoming.ring()
    await incoming.answer()
    await call.hang_up()
    await incoming.ended()


async def test_a_wrong_key_asks_again(company: Company) -> None:
    caller, boris = await company.phone("1001"), await company.phone("1002")
    call = await caller.dial(MENU)
    await call.answered()
    await heard(call)
    await call.audio.press("9")
    assert tones.loudness(await heard(call)) > 100, "the prompt is not played again"
    await call.audio.press("1")
    incoming = await boris.rings()
    await call.hang_up()
    await incoming.cancelled()


async def test_a_caller_may_leave_the_menu(company: Company) -> None:
    caller = await company.phone("1001")
    call = await caller.dial(MENU)
    await call.answered()
    await heard(call)
    await call.hang_up()


async def test_a_digit_during_the_prompt_is_enough(company: Company) -> None:
    """Barge-in: the prompt lasts seven seconds, the phone rings before its end."""
    caller, boris = await company.phone("1001"), await company.phone("1002")
    call = await caller.dial(MENU)
    await call.answered()
    await call.audio.listen(0.1)
    await call.audio.press("1")
    incoming = await boris.rings(6)
    await incoming.refuse(486)
    await call.ended()
