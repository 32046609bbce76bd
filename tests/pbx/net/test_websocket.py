"""SIP over WebSocket (RFC 7118) against real sockets and a client that others wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from dzvin import local_ca
from dzvin.clock import SystemClock
from pbx.net.connections import ConnectionLimits
from pbx.net.framing import MAX_MESSAGE
from pbx.net.tls import Certificate, client_context
from tests.pbx.net.network import OPTIONS, PAGE, Net, closed, listening
from tests.support.deadlines import DEADLINE

RING = b"SIP/2.0 180 Ringing\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)


@asynccontextmanager
async def opened(
    net: Net, *, origin: str | None = PAGE, subprotocols: Sequence[str] = ("sip",), authorities: Path | None = None
) -> AsyncIterator[ClientConnection]:
    scheme, context = ("wss", client_context(authorities)) if authorities else ("ws", None)
    async with connect(
        f"{scheme}://127.0.0.1:{net.port}/any/path",
        origin=None if origin is None else Origin(origin),
        subprotocols=[Subprotocol(name) for name in subprotocols],
        ssl=context, proxy=None, ping_interval=None,
    ) as peer:  # fmt: skip
        yield peer


async def test_a_message_is_one_message_and_its_answer_goes_back_as_text() -> None:
    async with listening(kind="websocket") as net:
        assert net.transports.addresses == {"ws": f"127.0.0.1:{net.port}"}
        async with opened(net) as peer:
            assert peer.subprotocol == "sip"
            await peer.send(OPTIONS.decode())
            await peer.send(OPTIONS)  # as binary
            await net.hears(2)
            assert [data for data, _ in net.heard] == [OPTIONS, OPTIONS]
            flow = net.heard[0][1]
            assert flow.protocol == "WS"
            net.transports.senders["WS"].send(RING, flow)
            assert await peer.recv() == RING.decode()
            net.transports.senders["WS"].send(b"\xff", flow)
            assert await peer.recv() == b"\xff"
        await net.is_empty()
        assert net.lost == [flow]


async def test_over_tls_it_is_wss(tmp_path: Path) -> None:
    files = local_ca.Paths(tmp_path)
    local_ca.init(files, ["sip.example.com"], SystemClock().now())
    async with (
        listening(kind="websocket", certificate=Certificate(files.certificate, files.key)) as net,
        opened(net, authorities=files.ca) as peer,
    ):
        await peer.send(OPTIONS.decode())
        await net.hears(1)
        assert net.heard[0][1].protocol == "WSS"


async def test_a_message_in_fragments_is_one_message() -> None:
    async with listening(kind="websocket") as net, opened(net) as peer:
        await peer.send(iter([OPTIONS[:7].decode(), OPTIONS[7:20].decode(), OPTIONS[20:].decode()]))
        await net.hears(1)
        assert net.heard[0][0] == OPTIONS


async def test_two_line_ends_are_answered_with_one() -> None:
    async with listening(kind="websocket") as net, opened(net) as peer:
        await peer.send("\r\n\r\n")
        assert await peer.recv() == "\r\n"
        assert net.heard == []


@pytest.mark.parametrize("origin", ["https://evil.example", "http://panel.example", f"{PAGE}:443", "null"])
async def test_the_page_of_another_site_is_refused(origin: str) -> None:
    async with listening(kind="websocket") as net:
        with pytest.raises(InvalidStatus) as refused:
            async with opened(net, origin=origin):
                pass
        assert refused.value.response.status_code == 403
        await net.is_empty()


async def test_a_program_that_is_no_browser_names_no_page() -> None:
    async with listening(kind="websocket") as net, opened(net, origin=None) as peer:
        await peer.send(OPTIONS.decode())
        await net.hears(1)


@pytest.mark.parametrize("offered", [(), ("xmpp",)])
async def test_who_does_not_speak_sip_is_refused(offered: tuple[str, ...]) -> None:
    async with listening(kind="websocket") as net:
        with pytest.raises(InvalidStatus) as refused:
            async with opened(net, subprotocols=offered):
                pass
        assert refused.value.response.status_code == 400
        assert "server" not in refused.value.response.headers
        await net.is_empty()


async def test_a_message_is_at_most_64_kib() -> None:
    async with listening(kind="websocket") as net:
        async with opened(net) as peer:
            await peer.send("x" * MAX_MESSAGE)
            await net.hears(1)
            await peer.send("x" * (MAX_MESSAGE + 1))
            with pytest.raises(ConnectionClosed) as over:
                await peer.recv()
            assert over.value.rcvd is not None
            assert over.value.rcvd.code == 1009
        await net.is_empty()


async def test_fragments_together_are_at_most_64_kib() -> None:
    async with listening(kind="websocket") as net:
        async with opened(net) as peer:
            with pytest.raises(ConnectionClosed):
                await peer.send(iter(["x" * 30_000] * 3))
                await peer.recv()
        await net.is_empty()
        assert net.heard == []


@pytest.mark.parametrize("said", [b"", UPGRADE[:-2], b"GET /" + b"x" * 100], ids=["nothing", "half", "a line"])
async def test_a_handshake_has_its_time(said: bytes) -> None:
    async with listening(kind="websocket", limits=ConnectionLimits(handshake_within=0.2)) as net:
        reader, writer = await net.dial()
        writer.write(said)
        assert await closed(reader)
        writer.close()
        await net.is_empty()


@pytest.mark.parametrize(
    "said",
    [
        OPTIONS,
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
    ],
    ids=["SIP", "POST", "no upgrade", "TLS"],
)
async def test_what_is_no_upgrade_is_closed(said: bytes) -> None:
    async with listening(kind="websocket") as net:
        reader, writer = await net.dial()
        writer.write(said)
        async with asyncio.timeout(DEADLINE):
            answer = await reader.read()
        assert b" 101 " not in answer
        writer.close()
        await net.is_empty()


@pytest.mark.parametrize(
    "frame",
    [b"\x81\xfe\x10\x00\x00\x00\x00\x00" + b"x" * 20, b"\x01\x81\x00\x00\x00\x00x", b"\x81"],
    ids=["a frame", "fragments", "a header"],
)
async def test_a_message_that_does_not_end_has_ten_seconds(frame: bytes) -> None:
    async with listening(kind="websocket", limits=ConnectionLimits(message_within=0.5)) as net:
        reader, writer = await net.dial()
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(frame)
        assert await closed(reader)
        writer.close()
        assert (net.heard, net.transports.connections.expired) == ([], 1)


async def test_a_frame_that_breaks_the_protocol_ends_its_connection_only() -> None:
    async with listening(kind="websocket") as net, opened(net) as other:
        reader, writer = await net.dial()
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x81\x01x")  # not masked
        assert b"\x88" in await asyncio.wait_for(reader.read(), DEADLINE)
        writer.close()
        await other.send(OPTIONS.decode())
        await net.hears(1)


async def test_thousands_of_tiny_frames_at_once_leave_room_for_others() -> None:
    async with listening(kind="websocket") as net:
        reader, writer = await net.dial()
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        heard_between = list[int]()

        def hear(data: bytes, flow: object) -> None:
            if not net.heard:
                asyncio.get_running_loop().call_soon(lambda: heard_between.append(len(net.heard)))
            net.heard.append((data, flow))  # type: ignore[arg-type]  # only counted

        net.transports.on_message = hear
        writer.write(b"\x82\x81\x00\x00\x00\x00x" * 20_000)
        await net.hears(20_000)
        assert heard_between[0] < 1000
        writer.close()


async def test_a_peer_that_does_not_read_is_cut_off() -> None:
    async with listening(kind="websocket", limits=ConnectionLimits(unsent=100_000)) as net:
        reader, writer = await net.dial()
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x82\x81\x00\x00\x00\x00x")
        await net.hears(1)
        flow = net.heard[0][1]
        with pytest.raises(OSError, match="does not read"):
            for _ in range(1000):
                net.transports.senders["WS"].send(b"x" * 60_000, flow)
        await net.is_empty()
        writer.close()


async def test_who_does_not_answer_a_ping_is_gone() -> None:
    limits = ConnectionLimits(ping_after=0.3, pong_within=1.5)  # this process answers too, and may be slow
    async with listening(kind="websocket", limits=limits) as net, opened(net) as answers:
        reader, silent = await net.dial()
        silent.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        with suppress(ConnectionResetError):
            async with asyncio.timeout(DEADLINE):
                assert await reader.read() == b"\x89\x00"
        silent.close()
        assert net.transports.connections.expired == 1
        await answers.send(OPTIONS.decode())
        await net.hears(1)
