"""The timers of RFC 3261 §17 (table 4 of its appendix A) with RFC 6026's L and M.

Timer C belongs to proxies (§16.6) and has no place here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Timer(Enum):
    A = "INVITE request retransmission, UDP only"
    B = "INVITE transaction timeout"
    D = "wait time for response retransmissions"
    E = "non-INVITE request retransmission, UDP only"
    F = "non-INVITE transaction timeout"
    G = "INVITE response retransmission, UDP only"
    H = "wait time for ACK receipt"
    I = "wait time for ACK retransmissions"  # noqa: E741  # the RFC's letter
    J = "wait time for non-INVITE request retransmissions"
    K = "wait time for response retransmissions of a non-INVITE"
    L = "wait time for INVITE retransmissions after a 2xx"
    M = "wait time for retransmitted and forked 2xx"

    # A member is equal to itself alone. Enum's own hash is that of its name, in Python code; each start and stop of a
    # timer needs one.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds. T1: round-trip estimate; T2: longest gap between retransmissions; T4: longest life of a message."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0

    @property
    def give_up(self) -> float:
        """64*T1: timers B, F, H, J, L, M."""
        return 64 * self.t1

    @property
    def d(self) -> float:
        """§17.1.1.2: "at least 32 seconds" over UDP; scaled with T1 so that a test need not wait."""
        return 64 * self.t1


RFC_TIMINGS = Timings()
