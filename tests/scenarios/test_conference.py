"""A conference number through the product: everybody dials it, sends a tone, and must hear the others'."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.scenarios.company import SETTLING, UNHEARD, Company
from tests.support import tones
from tests.support.phone_call import Call

TONES = (600.0, 1000.0, 1700.0)


async def dials(company: Company, extension: str, tone: float) -> Call:
    phone = await company.phone(extension, registered=False)
    call = await phone.dial("conf")
    await call.answered()
    call.audio.play(tone)
    return call


async def hears(call: Call, seconds: float = 1.0) -> set[float]:
    """Whose tones; each that is there must be plain."""
    await call.audio.listen(SETTLING)
    sound = await call.audio.listen(seconds)
    return {tone for tone in TONES if tones.loudness(sound) > 100 and tones.level(sound, tone) > UNHEARD}


async def each_hears(members: Sequence[Call]) -> list[set[float]]:
    return list(await asyncio.gather(*(hears(member) for member in members)))


@pytest.mark.req("R-PHONE-29")
async def test_three_hear_each_other_and_one_comes_and_goes(company: Company) -> None:
    anna = await dials(company, "1001", TONES[0])
    boris = await dials(company, "1002", TONES[1])
    assert await each_hears([anna, boris]) == [{TONES[1]}, {TONES[0]}]
    carol = await dials(company, "1003", TONES[2])
    assert await each_hears([anna, boris, carol]) == [
        {TONES[1], TONES[2]},
        {TONES[0], TONES[2]},
        {TONES[0], TONES[1]},
    ]
    await boris.audio.press("*6")
    assert await each_hears([anna, carol]) == [{TONES[2]}, {TONES[0]}]
    await carol.hang_up()
    await boris.audio.press("*6")
    boris.audio.play(TONES[1])
    assert await hears(anna) == {TONES[1]}  # while Boris hears that he is heard
    assert await each_hears([anna, boris]) == [{TONES[1]}, {TONES[0]}]
    await anna.hang_up()
    await boris.hang_up()
