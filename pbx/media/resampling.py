"""Between 8 and 16 kHz: one half-band filter, both ways. Integers only, so that every engine makes the same samples.

The filter is a windowed sinc (Kaiser, β 5.5) of 47 coefficients, of which every other one but the middle is zero. Flat
within 0.1 dB up to 3.4 kHz; what lies above 4.6 kHz is 64 dB down. It delays by 1.5 ms. Runs compiled (types in
`resampling.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Samples = array[int] | memoryview

TAPS = (20782, -6691, 3744, -2404, 1616, -1096, 733, -475, 294, -169, 87, -37)  # of 1, 3, 5 … samples off, by 2^16
REACH = 12
NARROW_TAIL = 2 * REACH  # samples that the next call still needs
WIDE_TAIL = 4 * REACH
LONGEST = 5760  # samples in one call: 120 ms at 48 kHz
LOUDEST = 32767


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Resampler:
    """`lanes` streams, each with what it still remembers of its past. Only the engine's thread may call it."""

    def __init__(self, lanes: int) -> None:
        self.taps = array("q", TAPS)
        self.narrow = memoryview(zeros("h", lanes * NARROW_TAIL))
        self.wide = memoryview(zeros("h", lanes * WIDE_TAIL))
        self.work = memoryview(zeros("h", WIDE_TAIL + LONGEST))

    def clear(self, lane: int) -> int:
        for i in range(NARROW_TAIL):
            self.narrow[lane * NARROW_TAIL + i] = 0
        for i in range(WIDE_TAIL):
            self.wide[lane * WIDE_TAIL + i] = 0
        return 0

    def widen(self, lane: int, source: Samples, at: int, count: int, out: Samples, to: int) -> int:
        """`count` samples of 8 kHz at `source[at:]` become twice as many of 16 kHz at `out[to:]`. Returns how many."""
        tail = lane * NARROW_TAIL
        work = self.work
        work[0:NARROW_TAIL] = self.narrow[tail : tail + NARROW_TAIL]
        work[NARROW_TAIL : NARROW_TAIL + count] = source[at : at + count]
        for n in range(count):
            middle = n + REACH
            total = 0
            for i in range(REACH):
                total += self.taps[i] * (work[middle - i] + work[middle + 1 + i])
            out[to + 2 * n] = work[middle]
            out[to + 2 * n + 1] = self.clipped((total + 16384) >> 15)
        self.narrow[tail : tail + NARROW_TAIL] = work[count : count + NARROW_TAIL]
        return 2 * count

    def narrow_down(self, lane: int, source: Samples, at: int, count: int, out: Samples, to: int) -> int:
        """`count` samples of 16 kHz, an even number, become half as many of 8 kHz. Returns how many."""
        tail = lane * WIDE_TAIL
        work = self.work
        work[0:WIDE_TAIL] = self.wide[tail : tail + WIDE_TAIL]
        work[WIDE_TAIL : WIDE_TAIL + count] = source[at : at + count]
        for n in range(count >> 1):
            middle = 2 * n + 2 * REACH
            total = work[middle] << 15
            for i in range(REACH):
                total += self.taps[i] * (work[middle - 2 * i - 1] + work[middle + 2 * i + 1])
            out[to + n] = self.clipped((total + 32768) >> 16)
        self.wide[tail : tail + WIDE_TAIL] = work[count : count + WIDE_TAIL]
        return count >> 1

    def clipped(self, value: int) -> int:
        if value > LOUDEST:
            return LOUDEST
        return value if value >= -LOUDEST - 1 else -LOUDEST - 1
