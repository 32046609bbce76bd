"""Things that cross each other on the way, and people who do not belong to the call."""

from __future__ import annotations

import pytest

from tests.scenarios.company import HEARD, LINE, UNHEARD, Company, connect, hear_each_other
from tests.support import tones
from tests.support.audio import HEADER
from tests.support.network import UdpPort
from tests.support.phone import FakePhone
from tests.support.server import Server

G729_ONLY = b"""v=0\r
o=phone 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio 9 RTP/AVP 18\r
a=rtpmap:18 G729/8000\r
"""


@pytest.mark.parametrize("first", ["answer", "cancel"])
async def test_an_answer_that_crosses_a_cancel_leaves_nobody_in_a_call(company: Company, first: str) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    for _ in range(3):
        call = await anna.dial("1002")
        incoming = await boris.rings()
        incoming.ring()
        await call.ringing()
        if first == "answer":
            incoming.take()
            await call.send_cancel()
        else:
            await call.send_cancel()
            incoming.take()
        if call._final.done() and call.is_up:
            await call.hang_up()
        # Whoever won: the phone that took the call is hung up, or was never connected.
        await incoming.released()


@pytest.mark.req("R-PHONE-05")
async def test_the_first_of_two_phones_to_answer_has_the_call(company: Company, server: Server) -> None:
    anna, desk = await company.phone("1001"), await company.phone("1002")
    async with FakePhone("1002", server=server.sip, password="pw2") as mobile:
        await mobile.register()
        call = await anna.dial("1002")
        at_desk, at_mobile = await desk.rings(), await mobile.rings()
        at_desk.ring()
        at_mobile.ring()
        await at_mobile.answer()
        await at_desk.cancelled()
        await call.answered()
        await hear_each_other(call, at_mobile)
        await call.hang_up()
        await at_mobile.ended()


async def test_a_strangers_sound_is_not_heard(company: Company) -> None:
    """RTP from an address that nobody agreed on, with the right payload type, at the caller's own port."""
    anna, boris = await company.phone("1001"), await company.phone("1002")
    talk = await connect(anna, boris, "1002")
    await hear_each_other(talk.caller, talk.callee)
    stranger = UdpPort(lambda data, source: None)
    codes = tones.encode(tones.tone(2000), talk.caller.audio.law)
    assert talk.caller.audio.remote
    for number in range(100):
        frame = codes[160 * (number % 50) : 160 * (number % 50) + 160]
        header = HEADER.pack(0x80, talk.caller.audio.law.value, number, 160 * number, 0xBAD)
        stranger.send(header + frame, talk.caller.audio.remote)
        if number % 10 == 0:
            await talk.caller.audio.sent_more(1)
    heard = await talk.callee.audio.listen(0.5)
    stranger.close()
    assert tones.level(heard, 2000) < UNHEARD
    assert tones.level(heard, 440) > HEARD
    assert talk.callee.audio.statistics.streams == 1
    await talk.caller.hang_up()
    await talk.callee.ended()


@pytest.mark.req("R-PHONE-19")
async def test_a_call_without_a_common_codec_is_refused_with_the_reason(company: Company) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    call = await anna.dial("1002", offer=G729_ONLY)
    assert await call.refused() == 488
    assert boris.log.times_rung == 0


async def test_a_stranger_cannot_end_a_call(company: Company, server: Server) -> None:
    """A BYE with the right Call-ID and guessed tags meets 481; the call goes on."""
    anna, boris = await company.phone("1001"), await company.phone("1002")
    talk = await connect(anna, boris, "1002")
    async with FakePhone("1001", server=server.sip) as stranger:
        bye = stranger.request(
            "BYE", "sip:1002@dzvin", "<sip:1001@dzvin>", "guessed", "<sip:1002@dzvin>;tag=guessed",
            talk.caller.sip_call_id, 9,
        )  # fmt: skip
        assert (await stranger.ask(bye)).status == 481
    await hear_each_other(talk.caller, talk.callee)
    await talk.caller.hang_up()
    await talk.callee.ended()


@pytest.mark.req("R-PANEL-08")
async def test_an_agent_who_pauses_is_not_offered_calls(company: Company, server: Server) -> None:
    caller, agent = await company.phone("1001"), await company.phone("1003")
    async with server.sign_in("agent3") as panel, panel.live() as live:
        await panel.ask("PUT", "/api/agents/me", {"will": "paused", "reason": "обід"})
        await live.agent("1003", "paused")
        call = await caller.dial(LINE)
        await call.ringing()
        await live.until("the line shows who waits", lambda message: message["type"] == "line.changed")
        assert agent.log.times_rung == 0
        await panel.ask("PUT", "/api/agents/me", {"will": "ready"})
        incoming = await agent.rings()
        await incoming.answer()
        await call.answered()
        await call.hang_up()
        await incoming.ended()
