"""A listening socket: takes connections in, a bounded number at once, and hands each to its protocol."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import structlog

from pbx.net.connections import NoRoom
from pbx.net.sockets import prepare
from pbx.net.stream import Wire
from pbx.net.transport import plain

log = structlog.get_logger("pbx.net")

AT_ONCE = 64  # connections a wake-up
PAUSE = 0.5  # seconds that nobody is let in when the process has no file left

MakeWire = Callable[[str, int], Wire]
"""Host and port of the peer. Raises NoRoom."""


class Listener:
    """`tls` makes the context for the next connection; None: plain TCP."""

    def __init__(self, sock: socket.socket, make: MakeWire, tls: Callable[[], ssl.SSLContext] | None, within: float):
        self._socket = sock
        self._make = make
        self._tls = tls
        self._within = within
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._paused: asyncio.TimerHandle | None = None
        self.host, self.port = sock.getsockname()[:2]
        self._loop.add_reader(sock.fileno(), self._accept)

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        if self._paused is not None:
            self._paused.cancel()
        for task in self._opening:
            task.cancel()
        self._socket.close()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            self._welcome(sock, plain(address[0]), address[1])

    def _welcome(self, sock: socket.socket, host: str, port: int) -> None:
        try:
            sock.setblocking(False)
            prepare(sock)
            wire = self._make(host, port)
        except NoRoom:
            sock.close()
            return
        except OSError:  # gone before we looked
            sock.close()
            return
        wire.opening = task = self._loop.create_task(self._open(wire, sock))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, wire: Wire, sock: socket.socket) -> None:
        tls = self._tls() if self._tls else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: wire, sock, ssl=tls, ssl_handshake_timeout=self._within if tls else None
            )
        except (OSError, ssl.SSLError, asyncio.CancelledError) as error:
            # A handshake that failed, or that we gave up: no reason for anybody but that peer to know.
            log.debug("no connection", flow=str(wire.flow), error=str(error))
            sock.close()
            wire.connection_lost(None)
        finally:
            wire.opening = None

    def _rest(self, error: OSError) -> None:
        """Without a file for it, the connection stays in the queue and would wake us without end."""
        log.error("no connection can be taken in", error=str(error))
        self._loop.remove_reader(self._socket.fileno())
        self._paused = self._loop.call_later(PAUSE, self._again)

    def _again(self) -> None:
        self._paused = None
        self._loop.add_reader(self._socket.fileno(), self._accept)
