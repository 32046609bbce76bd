"""What a transaction is told. Besides these, a client transaction takes a Response, a server transaction a Request."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.sip.message import Response
from pbx.sip.transaction.timers import Timer


@dataclass(frozen=True, slots=True)
class TimerFired:
    timer: Timer


@dataclass(frozen=True, slots=True)
class TransportFailed:
    """The transport could not carry what Send asked for (§18.4)."""


@dataclass(frozen=True, slots=True)
class Respond:
    """The TU answers (server transactions)."""

    response: Response


@dataclass(frozen=True, slots=True)
class Forsaken:
    """The TU waits no longer for a first answer: nothing is sent again, but a late answer is still heard (clients)."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The TU has sent a CANCEL for this INVITE (client transactions, §9.1)."""
