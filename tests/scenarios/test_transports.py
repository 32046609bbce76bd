"""Phones over every transport: register, call, be called, lose the connection and come back."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from contextlib import ExitStack

import pytest

from dzvin import local_ca
from dzvin.clock import SystemClock
from tests.scenarios.company import Company, connect, hear_each_other
from tests.support.deadlines import eventually
from tests.support.phone_lines import Transport
from tests.support.server import Server

CONNECTED: tuple[Transport, ...] = ("tcp", "tls", "ws", "wss")
over_each = pytest.mark.parametrize("transport", CONNECTED)


@over_each
async def test_a_phone_calls_and_is_called(company: Company, transport: Transport) -> None:
    anna, boris = await company.phone("1001", transport=transport), await company.phone("1002")
    talk = await connect(anna, boris, "1002")
    await hear_each_other(talk.caller, talk.callee)
    await talk.caller.hang_up()
    await talk.callee.ended()
    again = await connect(boris, anna, "1001")
    await hear_each_other(again.caller, again.callee)
    await again.caller.hang_up()
    await again.callee.ended()


@over_each
async def test_two_phones_on_connections_call_each_other_with_hold(company: Company, transport: Transport) -> None:
    anna, boris = await company.phone("1001", transport=transport), await company.phone("1002", transport=transport)
    talk = await connect(anna, boris, "1002")
    await talk.caller.hold()
    await talk.caller.resume()
    await hear_each_other(talk.caller, talk.callee)
    await talk.callee.hang_up()
    await talk.caller.ended()


@over_each
async def test_a_call_outlives_its_connection_when_the_phone_comes_back(company: Company, transport: Transport) -> None:
    anna, boris = await company.phone("1001", transport=transport), await company.phone("1002")
    talk = await connect(anna, boris, "1002")
    await anna.lose_connection().lost.wait()
    anna.reconnect()
    await anna.register()
    await hear_each_other(talk.caller, talk.callee)
    await talk.callee.hang_up()
    await talk.caller.ended()


@over_each
async def test_a_phone_whose_connection_is_gone_cannot_be_called_until_it_is_back(
    company: Company, server: Server, transport: Transport
) -> None:
    anna, boris = await company.phone("1001", transport=transport), await company.phone("1002")
    registered = (await server.metrics())["dzvin_registered"]
    await anna.lose_connection().lost.wait()
    await eventually("she is offline", server.metrics, lambda now: now["dzvin_registered"] == registered - 1)
    assert await (await boris.dial("1001")).refused() == 480
    anna.reconnect()
    await anna.register()
    talk = await connect(boris, anna, "1001")
    await talk.caller.hang_up()
    await talk.callee.ended()


async def test_a_renewed_certificate_is_shown_to_the_next_and_ends_no_call(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001", transport="tls"), await company.phone("1002")
    talk = await connect(anna, boris, "1002")
    before = await asyncio.to_thread(shown_certificate, server)
    local_ca.init(local_ca.paths(server.data), ["127.0.0.1"], SystemClock().now())
    os.kill(server.pids.core, signal.SIGHUP)

    async def look() -> bytes:
        return await asyncio.to_thread(shown_certificate, server)

    await eventually("the new certificate is shown", look, lambda shown: shown != before)
    await hear_each_other(talk.caller, talk.callee)
    await talk.callee.hang_up()
    await talk.caller.ended()


def shown_certificate(server: Server) -> bytes:
    with (
        socket.create_connection(server.sip_over("tls"), 5) as plain,
        server.believing.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
    assert shown
    return shown


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_tls_is_1_2_or_later_and_needs_no_certificate_of_the_phone(server: Server) -> None:
    def spoken(highest: ssl.TLSVersion) -> str | None:
        context = server.believing
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, highest
        with (
            socket.create_connection(server.sip_over("tls"), 5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            return secure.version()

    assert await asyncio.to_thread(spoken, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    assert await asyncio.to_thread(spoken, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError, match=r"EOF|PROTOCOL_VERSION"):
        await asyncio.to_thread(spoken, ssl.TLSVersion.TLSv1_1)


@pytest.mark.parametrize("transport", ["tcp", "tls", "wss"])
async def test_a_stranger_with_a_thousand_silent_and_two_hundred_slow_connections_keeps_no_phone_out(
    company: Company, server: Server, transport: Transport
) -> None:
    stranger = "127.0.0.66"  # the acceptance file trusts 127.0.0.1 only
    before = await server.metrics()
    with ExitStack() as stack:
        for number in range(1200):
            sock = stack.enter_context(
                socket.create_connection(server.sip_over(transport), 10, source_address=(stranger, 0))
            )
            if number >= 1000:
                sock.sendall(b"R")
            if number % 20 == 0:
                await asyncio.sleep(0)
        anna, boris = await company.phone("1001", transport=transport), await company.phone("1002")
        talk = await connect(boris, anna, "1001")
        await talk.caller.hang_up()
        await talk.callee.ended()
        after = await server.metrics()
    assert after["dzvin_sip_connections"] - before["dzvin_sip_connections"] <= 101
    # Some made room for the next ones, and beyond the rate of strangers none was taken in at all.
    turned_away = ("dzvin_sip_connections_evicted_total", "dzvin_sip_connections_refused_total")
    assert sum(after[name] - before[name] for name in turned_away) >= 1000
