"""A conference number through the product: everybody dials it, sends a tone, and must hear the others'."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.scenarios.company import HEARD, SETTLING, UNHEARD, Company
from tests.scenarios.test_recording import segments
from tests.support import tones
from tests.support.deadlines import deadline
from tests.support.phone_call import Call
from tests.support.server import Server

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


async def all_hear(members: Sequence[Call], expected: Sequence[set[float]]) -> None:
    """Each comes to hear these tones and no others; how soon is the machine's business."""
    async with deadline(f"they hear {expected}", 30):
        while list(await asyncio.gather(*(hears(member) for member in members))) != expected:
            pass


@pytest.mark.req("R-PHONE-29")
async def test_three_hear_each_other_and_one_comes_and_goes(company: Company) -> None:
    anna = await dials(company, "1001", TONES[0])
    boris = await dials(company, "1002", TONES[1])
    await all_hear([anna, boris], [{TONES[1]}, {TONES[0]}])
    carol = await dials(company, "1003", TONES[2])
    await all_hear(
        [anna, boris, carol],
        [
            {TONES[1], TONES[2]},
            {TONES[0], TONES[2]},
            {TONES[0], TONES[1]},
        ],
    )
    await boris.audio.press("*6")
    await all_hear([anna, carol], [{TONES[2]}, {TONES[0]}])
    await carol.hang_up()
    await boris.audio.press("*6")
    boris.audio.play(TONES[1])
    await all_hear([anna, boris], [{TONES[1]}, {TONES[0]}])
    await anna.hang_up()
    await boris.hang_up()


async def test_with_a_pin_and_into_one_recording(company: Company, server: Server) -> None:
    """The moderator is not asked for it. Who came first is on the left."""
    anna = await (await company.phone("1001", registered=False)).dial("conf-pin")
    await anna.answered()
    boris = await (await company.phone("1002", registered=False)).dial("conf-pin")
    await boris.answered()
    anna.audio.play(TONES[0])
    boris.audio.play(TONES[1])
    await boris.audio.press("2580")
    await all_hear([anna, boris], [{TONES[1]}, {TONES[0]}])
    await boris.hang_up()
    await anna.hang_up()
    await server.calls_written()
    async with server.database() as conn:
        recording = await conn.fetchval("SELECT id FROM recording ORDER BY started_at DESC LIMIT 1")
    assert set(await segments(server, str(recording))) == {(0, "1001"), (1, "1002")}
    async with server.sign_in("admin") as panel:
        left, right = await panel.recording(str(recording))
    assert tones.level(left, TONES[0]) > HEARD
    assert tones.level(right, TONES[1]) > HEARD
