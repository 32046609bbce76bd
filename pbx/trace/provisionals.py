"""The reliable provisional responses of a leg, sent again until their PRACK comes, as a trace shows it (RFC 3262,
`pbx.sip.reliable`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response
from pbx.sip.reliable import OPTION, Provide, RAck, ReliableEffect, ReliableProvisionals, rseq_of
from pbx.sip.success_retransmission import StopWaiting, Wait
from pbx.sip.transaction.effects import Send
from pbx.trace.machines import EARLY
from pbx.trace.verdict import Differs, Unknown, compare

TIMER = "reliable"
WHAT = "reliable provisional response"


class Provisionals:
    """As `pbx.inbound_leg` does it: one INVITE, one response at a time."""

    def __init__(self) -> None:
        self._machine: ReliableProvisionals | None = None
        self._pracks: dict[int, Request] = {}
        self._unsent: deque[bytes] = deque()
        self._due: float | None = None
        self._cut = False

    def cut(self) -> None:
        self.__init__()  # type: ignore[misc]
        self._cut = True

    def received(self, message: Request | Response) -> None:
        if isinstance(message, Request) and message.method == "PRACK":
            self._pracks = {message.cseq.number: message}

    def sent(self, at: float, response: Response, data: bytes) -> None:
        """A response that a transaction sent for the first time. Raises Differs."""
        method = response.cseq.method
        if method == "PRACK" and response.is_success and (prack := self._pracks.pop(response.cseq.number, None)):
            self._acknowledged(at, prack)
        elif method == "INVITE" and response.is_final and self._machine is not None:
            self._perform(at, self._machine.answered())
        elif method == "INVITE" and (rseq := rseq_of(response)) is not None and not self._cut:
            if self._machine is None:
                self._machine = ReliableProvisionals(rseq)
            effects = self._machine.send(_unnumbered(response))
            provided = [effect.response.serialise() for effect in effects if isinstance(effect, Provide)]
            compare(WHAT, data, provided[0] if provided else "one before it waits for its PRACK")
            self._perform(at, effects)

    def sent_again(self, data: bytes) -> None:
        """One that no transaction sent. Raises Differs, Unknown."""
        if self._unsent:
            compare(WHAT, data, self._unsent.popleft())
        elif self._cut:
            raise Unknown
        else:
            raise Differs(WHAT, "sent again", "not due")

    def fired(self, at: float) -> None:
        """Raises Differs, Unknown."""
        if self._machine is None or self._due is None:
            if self._cut:
                raise Unknown
            raise Differs(WHAT, "sent again", "none waits for its PRACK")
        if at < self._due - EARLY:
            raise Differs(WHAT, f"sent again at {at:.3f}", f"due at {self._due:.3f}")
        self._perform(at, self._machine.fired())

    def _acknowledged(self, at: float, prack: Request) -> None:
        if self._machine is None:
            return
        try:
            effects = self._machine.acknowledged(RAck.of(prack))
        except RemoteProtocolError as error:
            raise Differs(WHAT, "its PRACK was taken", str(error)) from None
        self._perform(at, effects)

    def _perform(self, at: float, effects: Sequence[ReliableEffect]) -> None:
        for effect in effects:
            match effect:
                case Send(message):
                    self._unsent.append(message.serialise())
                case Wait(seconds):
                    self._due = at + seconds
                case StopWaiting():
                    self._due = None
                case _:
                    pass


def _unnumbered(response: Response) -> Response:
    """As the leg made it, before it got its number."""
    kept = [
        (name, value)
        for name, value in response.headers
        if name.lower() != "rseq" and (name.lower(), value) != ("require", OPTION)
    ]
    return Response(response.status, response.reason, Headers(kept), response.body)
