"""One WebSocket that carries SIP (RFC 7118), over a TCP or TLS connection of ours.

The `websockets` library speaks the protocol without input or output; this is its connection. RFC 7118 §5: "Each SIP
message MUST be carried within a single WebSocket message, and a WebSocket message MUST NOT contain more than one SIP
message", so nothing is framed here, and Content-Length may be absent.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import structlog
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from pbx.net.connections import Connections
from pbx.net.framing import MAX_MESSAGE
from pbx.net.stream import OnMessage, Wire

log = structlog.get_logger("pbx.net")

SIP = Subprotocol("sip")
STEP = 4096
"""Octets of one connection that are read in a row; then the loop serves others. A stranger can put hundreds of frames
into them."""

AllowsOrigin = Callable[[str], bool]
"""Whether a page from there may open a socket."""


class WebSocketConnection(Wire):
    """The server's end. `allows`: the pages that may open one; a client that is no browser names no origin, and no page
    can make a browser leave its own out."""

    def __init__(
        self,
        connections: Connections,
        protocol: str,
        host: str,
        port: int,
        on_message: OnMessage,
        allows: AllowsOrigin,
    ) -> None:
        super().__init__(connections, protocol, host, port)
        self._on_message = on_message
        self._allows = allows
        # No extension is offered: a compressed message could be a thousand times as long as what came.
        self._protocol = ServerProtocol(subprotocols=[SIP], max_size=MAX_MESSAGE)
        self._unread = bytearray()
        self._parts: list[bytes] = []  # of a message in fragments
        self._opened_at = self._heard_at = self._loop.time()
        self._midway_since: float | None = None
        self._pinged_at: float | None = None

    def send(self, data: bytes) -> None:
        """Raises OSError."""
        try:
            if _is_text(data):
                self._protocol.send_text(data)
            else:
                self._protocol.send_binary(data)
        except InvalidState as error:
            raise ConnectionResetError("the connection is closing") from error
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        self._heard_at = self._loop.time()
        self._connections.heard(self.flow)
        if not self._paused:
            self._handle()

    def overdue(self, now: float) -> str:
        limits = self._connections.limits
        if self._protocol.state is State.CONNECTING:
            return "no handshake" if now - self._opened_at > limits.handshake_within else ""
        if self._midway_since is not None and now - self._midway_since > limits.message_within:
            return "a message that does not end"
        if self._pinged_at is not None:
            return "no pong" if now - self._pinged_at > limits.pong_within else ""
        if now - self._heard_at > limits.ping_after:
            self._ping(now)
        return ""

    def _ping(self, now: float) -> None:
        self._pinged_at = now
        try:
            self._protocol.send_ping(b"")
            self._flush()
        except (InvalidState, OSError):
            self.end()

    def _handle(self) -> None:
        if self.is_over:
            return
        piece = bytes(memoryview(self._unread)[:STEP])
        del self._unread[:STEP]
        self._protocol.receive_data(piece)
        events = self._protocol.events_received()
        try:
            for event in events:
                self._happened(event)
            self._flush()
        except OSError:
            return  # connection_lost follows
        self._note_progress(bool(events), more=bool(piece))
        self._pause(bool(self._unread))

    def _happened(self, event: object) -> None:
        if isinstance(event, Request):
            self._protocol.send_response(self._answer(event))
        elif isinstance(event, Frame):
            self._pinged_at = None
            if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._parts.append(bytes(event.data))
                if event.fin:
                    message, self._parts = b"".join(self._parts), []
                    self._received(message)

    def _received(self, message: bytes) -> None:
        # RFC 7118 §6 and RFC 5626 §4.4.1: a double CRLF is answered with a single one.
        if message == b"\r\n\r\n":
            self._protocol.send_text(b"\r\n")
        elif not self.is_over:
            self._on_message(message, self.flow)

    def _answer(self, request: Request) -> Response:
        origins = request.headers.get_all("Origin")
        if not all(self._allows(origin) for origin in origins):
            return self._protocol.reject(HTTPStatus.FORBIDDEN, "Not from that page.\n")
        if origins:
            self._connections.opened_by_a_page(self.flow)
        # RFC 7118 §4.1: "the client MUST include the value "sip" in the list of protocols": 400 without.
        return self._protocol.accept(request)

    def _note_progress(self, happened: bool, *, more: bool) -> None:
        """A frame that has begun and does not end, or a message whose fragments do not, has its time."""
        if happened and not self._parts:
            self._midway_since = None
        elif more and self._midway_since is None:
            self._midway_since = self._loop.time()

    def _flush(self) -> None:
        """Raises OSError."""
        for data in self._protocol.data_to_send():
            if data:
                self.write(data)
            elif self._transport is not None:
                self._transport.close()  # the closing handshake is done, or the peer broke the protocol


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
