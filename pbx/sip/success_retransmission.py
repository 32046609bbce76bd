"""The 2xx of an INVITE, sent again by the UAS core until its ACK comes (RFC 3261 §13.3.1.4).

The transaction cannot do it: a 2xx must survive proxies that lose it, so end answers end, over TCP too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pbx.sip.message import Response
from pbx.sip.transaction.effects import Send
from pbx.sip.transaction.timers import RFC_TIMINGS, Timings


@dataclass(frozen=True, slots=True)
class Wait:
    """Call `fired` after this many seconds. Replaces an earlier Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class StopWaiting:
    """Forget the last Wait."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No ACK came: "the dialog is confirmed, but the session SHOULD be terminated" by a BYE."""


RetransmissionEffect = Send | Wait | StopWaiting | GiveUp


@dataclass(slots=True)
class SuccessRetransmission:
    """Start it when the 2xx has been handed to the server transaction, which sends the first one."""

    response: Response
    timings: Timings = RFC_TIMINGS
    _interval: float = field(default=0.0, init=False)
    _waited: float = field(default=0.0, init=False)
    _done: bool = field(default=False, init=False)

    def start(self) -> Sequence[RetransmissionEffect]:
        # "The response is passed to the transport with an interval that starts at T1 seconds and doubles for each
        # retransmission until it reaches T2 seconds".
        self._interval = self.timings.t1
        return (Wait(self._interval),)

    def fired(self) -> Sequence[RetransmissionEffect]:
        """The Wait is over."""
        if self._done:
            return ()
        self._waited += self._interval
        # "If the server retransmits the 2xx response for 64*T1 seconds without receiving an ACK …"
        left = self.timings.give_up - self._waited
        if left <= 0:
            self._done = True
            return (GiveUp(),)
        self._interval = min(2 * self._interval, self.timings.t2, left)
        return Send(self.response), Wait(self._interval)

    def acknowledged(self) -> Sequence[RetransmissionEffect]:
        """The ACK has come, or the dialog has ended some other way."""
        if self._done:
            return ()
        self._done = True
        return (StopWaiting(),)
