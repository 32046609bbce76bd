"""The retransmissions of a fake phone over UDP: RFC 3261 §17.1 and §13.3.1.4, as little of them as a phone needs.

Apart from `pbx.sip.transaction` and `pbx.transactions`, so that a fault there is not mirrored here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

from pbx.sip.message import Request, Response

T1 = 0.5  # seconds
T2 = 4.0
GIVE_UP = 64 * T1


class NoAnswer(AssertionError):
    """The other side never answered, however often it was asked."""


class Repeat:
    """Calls `send` now and again after T1, 2 T1, 4 T1 … until stopped; after 64 T1 `on_give_up`."""

    def __init__(self, send: Callable[[], None], on_give_up: Callable[[], None], *, longest: float = T2) -> None:
        self._loop = asyncio.get_running_loop()
        self._send, self._on_give_up, self._longest = send, on_give_up, longest
        self._until = self._loop.time() + GIVE_UP
        self._after = T1
        self.times = 1
        send()
        self._handle: asyncio.TimerHandle | None = self._loop.call_later(T1, self._again)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _again(self) -> None:
        if self._loop.time() >= self._until:
            self._handle = None
            self._on_give_up()
            return
        self.times += 1
        self._after = min(2 * self._after, self._longest)
        self._handle = self._loop.call_later(self._after, self._again)
        self._send()


class Asking:
    """A request of ours until its final response. `on_final` gives the ACK that an INVITE's final response needs; it is
    sent again for each retransmission of that response."""

    def __init__(
        self,
        request: Request,
        send: Callable[[Request], None],
        *,
        on_provisional: Callable[[Response], None] = lambda _: None,
        on_final: Callable[[Response], Request | None] = lambda _: None,
    ) -> None:
        self.request = request
        self.final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._send, self._on_provisional, self._on_final = send, on_provisional, on_final
        self._acks: dict[str | None, Request | None] = {}  # by To tag: a fork answers more than once
        self._is_invite = request.method == "INVITE"
        self._repeat = Repeat(lambda: send(request), self._give_up, longest=inf if self._is_invite else T2)

    @property
    def times_sent(self) -> int:
        return self._repeat.times

    def receive(self, response: Response) -> None:
        if response.is_provisional:
            if self._is_invite:
                self._repeat.stop()
            self._on_provisional(response)
            return
        self._repeat.stop()
        tag = response.to.tag
        if tag not in self._acks:
            self._acks[tag] = self._on_final(response)
        if ack := self._acks[tag]:
            self._send(ack)
        if not self.final.done():
            self.final.set_result(response)

    def stop(self) -> None:
        self._repeat.stop()
        self.final.cancel()

    def _give_up(self) -> None:
        if not self.final.done():
            self.final.set_exception(NoAnswer(f"{self.request.method}: nobody answered in {GIVE_UP:g} s"))
