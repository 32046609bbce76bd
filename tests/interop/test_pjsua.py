"""pjsua2's phones, each in a process of its own: they play a WAV file and record what they hear."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.interop.pjsua_phone import PjsuaPhone, running_pjsua
from tests.support import tones
from tests.support.deadlines import eventually
from tests.support.network import free_port
from tests.support.phone import FakePhone
from tests.support.server import Server

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        not importlib.util.find_spec("pjsua2"), reason="pjsua2 is not installed (pjsua2-python, up to Python 3.12)"
    ),
]

HEARD, UNHEARD = -3.0, -25.0  # dB
TALK = 3.0  # seconds


async def talk(caller: PjsuaPhone, callee: PjsuaPhone, number: str) -> None:
    """A call of some seconds in which no packet is lost; the caller hangs up."""
    await caller.dial(number)
    await callee.expects("incoming")
    await callee.do("answer")
    await caller.established()
    await callee.established()
    for phone in (caller, callee):
        await heard_for(phone, TALK)
    await caller.do("hang_up")
    await callee.ended()
    await caller.ended()


async def heard_for(phone: PjsuaPhone, seconds: float) -> None:
    wanted = seconds * 50
    statistics = await eventually(
        f"{phone.user} heard {seconds} s", phone.statistics, lambda counted: counted.received >= wanted, 10 + seconds
    )
    assert (statistics.lost, statistics.discarded) == (0, 0)


def loud(pcm: bytes) -> bytes:
    """What is left without the silence before and after the calls."""
    blocks = (pcm[at : at + 1600] for at in range(0, len(pcm), 1600))
    return b"".join(block for block in blocks if tones.loudness(block) > 200)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.req("R-PHONE-02", "R-PHONE-05", "R-PHONE-12", "R-PHONE-13")
async def test_they_call_each_other_both_ways(dzvin: Server, tmp_path: Path, codec: str) -> None:
    async with (
        running_pjsua(tmp_path, "1001", "pw1", dzvin.sip, frequency=440, rtp=free_port(), codec=codec) as anna,
        running_pjsua(tmp_path, "1002", "pw2", dzvin.sip, frequency=1000, rtp=free_port(), codec=codec) as boris,
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


@pytest.mark.req("R-PHONE-26", "R-PHONE-27")
async def test_hold_and_resume(dzvin: Server, tmp_path: Path) -> None:
    """Against a phone of ours, which can tell when it hears what."""
    async with (
        running_pjsua(tmp_path, "1001", "pw1", dzvin.sip, frequency=tones.NOT_IN_MUSIC, rtp=free_port()) as anna,
        FakePhone("1002", server=dzvin.sip, password="pw2") as boris,
    ):
        await boris.register()
        await anna.dial("1002")
        incoming = await boris.rings()
        incoming.ring()
        await incoming.answer()
        await anna.established()
        incoming.audio.play(1000)
        assert tones.level((await incoming.audio.listen(1.0))[4000:], tones.NOT_IN_MUSIC) > HEARD
        await anna.do("hold")
        await anna.expects("media", states=[2])
        assert tones.level((await incoming.audio.listen(1.0))[8000:], tones.NOT_IN_MUSIC) < UNHEARD
        await anna.do("resume")
        await anna.expects("media", states=[1])
        assert tones.level((await incoming.audio.listen(1.5))[8000:], tones.NOT_IN_MUSIC) > HEARD
        await incoming.hang_up()
        await anna.ended()
        await anna.quit()
        assert tones.level(loud(anna.heard())[8000:], 1000) > HEARD


async def test_its_digits_choose_from_the_menu(dzvin: Server, tmp_path: Path) -> None:
    async with (
        running_pjsua(tmp_path, "1001", "pw1", dzvin.sip, frequency=440, rtp=free_port()) as anna,
        FakePhone("1002", server=dzvin.sip, password="pw2") as boris,
    ):
        await boris.register()
        await anna.dial("8000")
        await anna.established()
        await heard_for(anna, 1.0)
        await anna.do("press", digits="1")
        incoming = await boris.rings()
        await incoming.answer()
        assert tones.level((await incoming.audio.listen(1.0))[4000:], 440) > HEARD
        await incoming.hang_up()
        await anna.ended()
