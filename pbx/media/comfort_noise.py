"""Comfort noise, RFC 3389: what stands for the silence of who sends none, and what others hear of it.

A packet of it says how loud the silence is from then on, until sound comes again. Where the other leg has agreed on it
too it is passed on; to others noise of that level is said (`Outlet.say_noise`, `JitterBuffer`). Its spectrum is not
followed: the noise is white. Runs compiled (types in `comfort_noise.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from pbx.media.engine_numbers import NONE

if TYPE_CHECKING:
    Samples = array[int] | memoryview

LEVELS = 128
OVERLOAD = 32767
EVEN = 1.7320508  # the peak of evenly spread noise over its effective value
# §3: "The noise level is expressed in -dBov, with values from 0 to 127 representing 0 to -127 dBov." Louder than this
# is no silence, and nobody is made to hear it.
LOUDEST = 30
MULTIPLIER, INCREMENT = 1664525, 1013904223
HALF = 32768
MASK32 = 0xFFFFFFFF


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class ComfortNoise:
    """Of all legs. Only the engine's thread may call it."""

    def __init__(self, legs: int) -> None:
        peaks = [min(round(OVERLOAD * EVEN * 10 ** (-max(level, LOUDEST) / 20)), OVERLOAD) for level in range(LEVELS)]
        self.peaks = array("q", peaks)
        self.kind = array("q", [NONE] * legs)  # its payload type on this leg; NONE: not agreed on
        self.peak = zeros("q", legs)  # of what this leg's silence sounds like, as a sample
        self.began = zeros("q", legs)  # when the last packet of it came
        self.seed = zeros("q", legs)

    def open(self, leg: int) -> int:
        self.kind[leg] = NONE
        self.peak[leg] = 0
        self.began[leg] = 0
        self.seed[leg] = leg
        return 0

    def hear(self, leg: int, level: int, now: int) -> int:
        """The first octet of a packet that this leg sent."""
        self.peak[leg] = self.peaks[level & 0x7F]
        self.began[leg] = now
        return 0

    def is_last(self, leg: int, heard_at: int) -> int:
        """Whether the packet that came at that time, the leg's last one, was comfort noise: then it pauses."""
        return self.began[leg] > 0 and self.began[leg] == heard_at

    def copy(self, leg: int, to: int) -> int:
        """`to` shall hear the silence of `leg`."""
        self.peak[to] = self.peak[leg]
        return 0

    def say(self, leg: int, out: Samples, at: int, count: int) -> int:
        """`count` samples of it into `out[at:]`."""
        peak = self.peak[leg]
        seed = self.seed[leg]
        for i in range(count):
            seed = (seed * MULTIPLIER + INCREMENT) & MASK32
            out[at + i] = ((seed >> 16) - HALF) * peak >> 15
        self.seed[leg] = seed
        return 0
