"""A worker's door: the Unix socket, one core at a time, and what to do without one.

A core that greets with the same or a higher epoch takes the worker over; the connection before it is closed. Without a
core the calls go on for a while (a new core may come); then the legs are dropped and their recordings closed.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from pbx.media.core_connection import CoreConnection
from pbx.media.messages import (
    MAX_FRAME,
    PROTOCOL_VERSION,
    Command,
    Digit,
    Failed,
    FromWorker,
    Hello,
    LegReport,
    RecordingClosed,
    RecordingCut,
    SoundNotice,
    Welcome,
)

log = structlog.get_logger(__name__)

LONGEST_PATH = 107  # octets of a Unix socket's name
UNREAD_EVENTS = 256 * 1024  # octets; above it, a slow core loses digits and signs of life
UNREAD_LIMIT = 32 * 1024 * 1024  # above it (a welcome to all legs is less), it has hung and loses the connection
KEPT_NEWS = 1024  # closed recordings remembered for the next core
HELLO_TIMEOUT = 5.0  # seconds
BACKLOG = 8


class SocketTaken(Exception):
    """Another worker answers on this socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    socket: Path
    drop_after: float = 60.0  # seconds without a core until the legs are dropped
    orphan_after: float = 600.0  # seconds without a core until an idle worker ends; 0: never
    compiled: bool = True
    capacity: int = 0
    fingerprint: str = ""


class Served(Protocol):
    """What stands behind the door."""

    def execute(self, command: Command) -> None: ...

    def reports(self) -> list[LegReport]: ...

    def drop_all(self) -> None: ...


class Server:
    """Contract: `tell` is given to what stands behind; `serve` runs until it is cancelled or orphaned."""

    def __init__(self, settings: Settings) -> None:
        """Binds the socket; nobody is answered before `serve`. Raises SocketTaken, OSError."""
        self._listener = _bound(settings.socket)
        self._inode = settings.socket.stat().st_ino
        self._settings = settings
        self._served: Served | None = None
        self._core: CoreConnection | None = None
        self._epoch = -1
        self._news: deque[RecordingClosed | RecordingCut] = deque(maxlen=KEPT_NEWS)
        self._timer: asyncio.TimerHandle | None = None
        self._orphaned = asyncio.Event()
        self._connections: set[CoreConnection] = set()
        self._strangers: dict[CoreConnection, asyncio.TimerHandle] = {}  # who has not greeted, and until when it may

    async def serve(self, served: Served, on_ready: Callable[[], None]) -> None:
        """Open the door. Returns when the worker was without a core for too long."""
        self._served = served
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(self._connection, sock=self._listener, backlog=BACKLOG)
        try:
            self._alone()
            on_ready()
            await self._orphaned.wait()
        finally:
            server.close()
            if self._timer is not None:
                self._timer.cancel()
            connections = [*self._connections, *self._strangers]
            for connection in connections:
                connection.close()
            await asyncio.gather(*(connection.ended for connection in connections))
            self._unlink()

    def _unlink(self) -> None:
        """Remove our socket, but not one that another worker has put in its place."""
        path = self._settings.socket
        if path.exists() and path.stat().st_ino == self._inode:
            path.unlink()

    def tell(self, message: FromWorker) -> None:
        """To the core, if there is one; what happened to recordings is kept for the next."""
        if self._core is None:
            if isinstance(message, RecordingClosed | RecordingCut):
                self._news.append(message)
            return
        unread = self._core.unread
        if unread > UNREAD_EVENTS and isinstance(message, Digit | SoundNotice):
            return
        if unread > UNREAD_LIMIT:
            log.error("core reads nothing")
            self._core.abort()
            self._leave(self._core)
            return
        self._core.write(message)

    # ---- connections -----------------------------------------------------------------------------------------------

    def _connection(self) -> CoreConnection:
        connection = CoreConnection(self._heard, self._ended)
        self._strangers[connection] = asyncio.get_running_loop().call_later(HELLO_TIMEOUT, self._too_late, connection)
        return connection

    def _too_late(self, connection: CoreConnection) -> None:
        del self._strangers[connection]
        self._connections.add(connection)
        connection.close()

    def _heard(self, connection: CoreConnection, command: Command) -> None:
        patience = self._strangers.pop(connection, None)
        if patience is not None:
            patience.cancel()
            self._connections.add(connection)
            self._greeted(connection, command)
        elif connection is self._core and self._served is not None:
            self._served.execute(command)

    def _ended(self, connection: CoreConnection) -> None:
        patience = self._strangers.pop(connection, None)
        if patience is not None:
            patience.cancel()
        self._connections.discard(connection)
        self._leave(connection)

    def _greeted(self, connection: CoreConnection, hello: Command) -> None:
        refusal = ""
        if not isinstance(hello, Hello):
            refusal = "no Hello"
        elif hello.version != PROTOCOL_VERSION:
            refusal = f"version {PROTOCOL_VERSION} is spoken here"
        elif hello.epoch < self._epoch:
            refusal = f"epoch {self._epoch} was here before"
        if refusal or not isinstance(hello, Hello):
            connection.write(Failed(id=0, reason=refusal))
            connection.close()
            return
        if self._core is not None:
            self._core.read_rest()
            self._core.close()
        self._core, self._epoch = connection, hello.epoch
        if self._timer is not None:
            self._timer.cancel()
        assert self._served is not None
        for welcome in self._welcomes(self._served.reports()):
            connection.write(welcome)
        while self._news:
            connection.write(self._news.popleft())

    def _welcomes(self, legs: list[LegReport]) -> list[Welcome]:
        """As many as the legs' cookies need."""
        parts: list[list[LegReport]] = [[]]
        room = MAX_FRAME
        for leg in legs:
            size = len(leg.cookie) + 256
            if size > room - 256:
                parts.append([])
                room = MAX_FRAME
            parts[-1].append(leg)
            room -= size
        return [
            Welcome(
                version=PROTOCOL_VERSION,
                pid=os.getpid(),
                legs=tuple(part),
                more=number < len(parts),
                compiled=self._settings.compiled,
                capacity=self._settings.capacity,
                fingerprint=self._settings.fingerprint,
            )
            for number, part in enumerate(parts, 1)
        ]

    # ---- without a core --------------------------------------------------------------------------------------------

    def _leave(self, connection: CoreConnection) -> None:
        if self._core is connection:
            self._core = None
            self._alone()

    def _alone(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._settings.drop_after, self._forsaken)

    def _forsaken(self) -> None:
        assert self._served is not None
        log.warning("no core: legs are dropped", after=self._settings.drop_after)
        self._served.drop_all()
        if self._settings.orphan_after:
            self._timer = asyncio.get_running_loop().call_later(self._settings.orphan_after, self._orphaned.set)


def _bound(path: Path) -> socket.socket:
    """A socket of mode 0600; a dead worker's is replaced. Raises SocketTaken, OSError."""
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise OSError(f"{path}: longer than {LONGEST_PATH} octets")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            pass
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise SocketTaken(str(path))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)  # before `listen`: until then nobody can connect
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
