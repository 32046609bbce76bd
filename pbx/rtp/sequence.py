"""What a receiver knows of a stream: RFC 3550 §6.4.1 and appendices A.1, A.3, A.8.

The media engine keeps the same figures in its arrays; this is their definition in plain Python, and the tests hold the
one against the other.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_DROPOUT = 3000  # A.1: a jump of more packets ahead is a new start
MAX_MISORDER = 100


@dataclass(slots=True)
class Reception:
    """Give it every good packet of one source, in the order of arrival."""

    received: int = 0
    base: int = 0  # extended sequence number of the first packet
    highest: int = -1  # extended; -1: nothing yet
    expected_before: int = 0  # A.1 restarts: what was expected of the numbering before this one
    _jitter16: int = 0  # A.8: scaled by 16
    _transit: int = 0

    def receive(self, sequence_number: int, timestamp: int, arrival: int) -> None:
        """`arrival` is our clock in the stream's timestamp units."""
        ahead = (sequence_number - self.highest) & 0xFFFF
        if self.highest < 0:
            self.base = self.highest = sequence_number
        elif 0 < ahead <= MAX_DROPOUT:
            self.highest += ahead
        elif MAX_DROPOUT < ahead < 0x10000 - MAX_MISORDER:
            # A.1 wants two packets in a row before it believes in a restart. The source is latched: believe at once.
            self.expected_before += self.highest - self.base + 1
            self.base = self.highest = sequence_number
            self._transit = (arrival - timestamp) & 0xFFFFFFFF
        transit = (arrival - timestamp) & 0xFFFFFFFF
        if self.received:
            difference = (transit - self._transit) & 0xFFFFFFFF
            if difference > 0x7FFFFFFF:
                difference = 0x100000000 - difference
            # A.8: J(i) = J(i-1) + (|D(i-1,i)| - J(i-1))/16, in integers.
            self._jitter16 += difference - ((self._jitter16 + 8) >> 4)
        self._transit = transit
        self.received += 1

    @property
    def expected(self) -> int:
        return self.expected_before + (self.highest - self.base + 1 if self.highest >= 0 else 0)

    @property
    def lost(self) -> int:
        """A.3; never below zero here: duplicates would make it so."""
        return max(0, self.expected - self.received)

    @property
    def jitter(self) -> int:
        """In timestamp units."""
        return self._jitter16 >> 4


def fraction_lost(expected: int, lost: int) -> int:
    """A.3: the part of an interval's packets that was lost, as a fixed-point number of 256ths."""
    return min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0
