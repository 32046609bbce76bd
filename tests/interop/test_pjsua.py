"""pjsua2's phones call each other: no packet is lost, with either codec."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.interop.foreign_phone import Setting
from tests.interop.phones.pjsua import PjsuaCall, PjsuaPhone
from tests.support import tones
from tests.support.deadlines import DEADLINE, eventually
from tests.support.server import Server

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PjsuaPhone.why_absent() is not None, reason=str(PjsuaPhone.why_absent())),
]

HEARD, UNHEARD = -3.0, -25.0  # dB
TALK = 3.0  # seconds
REFUSED = 0.1  # of the packets


async def talk(caller: PjsuaPhone, callee: PjsuaPhone, number: str) -> None:
    """A call of some seconds in which no packet is lost; the caller hangs up."""
    call = await caller.dial(number)
    incoming = await callee.rings()
    await incoming.answer()
    await call.established()
    await asyncio.gather(lost_nothing(call), lost_nothing(incoming))
    await call.hang_up()
    await incoming.ended()


async def lost_nothing(call: PjsuaCall) -> None:
    wanted = TALK * 50
    statistics = await eventually(
        f"{TALK} s were heard", call.statistics, lambda counted: counted.received >= wanted, DEADLINE + TALK
    )
    assert statistics.lost == 0
    # What its jitter buffer refuses: doubles, and what a busy machine lets it read too late.
    assert statistics.discarded <= REFUSED * statistics.received


def loud(pcm: bytes) -> bytes:
    """What is left without the silence before and after the calls."""
    blocks = (pcm[at : at + 1600] for at in range(0, len(pcm), 1600))
    return b"".join(block for block in blocks if tones.loudness(block) > 200)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.req("R-PHONE-02", "R-PHONE-05", "R-PHONE-12", "R-PHONE-13")
async def test_they_call_each_other_both_ways(dzvin: Server, tmp_path: Path, codec: str) -> None:
    setting = Setting(folder=tmp_path, server=dzvin.sip, user="1001", password="pw1")
    other = Setting(folder=tmp_path, server=dzvin.sip, user="1002", password="pw2")
    async with (
        PjsuaPhone.running(setting, frequency=440, codec=codec) as anna,
        PjsuaPhone.running(other, frequency=1000, codec=codec) as boris,
    ):
        await talk(anna, boris, "1002")
        await talk(boris, anna, "1001")
        await anna.quit()
        await boris.quit()
        at_anna, at_boris = loud(anna.heard()), loud(boris.heard())
        assert len(at_anna) > TALK * 16000
        assert len(at_boris) > TALK * 16000
        assert tones.level(at_anna, 1000) > HEARD
        assert tones.level(at_boris, 440) > HEARD
        assert max(tones.level(at_anna, 440), tones.level(at_boris, 1000)) < UNHEARD
