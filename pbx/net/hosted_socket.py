"""A WebSocket for SIP that somebody else serves, such as the panel's web server: its place among our connections."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Protocol

from pbx.net.connections import Connections
from pbx.net.stream import AT_ONCE, OnMessage

GOING_AWAY = 1001


class MessageSocket(Protocol):
    """An asked-for WebSocket. Whoever serves it checks where its page comes from, speaks the sub-protocol "sip", sends
    pings and bounds a message to 64 KiB. Its methods raise ConnectionError when the peer is gone."""

    async def accept(self) -> None: ...
    async def receive(self) -> bytes: ...
    async def send(self, message: bytes) -> None: ...
    async def close(self, code: int) -> None: ...


class HostedSocket:
    """A `Line`. Taken into the table when it is made; `serve` runs until it ends, and takes it out again."""

    def __init__(
        self,
        connections: Connections,
        protocol: str,
        peer: tuple[str, int],
        local: tuple[str, int],
        socket: MessageSocket,
        on_message: OnMessage,
    ) -> None:
        """Raises NoRoom."""
        self.local = local
        self._connections = connections
        self._socket = socket
        self._on_message = on_message
        self._unsent: deque[bytes] = deque()
        self._unsent_octets = 0
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self.flow = connections.add(protocol, *peer, self)

    def send(self, data: bytes) -> None:
        if self._ended.is_set():
            raise ConnectionResetError("the connection is closing")
        if self._unsent_octets + len(data) > self._connections.limits.unsent:
            self.end()
            raise ConnectionAbortedError("the peer does not read")
        self._unsent.append(data)
        self._unsent_octets += len(data)
        self._wake.set()

    def end(self) -> None:
        self._ended.set()

    def overdue(self, now: float) -> str:
        return ""  # handshake, pings and unfinished messages are its server's business

    async def serve(self) -> None:
        tasks = [asyncio.ensure_future(work()) for work in (self._read, self._write, self._ended.wait)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ended.set()
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            self._connections.remove(self.flow)
        with suppress(ConnectionError):
            await self._socket.close(GOING_AWAY)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _read(self) -> None:
        with suppress(ConnectionError):
            await self._socket.accept()
            while True:
                for _ in range(AT_ONCE):
                    self._received(await self._socket.receive())
                await asyncio.sleep(0)  # what waits already would be received without a pause for others

    def _received(self, message: bytes) -> None:
        self._connections.heard(self.flow)
        # RFC 7118 §6 and RFC 5626 §4.4.1: a double CRLF is answered with a single one.
        if message == b"\r\n\r\n":
            with suppress(OSError):
                self.send(b"\r\n")
        elif not self._ended.is_set():
            self._on_message(message, self.flow)

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._unsent:
                    data = self._unsent.popleft()
                    self._unsent_octets -= len(data)
                    await self._socket.send(data)
