"""One TCP or TLS connection that carries SIP, and what it shares with a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import structlog

from pbx.net.connections import Connections
from pbx.net.framing import Framer, KeepAlive
from pbx.net.transport import Flow, plain
from pbx.sip.errors import RemoteProtocolError

log = structlog.get_logger("pbx.net")

AT_ONCE = 32
"""Messages of one connection that are handled in a row; then the loop serves others."""

OnMessage = Callable[[bytes, Flow], None]


class Wire(asyncio.Protocol):
    """What every connection of ours shares: its place in the table, its transport, a bound on what it leaves unread."""

    def __init__(self, connections: Connections, protocol: str, host: str, port: int, *, ours: bool = False) -> None:
        """`ours`: we open it. Raises NoRoom."""
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self.opening: asyncio.Task[None] | None = None  # while a handshake goes on
        self.flow = connections.add(protocol, host, port, self, ours=ours)
        self.local: tuple[str, int] = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not registered as such
        host, port = (transport.get_extra_info("sockname") or self.local)[:2]
        self.local = plain(host), port
        if not self._connections.is_open(self.flow):
            self._transport.abort()  # it was given up during its handshake

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._connections.remove(self.flow)

    def write(self, data: bytes) -> None:
        """Raises OSError when the connection is closing, or when the peer does not read."""
        transport = self._transport
        if transport is None or self.is_over:
            raise ConnectionResetError("the connection is closing")
        if transport.get_write_buffer_size() + len(data) > self._connections.limits.unsent:
            self.end()
            raise ConnectionAbortedError("the peer does not read")
        transport.write(data)

    @property
    def is_over(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def end(self) -> None:
        if self.opening is not None:
            self.opening.cancel()
        if self._transport is not None:
            self._transport.abort()

    def overdue(self, now: float) -> str:
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        raise NotImplementedError

    def _handle(self) -> None:
        """Handle a bounded part of what came."""
        raise NotImplementedError

    def _pause(self, more: bool) -> None:
        """While `more` waits to be handled nothing is read: others come in between."""
        if self._transport is None or self.is_over:
            return
        if more:
            self._loop.call_soon(self._handle)
            if not self._paused:
                self._transport.pause_reading()
        elif self._paused:
            self._transport.resume_reading()
        self._paused = more


class StreamConnection(Wire):
    def __init__(
        self,
        connections: Connections,
        protocol: str,
        host: str,
        port: int,
        on_message: OnMessage,
        *,
        ours: bool = False,
    ) -> None:
        super().__init__(connections, protocol, host, port, ours=ours)
        self._on_message = on_message
        self._framer = Framer()
        self._midway_since: float | None = None

    def send(self, data: bytes) -> None:
        self.write(data)

    def data_received(self, data: bytes) -> None:
        self._framer.feed(data)
        self._connections.heard(self.flow)
        if not self._paused:
            self._handle()

    def overdue(self, now: float) -> str:
        late = self._midway_since is not None and now - self._midway_since > self._connections.limits.message_within
        return "a message that does not end" if late else ""

    def _handle(self) -> None:
        """Handle what is whole, a bounded number at once."""
        try:
            handled = self._handle_some()
        except RemoteProtocolError as error:
            log.debug("unframed", flow=str(self.flow), reason=str(error))
            self.end()
            return
        except OSError:
            return  # no answer to a ping can be sent: connection_lost follows
        self._pause(handled == AT_ONCE)
        if handled or not self._framer.is_midway:
            self._midway_since = None
        if self._framer.is_midway and self._midway_since is None:
            self._midway_since = self._loop.time()

    def _handle_some(self) -> int:
        handled = 0
        for framed in self._framer:
            if self.is_over:
                break
            if framed is KeepAlive.PING:
                # RFC 5626 §4.4.1: "the server … MUST … respond with a single CRLF".
                self.write(b"\r\n")
            else:
                assert isinstance(framed, bytes)
                self._on_message(framed, self.flow)
            handled += 1
            if handled == AT_ONCE:
                break
        return handled
