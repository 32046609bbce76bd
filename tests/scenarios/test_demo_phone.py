"""The demo's phone against the tests' phone: neither was written with the other in mind."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dzvin.demo_call import DemoCall
from dzvin.demo_phone import DemoPhone
from dzvin.demo_voice import Voice
from pbx.net.transport import Flow
from tests.support import tones
from tests.support.deadlines import deadline
from tests.support.phone import FakePhone

PROMPTS = Path(__file__).parents[2] / "callflow" / "prompts" / "uk"


@pytest.fixture
async def demo_phone() -> AsyncIterator[DemoPhone]:
    phone = DemoPhone(
        "1001", server=Flow("UDP", "127.0.0.1", 9), domain="dzvin", password="", voice=Voice(PROMPTS, 1.1),
        chance=random.Random(1),
    )  # fmt: skip
    await phone.open()
    yield phone
    await phone.close()


@pytest.fixture
async def other(demo_phone: DemoPhone) -> AsyncIterator[FakePhone]:
    port = demo_phone.contact.rpartition(":")[2].rstrip(">")
    async with FakePhone("other", server=("127.0.0.1", int(port))) as phone:
        demo_phone.server = Flow("UDP", "127.0.0.1", phone.port)
        yield phone


async def test_it_speaks_when_it_answers(demo_phone: DemoPhone, other: FakePhone) -> None:
    demo_phone.on_call = DemoCall.answer
    call = await other.dial("1001")
    await call.ringing()
    await call.answered()
    assert tones.loudness(await call.audio.listen(2.0)) > 100
    assert await call.hold() == "recvonly"
    assert await call.resume() == "sendrecv"
    await call.hang_up()
    assert demo_phone.is_free


async def test_it_presses_keys(demo_phone: DemoPhone, other: FakePhone) -> None:
    call = demo_phone.call("1002")
    incoming = await other.rings()
    await incoming.answer()
    await incoming.audio.listen(0.2)
    call.press("7")
    await incoming.audio.listen(0.5)
    assert incoming.audio.digits == ["7"]


async def test_it_calls_and_hangs_up(demo_phone: DemoPhone, other: FakePhone) -> None:
    call = demo_phone.call("1002", caller="+380501112203", name="Оксана")
    incoming = await other.rings()
    assert (incoming.caller, incoming.caller_name) == ("+380501112203", "Оксана")
    incoming.ring()
    await incoming.answer()
    async with deadline("the demo's phone noticed"):
        await call.answered
    call.hang_up()
    await incoming.ended()


async def test_it_gives_up(demo_phone: DemoPhone, other: FakePhone) -> None:
    call = demo_phone.call("1002")
    incoming = await other.rings()
    incoming.ring()
    call.hang_up()
    await incoming.cancelled()
    async with deadline("the demo's phone noticed"):
        await call.ended


async def test_it_declines(demo_phone: DemoPhone, other: FakePhone) -> None:
    demo_phone.on_call = lambda call: call.refuse(486)
    call = await other.dial("1001")
    assert await call.refused() == 486
