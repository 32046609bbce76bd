"""All ways into and out of this process for SIP: opens them, and knows what our address looks like on each."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pbx.net import stun
from pbx.net.connections import ConnectionLimits, Connections, NoRoom
from pbx.net.hosted_socket import HostedSocket, MessageSocket
from pbx.net.listener import Listener, MakeWire
from pbx.net.own_address import OwnAddress
from pbx.net.sockets import bound, prepare
from pbx.net.stream import StreamConnection
from pbx.net.tls import client_context
from pbx.net.transport import Flow, Sender, host_port, plain
from pbx.net.udp import UdpTransport
from pbx.net.websocket import AllowsOrigin, WebSocketConnection
from pbx.timers import Timers

CONNECT_WITHIN = 5.0  # seconds, TLS handshake included
STREAMS = ("TCP", "TLS", "WS", "WSS")
MAX_UNSENT = 100  # messages that wait for one connection


class NoTransport(OSError):
    """That protocol is not spoken here."""


@dataclass(frozen=True, slots=True)
class _Remote:
    protocol: str
    host: str
    port: int
    server_name: str = ""


class StreamSender:
    """What is sent over a connection goes over that connection or nowhere."""

    reliable = True

    def __init__(self, transports: Transports) -> None:
        self._transports = transports
        self.address = ("", 0)  # of our listener

    def send(self, data: bytes, flow: Flow) -> None:
        self._transports.send_stream(data, flow)

    def sent_by(self, flow: Flow) -> str:
        listens_at, port = self.address
        host, own_port = self._transports.connections.local(flow)
        return host_port(self._transports.own.for_peer(flow.host, host or listens_at), port or own_port)


class Transports:
    """`senders` has an entry for each protocol that may be used; the transaction layer works on it."""

    def __init__(
        self,
        timers: Timers,
        own: OwnAddress,
        limits: ConnectionLimits | None = None,
        *,
        admits: Callable[[str], bool] = lambda _: True,
        unlimited: Callable[[str], bool] = lambda _: False,
        believes: Callable[[], ssl.SSLContext] = client_context,
    ) -> None:
        """`admits`: whether a connection from that host is worth having; `unlimited`: whether it is free of limits.
        `believes`: the context of TLS connections that we open; without it the system's authorities are believed."""
        self.connections = Connections(timers, limits or ConnectionLimits(), admits=admits, unlimited=unlimited)
        self.own = own
        self._admits = admits
        self._believes = believes
        self.senders: dict[str, Sender] = {}
        self.addresses: dict[str, str] = {}
        """Where we listen: protocol in lower case -> host:port."""
        self.on_message: Callable[[bytes, Flow], None] = _nobody_listens
        self._udp: UdpTransport | None = None
        self._listeners: list[Listener] = []
        self._outbound: dict[_Remote, asyncio.Future[Flow]] = {}
        self._opening: set[asyncio.Task[Flow]] = set()
        self._unsent: dict[Flow, list[bytes]] = {}  # while the connection is being opened
        self.on_lost: list[Callable[[Flow], None]] = []
        """A connection ended. One that we opened is told a second time without its number."""
        self.on_unreachable: list[Callable[[Flow], None]] = []
        """A connection could not be opened."""
        for protocol in STREAMS:
            self.senders[protocol] = StreamSender(self)
        self.connections.on_lost.append(self._lost)

    # ---- opening ---------------------------------------------------------------------------------------------------

    async def listen_udp(self, host: str, port: int) -> UdpTransport:
        """Raises OSError (address in use, no such address)."""
        self._udp = udp = await UdpTransport.bind(host, port, self._datagram, own=self.own)
        self.senders["UDP"] = udp
        self.addresses["udp"] = host_port(udp.host, udp.port)
        return udp

    async def listen_stream(self, host: str, port: int, tls: Callable[[], ssl.SSLContext] | None = None) -> Listener:
        """TCP, or TLS when there is a context for it. Raises OSError."""
        protocol = "TLS" if tls else "TCP"

        def make(peer: str, peer_port: int) -> StreamConnection:
            return StreamConnection(self.connections, protocol, peer, peer_port, self._received)

        return await self._listen(protocol, host, port, make, tls)

    async def listen_websocket(
        self, host: str, port: int, allows: AllowsOrigin, tls: Callable[[], ssl.SSLContext] | None = None
    ) -> Listener:
        """WebSockets on a port of their own, at any path; secure when there is a context for it. Raises OSError."""
        protocol = "WSS" if tls else "WS"

        def make(peer: str, peer_port: int) -> WebSocketConnection:
            return WebSocketConnection(self.connections, protocol, peer, peer_port, self._received, allows)

        return await self._listen(protocol, host, port, make, tls)

    async def serve_websocket(
        self, socket: MessageSocket, peer: tuple[str, int], local: tuple[str, int], *, secure: bool, page: bool
    ) -> None:
        """Speak SIP over a WebSocket that another server has been asked for, until it ends. Raises NoRoom, before it is
        accepted. A proxy in between may not tell the peer's port: then that is 0. page: a browser asked for it."""
        host, port = peer
        protocol = "WSS" if secure else "WS"
        # A port of 0 is nobody's, and the connection has a number that tells it from others.
        hosted = HostedSocket(self.connections, protocol, (plain(host), port or 1), local, socket, self._received)
        if page:
            self.connections.opened_by_a_page(hosted.flow)
        await hosted.serve()

    async def _listen(
        self,
        protocol: str,
        host: str,
        port: int,
        make: MakeWire,
        tls: Callable[[], ssl.SSLContext] | None,
    ) -> Listener:
        sock = await bound(host, port, socket.SOCK_STREAM)
        listener = Listener(sock, make, tls, self.connections.limits.handshake_within)
        self._listeners.append(listener)
        self.addresses[protocol.lower()] = host_port(listener.host, listener.port)
        sender = self.senders[protocol]
        assert isinstance(sender, StreamSender)
        sender.address = listener.host, listener.port
        return listener

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        for task in (*self._opening, *self._outbound.values()):
            task.cancel()
        self.connections.close()
        if self._udp is not None:
            self._udp.close()

    @property
    def dropped(self) -> int:
        """Datagrams that the kernel would not take."""
        return self._udp.dropped if self._udp is not None else 0

    # ---- use -------------------------------------------------------------------------------------------------------

    def is_open(self, flow: Flow) -> bool:
        """Whether something can be sent over it, as far as can be known."""
        return flow.connection == 0 or self.connections.is_open(flow)

    def send_stream(self, data: bytes, flow: Flow) -> None:
        """Raises OSError when the connection is gone. What cannot be sent later is told by `on_unreachable`."""
        if flow.connection:
            self.connections.send(data, flow)
            return
        pending = self._outbound.get(_Remote(flow.protocol, flow.host, flow.port))
        if pending is not None and pending.done():
            self.connections.send(data, pending.result())
            return
        waiting = self._unsent.setdefault(flow, [])
        if len(waiting) >= MAX_UNSENT:
            raise ConnectionError("too much waits for that connection")
        waiting.append(data)
        if len(waiting) == 1:
            self._open(flow)

    def probe(self, flow: Flow) -> None:
        """Find out whether a connection can be had there: `on_unreachable` tells if not."""
        if flow not in self._unsent:
            self._unsent[flow] = []
            self._open(flow)

    def _open(self, flow: Flow) -> None:
        task = asyncio.ensure_future(self.connect(flow.protocol, flow.host, flow.port))
        self._opening.add(task)
        task.add_done_callback(lambda done: self._opened(flow, done))

    def _opened(self, flow: Flow, done: asyncio.Task[Flow]) -> None:
        self._opening.discard(done)
        waiting = self._unsent.pop(flow, [])
        if done.cancelled():
            return
        if done.exception() is not None:
            for tell in self.on_unreachable:
                tell(flow)
            return
        for data in waiting:
            try:
                self.connections.send(data, done.result())
            except OSError:
                return  # lost again: that is told by itself

    def vouch(self, flow: Flow) -> None:
        """Somebody who has proven who it is speaks over this flow: its connection may stay."""
        if flow.is_stream:
            self.connections.vouch(flow)

    async def connect(
        self, protocol: str, host: str, port: int, *, server_name: str = "", tls: ssl.SSLContext | None = None
    ) -> Flow:
        """The flow to a server, such as a trunk. A connection that is open is used again.

        host: an address, or for a stream also a name. `server_name`: whom the certificate must name, if not `host`.
        `tls`: a context of the caller's own; otherwise that of everybody.
        Raises OSError (refused, unreachable, a certificate that is not believed) or TimeoutError.
        """
        if protocol == "UDP" and self._udp is not None:
            return Flow("UDP", plain(host), port)
        if protocol not in ("TCP", "TLS"):
            raise NoTransport(f"{protocol} is not spoken here")
        remote = _Remote(protocol, host, port, server_name)
        pending = self._outbound.get(remote)
        if pending is None:
            context = (tls or self._believes()) if protocol == "TLS" else None
            pending = self._outbound[remote] = asyncio.ensure_future(self._connect(remote, context))
            pending.add_done_callback(lambda done: self._connected(remote, done))
        return await asyncio.shield(pending)

    async def _connect(self, remote: _Remote, tls: ssl.SSLContext | None) -> Flow:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_WITHIN):
            sock = await _reached(remote.host, remote.port)
            host, port = sock.getpeername()[:2]
            try:
                wire = StreamConnection(self.connections, remote.protocol, plain(host), port, self._received, ours=True)
            except NoRoom:
                sock.close()
                raise
            name = (remote.server_name or remote.host) if tls else None
            try:
                await loop.create_connection(lambda: wire, sock=sock, ssl=tls, server_hostname=name)
            except BaseException:
                sock.close()
                wire.connection_lost(None)
                raise
        return wire.flow

    def _connected(self, remote: _Remote, done: asyncio.Future[Flow]) -> None:
        if done.cancelled() or done.exception() is not None or not self.is_open(done.result()):
            self._outbound.pop(remote, None)

    def _lost(self, flow: Flow) -> None:
        for tell in self.on_lost:
            tell(flow)
        for remote, pending in list(self._outbound.items()):
            if pending.done() and not pending.cancelled() and pending.exception() is None and pending.result() == flow:
                del self._outbound[remote]
                for tell in self.on_lost:
                    tell(Flow(remote.protocol, remote.host, remote.port))

    def _received(self, data: bytes, flow: Flow) -> None:
        self.on_message(data, flow)

    def _datagram(self, data: bytes, flow: Flow) -> None:
        if not stun.is_stun(data):
            self.on_message(data, flow)
        elif self._admits(flow.host) and (answer := stun.answer(data, flow.host, flow.port)):
            with suppress(OSError):
                self.senders["UDP"].send(answer, flow)


async def _reached(host: str, port: int) -> socket.socket:
    """A connection to the first address of that host that takes one. Raises OSError."""
    loop = asyncio.get_running_loop()
    refusal = OSError(f"{host} has no address")
    for family, kind, _, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind)
        try:
            sock.setblocking(False)
            prepare(sock)
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            refusal = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise refusal


def _nobody_listens(data: bytes, flow: Flow) -> None:
    """Before the transaction layer is there."""
