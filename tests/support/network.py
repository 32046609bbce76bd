"""A bad network: datagrams lost, doubled, late and so out of order, the same way for the same seed.

`Weather` decides and is pure. `BadRelay` stands between a phone and the server as a router would: give it to the phone
as its server. RTP does not pass through it (SDP names the real ports); an `AudioPort` takes a `Weather` of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

Address = tuple[str, int]
LONGEST_DATAGRAM = 65535
FIRST_FREE, LAST_FREE = 25_000, 30_000  # `free_port`; the media workers of tests have what is below


@dataclass(slots=True, kw_only=True)
class Weather:
    """Shares are 0 to 1; delays are seconds, and a datagram that is delayed more than its follower comes after it."""

    seed: int = 1
    lost: float = 0.0
    doubled: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    passed: int = field(default=0, init=False)
    dropped: int = field(default=0, init=False)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def fate(self) -> tuple[float, ...]:
        """When the next datagram arrives, in seconds from now: never (empty), once, or twice."""
        if self._random.random() < self.lost:
            self.dropped += 1
            return ()
        self.passed += 1
        copies = 2 if self._random.random() < self.doubled else 1
        return tuple(self.delay + self.jitter * self._random.random() for _ in range(copies))


CLEAR = Weather()


def bound_socket(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A non-blocking UDP socket. Raises OSError when the port is taken."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def bound_pair(host: str = "127.0.0.1") -> tuple[socket.socket, socket.socket]:
    """For RTP, and on the port behind it for RTCP (RFC 3550 §11). Nobody has to read the second one; but were it not
    bound, the reports of this phone's calls would reach whichever test has that port."""
    while True:
        rtp = bound_socket(host=host)
        try:
            return rtp, bound_socket(rtp.getsockname()[1] + 1, host)
        except (OSError, OverflowError):  # taken, or there is none behind the last
            rtp.close()


def _next_port() -> Iterator[int]:
    """Even ports below those that systems give to sockets without a number (32768, as a rule): whoever is going to bind
    one finds it free, and what is sent to one that nobody has bound reaches none of the other tests. Each process walks
    from a place of its own; no port comes twice before all the others have come."""
    ports = range(FIRST_FREE, LAST_FREE, 2)
    first = random.SystemRandom().randrange(len(ports))
    return itertools.cycle([*ports[first:], *ports[:first]])


_ports = _next_port()


def free_port() -> int:
    """An even port that nobody has bound, for UDP or TCP; nobody has the one behind it for UDP either (RTCP)."""
    for _ in range(FIRST_FREE, LAST_FREE, 2):
        port = next(_ports)
        with suppress(OSError), bound_socket(port), bound_socket(port + 1), _listening(port):
            return port
    raise AssertionError(f"no free port from {FIRST_FREE} to {LAST_FREE}")


def free_tcp_port() -> int:
    """The same, for who speaks of TCP."""
    return free_port()


def _listening(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


class UdpPort:
    """A bound socket on the running loop: `on_datagram(data, source)` for each that comes, through the weather.
    `paired`: the port behind it is kept too, and heard by nobody."""

    def __init__(
        self,
        on_datagram: Callable[[bytes, Address], None],
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        weather: Weather = CLEAR,
        paired: bool = False,
    ) -> None:
        self._behind: socket.socket | None = None
        if paired:
            self._socket, self._behind = bound_pair(host)
        else:
            self._socket = bound_socket(port, host)
        self._on_datagram = on_datagram
        self._weather = weather
        self._loop = asyncio.get_running_loop()
        self._later: set[asyncio.TimerHandle] = set()
        self.address: Address = self._socket.getsockname()[:2]
        self._loop.add_reader(self._socket.fileno(), self._drain)

    @property
    def port(self) -> int:
        return self.address[1]

    def send(self, data: bytes, to: Address) -> None:
        """Lost without a word when the kernel does not take it: this is UDP."""
        self._through_weather(lambda: self._put(data, to))

    def close(self) -> None:
        for handle in self._later:
            handle.cancel()
        self._later.clear()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        if self._behind is not None:
            self._behind.close()

    def _drain(self) -> None:
        while self._socket.fileno() >= 0:
            try:
                data, source = self._socket.recvfrom(LONGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                continue  # the ICMP error of a datagram that went to a closed port
            self._arrived(data, source[:2])

    def _arrived(self, data: bytes, source: Address) -> None:
        self._through_weather(lambda: self._on_datagram(data, source))

    def _through_weather(self, act: Callable[[], None]) -> None:
        if self._weather is CLEAR:
            act()
            return
        for after in self._weather.fate():
            self._call_later(after, act)

    def _call_later(self, after: float, act: Callable[[], None]) -> None:
        def fire() -> None:
            self._later.discard(handle)
            act()

        handle = self._loop.call_later(after, fire)
        self._later.add(handle)

    def _put(self, data: bytes, to: Address) -> None:
        if self._socket.fileno() < 0:
            return
        try:
            self._socket.sendto(data, to)
        except OSError:
            pass


class BadRelay:
    """Passes datagrams of one phone to `server` and back. `address` is what the phone must take for its server."""

    def __init__(self, server: Address, weather: Weather) -> None:
        self._server = server
        self._phone: Address | None = None
        self._inner = UdpPort(self._from_phone)
        self._outer = UdpPort(self._from_server, weather=weather)

    @property
    def address(self) -> Address:
        return self._inner.address

    def close(self) -> None:
        self._inner.close()
        self._outer.close()

    def _from_phone(self, data: bytes, source: Address) -> None:
        self._phone = source
        self._outer.send(data, self._server)

    def _from_server(self, data: bytes, source: Address) -> None:
        if self._phone is not None:
            self._inner.send(data, self._phone)
