"""What carries a fake phone's messages: a UDP socket, or one connection over TCP, TLS or a WebSocket.

Apart from `pbx.net`, so that a fault there is not mirrored here.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.network import Address

Transport = Literal["udp", "tcp", "tls", "ws", "wss"]

CLOSES_WITHIN = 5.0  # seconds

_LENGTH = re.compile(rb"\r\nContent-Length: *([0-9]+)", re.IGNORECASE)


class StreamLine:
    """A connection that is opened at once; what is sent before it is ready waits. `on_message` gets each message, and
    `lost` is set when the connection is gone, however that came."""

    def __init__(
        self,
        transport: Transport,
        server: Address,
        on_message: Callable[[bytes, Address], None],
        *,
        tls: ssl.SSLContext | None = None,
        path: str = "/sip",
        origin: str | None = None,
    ) -> None:
        self.server = server
        self.lost = asyncio.Event()
        self._transport = transport
        self._on_message = on_message
        self._tls = tls if transport in ("tls", "wss") else None
        self._path, self._origin = path, origin
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._socket = socket.create_connection(server, 5)  # at once on this machine, so that its address is known
        self._socket.setblocking(False)
        self.address: Address = self._socket.getsockname()[:2]
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def port(self) -> int:
        return self.address[1]

    def send(self, data: bytes, to: Address) -> None:
        """`to` is for phones on UDP: a connection leads to one place."""
        self._outbox.put_nowait(data)

    def close(self) -> None:
        self._task.cancel()

    async def closed(self) -> None:
        """Returns when nothing of it is left, after `close`."""
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            if self._transport in ("ws", "wss"):
                await self._speak_websocket()
            else:
                await self._speak_stream()
        except (OSError, asyncio.IncompleteReadError, ConnectionClosed):
            pass
        finally:
            self._socket.close()
            self.lost.set()

    async def _speak_stream(self) -> None:
        name = self.server[0] if self._tls else None
        reader, writer = await asyncio.open_connection(sock=self._socket, ssl=self._tls, server_hostname=name)

        async def write() -> None:
            while True:
                writer.write(await self._outbox.get())

        writing = asyncio.ensure_future(write())
        try:
            while True:
                self._on_message(await _message(reader), self.server)
        finally:
            writing.cancel()
            writer.close()
            try:
                async with asyncio.timeout(CLOSES_WITHIN):
                    await writer.wait_closed()
            except OSError:  # a server that does not say good-bye, TimeoutError too
                writer.transport.abort()

    async def _speak_websocket(self) -> None:
        scheme = "wss" if self._tls else "ws"
        async with connect(
            f"{scheme}://{written(self.server)}{self._path}",
            sock=self._socket, ssl=self._tls, subprotocols=[Subprotocol("sip")], origin=self._origin,  # type: ignore[arg-type]  # a string of another name
            compression=None, proxy=None, close_timeout=CLOSES_WITHIN,
        ) as peer:  # fmt: skip
            writing = asyncio.ensure_future(self._write_websocket(peer))
            try:
                async for message in peer:
                    self._on_message(message.encode() if isinstance(message, str) else message, self.server)
            finally:
                writing.cancel()

    async def _write_websocket(self, peer: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await peer.send((await self._outbox.get()).decode())


class ListeningLine:
    """A provider's end of a trunk over TCP or TLS: who connected last is who is spoken to."""

    def __init__(
        self,
        port: int,
        on_message: Callable[[bytes, Address], None],
        *,
        certificate: ssl.SSLContext | None = None,
    ) -> None:
        self._on_message = on_message
        self._certificate = certificate
        self._socket = socket.create_server(("127.0.0.1", port))
        self.address: Address = self._socket.getsockname()
        self._writers: list[asyncio.StreamWriter] = []
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def port(self) -> int:
        return self.address[1]

    @property
    def times_connected(self) -> int:
        return len(self._writers)

    def send(self, data: bytes, to: Address) -> None:
        self._writers[-1].write(data)

    def close(self) -> None:
        self._task.cancel()

    async def closed(self) -> None:
        """Returns when nothing of it is left, after `close`."""
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        """Whoever is still at its handshake when we close is ours to end: a server of asyncio's forgets it."""
        loop = asyncio.get_running_loop()
        self._socket.setblocking(False)
        try:
            async with asyncio.TaskGroup() as connections:
                while True:
                    sock, _ = await loop.sock_accept(self._socket)
                    connections.create_task(self._serve(sock))
        finally:
            self._socket.close()

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, ssl=self._certificate)
        except OSError:  # a handshake that failed
            sock.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self._writers.append(writer)
        peer: Address = writer.get_extra_info("peername")[:2]
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    self._on_message(await _message(reader), peer)
        finally:
            transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Raises asyncio.IncompleteReadError at the end."""
    head = await reader.readuntil(b"\r\n\r\n")
    found = _LENGTH.search(head)
    assert found, f"a message without Content-Length over a stream: {head!r}"
    return head + await reader.readexactly(int(found[1]))


def contact_host(transport: Transport, address: Address) -> str:
    """Host, port and transport of a phone's Contact. A WebSocket client takes no connections, so its host is made up,
    below ".invalid" (RFC 7118 §5.1)."""
    match transport:
        case "udp":
            return written(address)
        case "ws" | "wss":
            return f"{secrets.token_hex(6)}.invalid;transport=ws"
        case _:
            return f"{written(address)};transport={transport}"


def written(address: Address) -> str:
    """As SIP writes it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
