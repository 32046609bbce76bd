"""A phone in a page: WebRTC through the running product, against a WebRTC end that others wrote (aiortc)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.scenarios.company import PASSWORDS, Company, hear_each_other
from tests.support.deadlines import deadline
from tests.support.phone_lines import Transport
from tests.support.server import Server
from tests.support.web_phone import WebCall, WebPhone


@asynccontextmanager
async def web_phone(server: Server, extension: str, transport: Transport = "ws") -> AsyncIterator[WebPhone]:
    phone = WebPhone(
        extension, origin=server.http.rstrip("/"), server=server.sip_over(transport), password=PASSWORDS[extension],
        transport=transport, tls=server.believing if transport == "wss" else None,
    )  # fmt: skip
    async with phone:
        await phone.register()
        yield phone


async def test_a_phone_in_a_page_calls_a_desk_phone_and_they_hear_each_other(company: Company, server: Server) -> None:
    boris = await company.phone("1002")
    async with web_phone(server, "1001") as anna:
        outgoing = await anna.call("1002")
        incoming = await boris.rings()
        incoming.ring()
        await incoming.answer()
        await outgoing.answered()
        await outgoing.connected()
        await hear_each_other(outgoing, incoming)
        await outgoing.hang_up()
        await incoming.ended()


async def test_a_desk_phone_calls_a_phone_in_a_page(company: Company, server: Server) -> None:
    boris = await company.phone("1002")
    async with web_phone(server, "1001", "wss") as anna:
        outgoing = await boris.dial("1001")
        incoming = await anna.rings()
        assert isinstance(incoming, WebCall)
        await incoming.answer()
        await outgoing.answered()
        await incoming.connected()
        await hear_each_other(outgoing, incoming)
        await outgoing.hang_up()
        await incoming.ended()


async def test_two_phones_in_pages_hear_each_other(company: Company, server: Server) -> None:
    async with AsyncExitStack() as stack:
        anna = await stack.enter_async_context(web_phone(server, "1001"))
        vera = await stack.enter_async_context(web_phone(server, "1003"))
        outgoing = await anna.call("1003")
        incoming = await vera.rings()
        assert isinstance(incoming, WebCall)
        await incoming.answer()
        await outgoing.answered()
        await outgoing.connected()
        await incoming.connected()
        await hear_each_other(outgoing, incoming)
        await incoming.hang_up()
        await outgoing.ended()


async def test_rule_11_the_browser_hears_of_its_sound_by_rtcp_and_we_of_ours(company: Company, server: Server) -> None:
    """Without reports from us a browser shows no round trip."""
    boris = await company.phone("1002")
    async with web_phone(server, "1001") as anna:
        outgoing = await anna.call("1002")
        incoming = await boris.rings()
        await incoming.answer()
        await outgoing.answered()
        await outgoing.connected()
        outgoing.audio.play(440)
        async with deadline("a report of ours", 30):
            while "remote-inbound-rtp" not in await outgoing.statistics():
                await asyncio.sleep(0.2)
        await outgoing.hang_up()
        await incoming.ended()


async def test_a_desk_phone_holds_a_phone_in_a_page_and_takes_it_back(company: Company, server: Server) -> None:
    boris = await company.phone("1002")
    async with web_phone(server, "1001") as anna:
        outgoing = await anna.call("1002")
        incoming = await boris.rings()
        await incoming.answer()
        await outgoing.answered()
        await outgoing.connected()
        await incoming.hold()
        await incoming.resume()
        await hear_each_other(outgoing, incoming)
        await incoming.hang_up()
        await outgoing.ended()
