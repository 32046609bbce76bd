"""Telephone events, the digits of a call: RFC 4733 §2.3 (and RFC 2833, the same on the wire).

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
|     event     |E|R| volume    |          duration             |
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pbx.rtp.errors import BadPacket

DIGITS = "0123456789*#ABCD"  # §3.2: events 0 to 15
RETRANSMITTED_ENDS = 3  # §2.5.1.4: the last packet "SHOULD be sent a total of three times"
VOLUME = 10  # -10 dBm0
PAYLOAD = struct.Struct(">BBH")


@dataclass(frozen=True, slots=True, kw_only=True)
class TelephoneEvent:
    event: int
    end: bool
    duration: int  # timestamp units since the event's start
    volume: int = VOLUME

    @property
    def digit(self) -> str | None:
        """The key, or None: flash and the other events of the registry are no digits."""
        return DIGITS[self.event] if self.event < len(DIGITS) else None

    def serialise(self) -> bytes:
        return PAYLOAD.pack(self.event, self.end << 7 | self.volume & 0x3F, self.duration)


def parse(payload: bytes) -> TelephoneEvent:
    """Raises BadPacket. What follows the first event (redundancy, §2.5.1.5) is not read."""
    if len(payload) < PAYLOAD.size:
        raise BadPacket(f"a telephone event of {len(payload)} octets")
    event, flags, duration = PAYLOAD.unpack_from(payload)
    return TelephoneEvent(event=event, end=bool(flags & 0x80), duration=duration, volume=flags & 0x3F)


def build(digit: str, milliseconds: int, *, clock_rate: int = 8000, interval_ms: int = 20) -> Iterator[TelephoneEvent]:
    """The events of one key press, one an interval; all go out under the timestamp of the first, the first with the
    marker bit (§2.5.1.2). The last three are the same end. Raises ValueError for what is no digit."""
    event = DIGITS.index(digit)
    step = clock_rate * interval_ms // 1000
    intervals = max(2, -(-milliseconds // interval_ms))
    for number in range(1, intervals):
        yield TelephoneEvent(event=event, end=False, duration=min(number * step, 0xFFFF))
    end = TelephoneEvent(event=event, end=True, duration=min(intervals * step, 0xFFFF))
    yield from (end,) * RETRANSMITTED_ENDS


@dataclass(frozen=True, slots=True)
class KeyPress:
    digit: str
    duration: int  # timestamp units


@dataclass(slots=True)
class KeyPresses:
    """Counts each key press of one stream once, however many of its packets come, are lost or come late.

    A press is known by its timestamp. It is told at its first end packet or, when all ends were lost, when the next
    press begins or the caller says that nothing more came (`flush`).
    """

    _timestamp: int | None = None
    _told: bool = True
    _last: TelephoneEvent | None = None

    def receive(self, timestamp: int, event: TelephoneEvent) -> list[KeyPress]:
        """The presses that this packet ends: none, one, or two when the end of the one before was lost."""
        presses: list[KeyPress] = []
        if timestamp != self._timestamp:
            if self._timestamp is not None and (timestamp - self._timestamp) & 0xFFFFFFFF > 0x7FFFFFFF:
                return presses  # a late copy of a press that is over
            presses += self.flush()
            self._timestamp, self._told = timestamp, False
        self._last = event
        if event.end:
            presses += self.flush()
        return presses

    def flush(self) -> list[KeyPress]:
        if self._told or self._last is None:
            return []
        self._told = True
        digit = self._last.digit
        return [KeyPress(digit, self._last.duration)] if digit is not None else []
