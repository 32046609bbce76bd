"""Does an answer, or its time, tell who exists? Each method that is challenged, asked by a user who exists and by one
who does not, in turn, so that whatever else the machine does falls on both alike.

Over UDP at the running product, from its trusted address: strangers would be slowed and locked out long before.
"""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from pbx.sip.digest import authorise
from pbx.sip.message import Response, parse
from tests.pbx.switch import SDP
from tests.support.network import Address

KNOWN, UNKNOWN = "1001", "4711"
CALLED = (("1002", "known"), ("4712", "unknown"))
METHODS = ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "PUBLISH")
BOUND = 0.001  # seconds between the two medians
PATIENCE = 20.0  # seconds

Ask = Callable[[str, str], float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Medians in seconds. `statuses`: what was answered, of both."""

    what: str
    known: float
    unknown: float
    statuses: frozenset[int]

    @property
    def difference(self) -> float:
        return abs(self.known - self.unknown)

    def __str__(self) -> str:
        answered = "/".join(map(str, sorted(self.statuses)))
        return (
            f"{self.what:<34} {answered:<8} known {self.known * 1e6:7.0f} µs  unknown {self.unknown * 1e6:7.0f} µs  "
            f"difference {self.difference * 1e6:5.0f} µs"
        )


class Asker:
    """Sends one request after the other and times each answer."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._number = 0
        self.last: Response | None = None
        self.statuses: set[int] = set()

    def ask(self, method: str, user: str, called: str, headers: str = "") -> float:
        """Seconds until the final response."""
        self._number += 1
        request = self._request(method, user, called, headers)
        branch = f"z9hG4bKt{self._number}"
        begun = time.perf_counter()
        self._sock.send(request)
        while True:
            response = parse(self._sock.recv(65535))
            if isinstance(response, Response) and response.via.branch == branch and response.is_final:
                took = time.perf_counter() - begun
                self.last = response
                self.statuses.add(response.status)
                return took

    def guess(self, user: str, called: str) -> float:
        """The same for a REGISTER with a wrong password, of which only the second round counts."""
        self.ask("REGISTER", user, called)
        assert self.last is not None
        value = authorise(
            self.last.headers.get("www-authenticate") or "", method="REGISTER", uri="sip:dzvin", username=user,
            password="wrong", cnonce="c",
        )  # fmt: skip
        return self.ask("REGISTER", user, called, f"Authorization: {value}\r\n")

    def _request(self, method: str, user: str, called: str, headers: str) -> bytes:
        registers = method == "REGISTER"
        host, port = self._sock.getsockname()
        body = SDP if method == "INVITE" else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        uri = "sip:dzvin" if registers else f"sip:{called}@dzvin"
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKt{self._number};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@dzvin>;tag=t{self._number}\r\n"
            f"To: <sip:{user if registers else called}@dzvin>\r\nCall-ID: timing{self._number}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:{user}@{host}:{port}>\r\nEvent: presence\r\n{headers}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


def run(server: Address, tries: int) -> Iterator[Comparison]:
    """One for each method and kind of question. Raises TimeoutError when an answer is missing."""
    with _asker(server) as asker:
        yield _compared("REGISTER, wrong password", asker, lambda user: asker.guess(user, user), tries)
        for method in METHODS:
            for called, what in CALLED if method != "REGISTER" else (("", ""),):
                name = f"{method} to who is {what}, by" if what else f"{method}, no password"
                yield _compared(name, asker, partial(asker.ask, method, called=called), tries)
            if method != "REGISTER":
                yield _compared(f"{method} by who is known, to", asker, partial(asker.ask, method, KNOWN), tries)


def _compared(what: str, asker: Asker, ask: Callable[[str], float], tries: int) -> Comparison:
    asker.statuses.clear()
    times: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    for number in range(tries):
        for user in (KNOWN, UNKNOWN) if number % 2 else (UNKNOWN, KNOWN):
            times[user].append(ask(user))
    medians = {user: statistics.median(taken) for user, taken in times.items()}
    return Comparison(what, medians[KNOWN], medians[UNKNOWN], frozenset(asker.statuses))


@contextmanager
def _asker(server: Address) -> Iterator[Asker]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.bind(("127.0.0.1", 0))
        sock.connect(server)
        yield Asker(sock)
