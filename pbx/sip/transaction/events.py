"""What a transaction is told. Besides these, a client transaction takes a Response, a server transaction a Request."""

from __future__ import annotations

from msgspec import Struct

from pbx.sip.message import Response
from pbx.sip.transaction.timers import Timer


class TimerFired(Struct, frozen=True):
    timer: Timer


class TransportFailed(Struct, frozen=True):
    """The transport could not carry what Send asked for (§18.4)."""


class Respond(Struct, frozen=True):
    """The TU answers (server transactions)."""

    response: Response


class Forsaken(Struct, frozen=True):
    """The TU waits no longer for a first answer: nothing is sent again, but a late answer is still heard (clients)."""


class Cancelled(Struct, frozen=True):
    """The TU has sent a CANCEL for this INVITE (client transactions, §9.1)."""
