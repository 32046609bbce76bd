"""SIP over TCP against real sockets: answers on the connection they came from, and peers that behave badly."""

from __future__ import annotations

import asyncio
import socket

import pytest

from pbx.net.connections import ConnectionLimits
from pbx.net.stream import AT_ONCE
from pbx.net.transport import Flow
from pbx.net.transports import NoTransport
from tests.pbx.net.network import OPTIONS, closed, listening
from tests.support.deadlines import until
from tests.support.network import free_port


async def test_an_answer_goes_back_on_the_connection_of_its_request() -> None:
    async with listening() as net:
        (_, first), (reader, second) = await net.dial(), await net.dial()
        second.write(OPTIONS)
        await net.hears(1)
        ((data, flow),) = net.heard
        assert data == OPTIONS
        assert (flow.protocol, flow.port) == ("TCP", second.get_extra_info("sockname")[1])
        net.transports.senders["TCP"].send(b"SIP/2.0 200 OK\r\n\r\n", flow)
        assert await reader.readexactly(18) == b"SIP/2.0 200 OK\r\n\r\n"
        first.close()
        second.close()
        await net.is_empty()
        assert flow in net.lost
        with pytest.raises(OSError, match="gone"):
            net.transports.senders["TCP"].send(b"late", flow)


async def test_a_ping_is_answered_with_a_pong() -> None:
    async with listening() as net:
        reader, writer = await net.dial()
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        assert net.heard == []
        writer.close()


async def test_a_stream_that_cannot_be_followed_is_closed() -> None:
    async with listening() as net:
        reader, writer = await net.dial()
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await closed(reader)
        assert net.heard == []
        writer.close()


async def test_a_message_that_comes_in_drops_has_ten_seconds() -> None:
    async with listening(limits=ConnectionLimits(message_within=0.5)) as net:
        reader, writer = await net.dial()
        writer.write(OPTIONS[:10])
        assert await closed(reader)
        assert (net.heard, net.transports.connections.expired) == ([], 1)
        writer.close()


async def test_a_thousand_messages_at_once_are_all_heard_in_order_and_others_are_served_meanwhile() -> None:
    async with listening() as net:
        served_after = list[int]()

        def hear(data: bytes, flow: Flow) -> None:
            if not net.heard:
                asyncio.get_running_loop().call_soon(lambda: served_after.append(len(net.heard)))
            net.heard.append((data, flow))

        net.transports.on_message = hear
        _, writer = await net.dial()
        messages = [OPTIONS.replace(b"x", str(number).encode()) for number in range(1000)]
        writer.write(b"".join(messages))
        await net.hears(1000)
        assert [data for data, _ in net.heard] == messages
        assert served_after == [AT_ONCE]
        writer.close()


async def test_a_peer_that_does_not_read_is_cut_off() -> None:
    async with listening(limits=ConnectionLimits(unsent=100_000)) as net:
        _, writer = await net.dial()
        writer.write(OPTIONS)
        await net.hears(1)
        flow = net.heard[0][1]
        with pytest.raises(OSError, match="does not read"):
            for _ in range(1000):
                net.transports.senders["TCP"].send(b"x" * 60_000, flow)
        await net.is_empty()
        writer.close()


async def test_a_connection_that_we_open_is_used_again_while_it_lives() -> None:
    async with listening() as far, listening() as near:
        flow, same = await asyncio.gather(*(near.transports.connect("TCP", "127.0.0.1", far.port) for _ in range(2)))
        assert flow == same == await near.transports.connect("TCP", "127.0.0.1", far.port)
        near.transports.senders["TCP"].send(OPTIONS, flow)
        await far.hears(1)
        far.transports.senders["TCP"].send(OPTIONS, far.heard[0][1])
        await near.hears(1)
        assert near.heard[0] == (OPTIONS, flow)
        far.transports.connections.close()
        await until("the far end is gone", lambda: not near.transports.is_open(flow))
        again = await near.transports.connect("TCP", "127.0.0.1", far.port)
        assert again != flow
        assert near.transports.is_open(again)


async def test_what_cannot_be_reached_is_told_and_tried_again_next_time() -> None:
    port = free_port()
    async with listening() as net:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                await net.transports.connect("TCP", "127.0.0.1", port)
        assert len(net.transports.connections) == 0
        for protocol in ("SCTP", "WS", "UDP"):
            with pytest.raises(NoTransport):
                await net.transports.connect(protocol, "127.0.0.1", port)


async def test_via_names_our_port_on_a_connection_that_we_opened() -> None:
    """So that the peer's requests reach our listener, not a port that ends with the connection (§18.1.1)."""
    async with listening() as far, listening() as near:
        flow = await near.transports.connect("TCP", "127.0.0.1", far.port)
        assert near.transports.senders["TCP"].sent_by(flow) == f"127.0.0.1:{near.port}"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
async def test_one_socket_serves_both_families_and_names_ipv4_as_ipv4() -> None:
    async with listening("::") as net:
        for host in ("127.0.0.1", "::1"):
            _, writer = await asyncio.open_connection(host, net.port)
            writer.write(OPTIONS)
            await net.hears(1)
            flow = net.heard.pop()[1]
            assert flow.host == host
            local = f"[{host}]" if ":" in host else host
            assert net.transports.senders["TCP"].sent_by(flow) == f"{local}:{net.port}"
            writer.close()
