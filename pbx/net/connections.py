"""The table of connections: how many there may be, which of them end early, and who is told when one is lost.

A stranger's connection is cheap to open, so it must be cheap to have: nobody waits for it long, each source has few of
them, and when there is no room the oldest goes before a newcomer is turned away. Whoever has proven who it is
(`vouch`) keeps its connection.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from pbx.net.transport import Flow
from pbx.timers import Timers

log = structlog.get_logger("pbx.net")

SWEEP_EVERY = 1.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    total: int = 4000
    strangers_each: int = 100  # connections of one source that nobody has vouched for
    message_within: float = 10.0  # seconds from a message's first octet to its last
    handshake_within: float = 5.0  # TLS, WebSocket
    stranger_within: float = 30.0  # seconds that a connection may stay without credentials
    known_idle: float = 7800.0  # seconds without an octet: longer than the longest registration
    ping_after: float = 30.0  # seconds of silence of a WebSocket
    pong_within: float = 20.0
    unsent: int = 256 * 1024  # octets that a peer may leave unread


class Line(Protocol):
    """One connection, whatever carries it. `local` is our end's address."""

    local: tuple[str, int]

    def send(self, data: bytes) -> None:
        """Raises OSError when it cannot be sent."""

    def end(self) -> None:
        """Close it at once; `Connections.remove` follows, now or soon."""

    def overdue(self, now: float) -> str:
        """Why it must end now by a rule of its own kind; "" when it may stay. It is asked every second, and may use
        that to look after itself."""
        ...


class NoRoom(OSError):
    """There are as many connections as there may be, and every one of them belongs to somebody; or that source is
    locked out."""


class _Entry:
    __slots__ = ("flow", "heard_at", "known", "line", "of_a_page", "opened_at")

    def __init__(self, flow: Flow, line: Line, now: float) -> None:
        self.flow = flow
        self.line = line
        self.opened_at = self.heard_at = now
        self.known = False
        self.of_a_page = False


class Connections:
    """`admits`: whether anything is taken in from a source. `unlimited`: whether it is free of the limit for each."""

    def __init__(
        self,
        timers: Timers,
        limits: ConnectionLimits,
        *,
        admits: Callable[[str], bool] = lambda _: True,
        unlimited: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.limits = limits
        self._timers = timers
        self._admits = admits
        self._unlimited = unlimited
        self._entries: dict[int, _Entry] = {}
        self._strangers: OrderedDict[int, _Entry] = OrderedDict()  # oldest first
        self._by_source: dict[str, OrderedDict[int, _Entry]] = {}  # strangers only, oldest first
        self._last = secrets.randbits(48)
        self.on_lost: list[Callable[[Flow], None]] = []
        self.accepted = 0
        self.refused = 0
        self.evicted = 0
        self.expired = 0

    def __len__(self) -> int:
        return len(self._entries)

    def count(self, protocol: str) -> int:
        return sum(entry.flow.protocol == protocol for entry in self._entries.values())

    # ---- life ------------------------------------------------------------------------------------------------------

    def add(self, protocol: str, host: str, port: int, line: Line, *, ours: bool = False) -> Flow:
        """Take a new connection in; `ours`: that we open. Raises NoRoom."""
        if not ours and not self._admits(host):
            self.refused += 1
            raise NoRoom("nothing is taken in from there")
        self._make_room(host)
        self._last += 1
        flow = Flow(protocol, host, port, self._last)
        entry = self._entries[flow.connection] = _Entry(flow, line, self._timers.now())
        self._strangers[flow.connection] = entry
        self._by_source.setdefault(host, OrderedDict())[flow.connection] = entry
        if ours:
            self.vouch(flow)
        self.accepted += not ours
        if len(self._entries) == 1:
            self._timers.start(self, SWEEP_EVERY, self._sweep)
        return flow

    def remove(self, flow: Flow) -> None:
        """It is gone. Whoever depends on it is told. Safe to call twice."""
        entry = self._entries.pop(flow.connection, None)
        if entry is None:
            return
        self._forget_stranger(entry)
        if not self._entries:
            self._timers.stop(self)
        for tell in self.on_lost:
            tell(flow)

    def vouch(self, flow: Flow) -> None:
        """Somebody who has proven who it is speaks over this connection."""
        entry = self._entries.get(flow.connection)
        if entry is not None and not entry.known:
            entry.known = True
            self._forget_stranger(entry)

    def heard(self, flow: Flow) -> None:
        """Something came over it."""
        entry = self._entries.get(flow.connection)
        if entry is not None:
            entry.heard_at = self._timers.now()

    def close(self) -> None:
        for entry in list(self._entries.values()):
            entry.line.end()
            self.remove(entry.flow)

    # ---- use -------------------------------------------------------------------------------------------------------

    def is_open(self, flow: Flow) -> bool:
        return flow.connection in self._entries

    def opened_by_a_page(self, flow: Flow) -> None:
        """Its handshake named an origin, which only browsers do: they speak WebRTC."""
        entry = self._entries.get(flow.connection)
        if entry is not None:
            entry.of_a_page = True

    def is_of_a_page(self, flow: Flow) -> bool:
        entry = self._entries.get(flow.connection)
        return entry is not None and entry.of_a_page

    def local(self, flow: Flow) -> tuple[str, int]:
        """Our end of that connection; ("", 0) when it is gone."""
        entry = self._entries.get(flow.connection)
        return entry.line.local if entry is not None else ("", 0)

    def send(self, data: bytes, flow: Flow) -> None:
        """Raises OSError when that connection is gone or does not take it."""
        entry = self._entries.get(flow.connection)
        if entry is None:
            raise ConnectionResetError("the connection is gone")
        entry.line.send(data)

    # ---- limits ----------------------------------------------------------------------------------------------------

    def _make_room(self, source: str) -> None:
        theirs = self._by_source.get(source, ())
        if len(theirs) >= self.limits.strangers_each and not self._unlimited(source):
            self._evict(next(iter(self._by_source[source].values())))
        elif len(self._entries) >= self.limits.total:
            oldest = next(iter(self._strangers.values()), None)
            if oldest is None:
                self.refused += 1
                raise NoRoom("no room for another connection")
            self._evict(oldest)

    def _evict(self, entry: _Entry) -> None:
        self.evicted += 1
        self._end(entry, "room for a newer one")

    def _end(self, entry: _Entry, reason: str) -> None:
        log.debug("connection ended", flow=str(entry.flow), reason=reason)
        entry.line.end()
        self.remove(entry.flow)

    def _forget_stranger(self, entry: _Entry) -> None:
        number, source = entry.flow.connection, entry.flow.host
        if self._strangers.pop(number, None) is not None:
            theirs = self._by_source[source]
            del theirs[number]
            if not theirs:
                del self._by_source[source]

    def _sweep(self) -> None:
        now = self._timers.now()
        for entry in list(self._entries.values()):
            if reason := self._overdue(entry, now):
                self.expired += 1
                self._end(entry, reason)
        if self._entries:
            self._timers.start(self, SWEEP_EVERY, self._sweep)

    def _overdue(self, entry: _Entry, now: float) -> str:
        if not entry.known and now - entry.opened_at > self.limits.stranger_within:
            return "no credentials"
        if now - entry.heard_at > self.limits.known_idle:
            return "silence"
        return entry.line.overdue(now)
