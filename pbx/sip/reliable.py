"""Provisional responses that must arrive: 100rel and PRACK (RFC 3262), both roles.

Pure: hand in what happens, perform the effects. The UAS side sends one at a time, which is what §3 asks of the first
and allows for the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response
from pbx.sip.success_retransmission import GiveUp, StopWaiting, Wait
from pbx.sip.transaction.effects import Send
from pbx.sip.transaction.timers import RFC_TIMINGS, Timings

OPTION = "100rel"
FIRST_RSEQ = 2**31 - 1  # §3: the first is "chosen uniformly between 1 and 2**31 - 1"
MAX_RSEQ = 2**32 - 1
MAX_QUEUED = 8


@dataclass(frozen=True, slots=True)
class RAck:
    """Which response a PRACK acknowledges: its RSeq, and the CSeq of the INVITE (§7.2)."""

    rseq: int
    cseq: int
    method: str

    @classmethod
    def of(cls, prack: Request) -> RAck:
        """Raises RemoteProtocolError."""
        words = (prack.headers.get("rack") or "").split()
        if len(words) != 3:
            raise RemoteProtocolError("a PRACK without a RAck")
        rseq, cseq, method = words
        return cls(lexical.integer(rseq, MAX_RSEQ, "RSeq"), lexical.integer(cseq, 2**31 - 1, "CSeq"), method)

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq} {self.method}"


# ---- the UAS ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Provide:
    """Give the response to the INVITE's server transaction, which sends it and answers retransmissions with it."""

    response: Response


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The PRACK of that response has come."""

    response: Response


ReliableEffect = Provide | Send | Wait | StopWaiting | GiveUp | Acknowledged


@dataclass(slots=True)
class ReliableProvisionals:
    """The reliable provisional responses to one INVITE. rseq: the number of the first, 1 to 2**31 - 1."""

    rseq: int
    timings: Timings = RFC_TIMINGS
    _queue: deque[Response] = field(default_factory=deque, init=False)
    _sent: Response | None = field(default=None, init=False)
    _last: int = field(default=0, init=False)
    _interval: float = field(default=0.0, init=False)
    _waited: float = field(default=0.0, init=False)
    _answered: bool = field(default=False, init=False)  # the INVITE has its final response

    @property
    def waits_for_session(self) -> bool:
        """Whether a response with a session description is still without its PRACK: then no 2xx may go (§3)."""
        return any(response.body for response in (self._sent, *self._queue) if response is not None)

    def send(self, response: Response) -> Sequence[ReliableEffect]:
        """response: 101-199 with its To tag. What cannot be queued any more is dropped: it was progress, not state."""
        if self._answered or len(self._queue) >= MAX_QUEUED:
            return ()
        self._queue.append(response)
        return self._next() if self._sent is None else ()

    def fired(self) -> Sequence[ReliableEffect]:
        """The Wait is over."""
        if self._sent is None or self._answered:
            return ()
        self._waited += self._interval
        # §3: "if a reliable provisional response is retransmitted for 64*T1 seconds without reception of a
        # corresponding PRACK, the UAS SHOULD reject the original request with a 5xx response."
        left = self.timings.give_up - self._waited
        if left <= 0:
            self._answered = True
            return (GiveUp(),)
        # §3: "starts at T1 seconds and doubles for each retransmission"; unlike for a 2xx there is no T2.
        self._interval = min(2 * self._interval, left)
        return Send(self._sent), Wait(self._interval)

    def expects(self, rack: RAck) -> Response | None:
        """The response that waits for a PRACK with that RAck."""
        sent = self._sent
        if sent is None or rack != RAck(self._last, sent.cseq.number, sent.cseq.method):
            return None
        return sent

    def acknowledged(self, rack: RAck) -> Sequence[ReliableEffect]:
        """Raises RemoteProtocolError with 481 when the PRACK matches nothing that is unacknowledged (§3)."""
        sent = self.expects(rack)
        if sent is None:
            raise RemoteProtocolError("a PRACK for nothing that waits", 481)
        self._sent = None
        return StopWaiting(), Acknowledged(sent), *(() if self._answered else self._next())

    def answered(self) -> Sequence[ReliableEffect]:
        """A final response has been sent: no more retransmissions, but a late PRACK still finds its response (§3)."""
        self._answered = True
        self._queue.clear()
        return (StopWaiting(),)

    def _next(self) -> Sequence[ReliableEffect]:
        if not self._queue:
            return ()
        # §3: each RSeq is one higher than the one before, and "MUST NOT wrap around".
        self._last = self._last + 1 if self._last else self.rseq
        self._sent = numbered(self._queue.popleft(), self._last)
        self._interval, self._waited = self.timings.t1, 0.0
        return Provide(self._sent), Wait(self._interval)


def numbered(response: Response, rseq: int) -> Response:
    headers = Headers(response.headers)
    headers.add("Require", OPTION)
    headers.add("RSeq", str(rseq))
    return Response(response.status, response.reason, headers, response.body)


# ---- the UAC ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ProvisionalOrder:
    """What the UAC remembers of one early dialog (§4)."""

    last: int | None = None

    def take(self, response: Response) -> RAck | None:
        """What to acknowledge; None for a retransmission, or for one that overtook another: drop those. §4: a number
        that is not "exactly one higher" must neither be acknowledged nor processed: the UAS sends it again."""
        rseq = rseq_of(response)
        assert rseq is not None, "only for reliable responses"
        if self.last is not None and rseq != self.last + 1:
            return None
        self.last = rseq
        return RAck(rseq, response.cseq.number, response.cseq.method)


def rseq_of(response: Response) -> int | None:
    """The number of a reliable provisional response, None for an ordinary one. A wrong RSeq makes it an ordinary
    one."""
    # §4: "If a provisional response is received for an initial request, and that response contains a Require header
    # field containing the option tag 100rel, the response is to be sent reliably." A 100 never is.
    if not 100 < response.status < 200:
        return None
    try:
        if OPTION not in response.require:
            return None
        return lexical.integer(response.headers.get("rseq") or "", MAX_RSEQ, "RSeq") or None
    except RemoteProtocolError:
        return None
