"""UDP ports for legs: a pair each, RTP even and RTCP the odd one above it (RFC 3550 §11), from a set range.

Taken at random, so that a stranger cannot guess the next one, and left alone for a while after use, so that packets of
the last call do not reach the next.
"""

from __future__ import annotations

import errno
import secrets
import socket
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

EXPEDITED_FORWARDING = 0xB8  # DSCP 46 (RFC 3246), what networks expect of voice
ATTEMPTS = 100  # ports tried for one leg when others hold them


class PortsSpent(Exception):
    """No pair of ports is free: refuse the call."""


@dataclass(frozen=True, slots=True)
class PortPair:
    port: int
    rtp: socket.socket
    rtcp: socket.socket

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


@dataclass(slots=True)
class PortPool:
    """`clock` is monotonic seconds. A port that another program holds is left alone as long as one of ours."""

    first: int
    last: int
    clock: Callable[[], float]
    quarantine: float = 30.0
    _free: list[int] = field(init=False)
    _resting: deque[tuple[float, int]] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self._free = list(range(self.first + self.first % 2, self.last, 2))
        if not self._free:
            raise ValueError(f"no pair of ports in {self.first}-{self.last}")

    @property
    def capacity(self) -> int:
        return len(range(self.first + self.first % 2, self.last, 2))

    def take(self, address: str) -> PortPair:
        """Bind a pair on the local `address`. Raises PortsSpent; OSError when the address is not ours."""
        self._wake()
        for _ in range(min(ATTEMPTS, len(self._free))):
            at = secrets.randbelow(len(self._free))
            self._free[at], self._free[-1] = self._free[-1], self._free[at]
            port = self._free.pop()
            try:
                return _bind(address, port)
            except OSError as error:
                self._rest(port)
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
        raise PortsSpent

    def give_back(self, pair: PortPair) -> None:
        """Close both sockets; the ports rest before they are used again."""
        pair.close()
        self._rest(pair.port)

    def rest(self, ports: Iterable[int]) -> None:
        """Let these rest as if they had been given back now: another worker's calls ended on them. Those that are in
        use, or not ours, are left alone."""
        resting = {*ports}.intersection(self._free)
        self._free = [port for port in self._free if port not in resting]
        for port in resting:
            self._rest(port)

    def _rest(self, port: int) -> None:
        self._resting.append((self.clock() + self.quarantine, port))

    def _wake(self) -> None:
        now = self.clock()
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])


def _bind(address: str, port: int) -> PortPair:
    rtp = _socket(address, port)
    try:
        return PortPair(port, rtp, _socket(address, port + 1))
    except BaseException:
        rtp.close()
        raise


def _socket(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED_FORWARDING)
        sock.bind((address, port))
    except BaseException:
        sock.close()
        raise
    return sock
