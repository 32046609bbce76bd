"""What a transaction wants done. Effects are values; a shell performs them.

The one contract of the caller: perform all effects, in order, before handing in the next event.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from pbx.sip.message import Request, Response
from pbx.sip.transaction.timers import Timer


class Reason(StrEnum):
    DONE = "done"
    TIMEOUT = "timeout"  # for the TU as good as a 408
    TRANSPORT = "transport"  # for the TU as good as a 503


class Send(Struct, frozen=True):
    """Put the message on the wire. When that fails, hand in TransportFailed."""

    message: Request | Response


class StartTimer(Struct, frozen=True):
    """(Re)start the timer: hand in TimerFired(timer) `after` seconds from now, at once when 0."""

    timer: Timer
    after: float


class StopTimer(Struct, frozen=True):
    timer: Timer


class Deliver(Struct, frozen=True):
    """Pass the message to the transaction user (TU)."""

    message: Request | Response


class Inform(Struct, frozen=True):
    """Tell the TU that its response could not be sent; the transaction lives on (RFC 6026 figure 7)."""

    reason: Reason


class Terminate(Struct, frozen=True):
    """Forget the transaction and stop all its timers; tell the TU when the reason is not DONE."""

    reason: Reason


Effect = Send | StartTimer | StopTimer | Deliver | Inform | Terminate
