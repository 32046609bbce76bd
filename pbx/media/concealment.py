"""Sound in place of lost packets, after ITU-T G.711 Appendix I: the last pitch period is said again, and fades.

Without the Appendix's delay of 3.75 ms: the repetition begins where the sound broke off, and the sound that comes back
is faded into it. For every codec that has no concealment of its own. Integers only. Runs compiled (types in
`concealment.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Samples = array[int] | memoryview

NARROW = 8000  # hertz; 16 kHz takes twice as many samples everywhere
SHORTEST_PITCH = 40  # samples at 8 kHz: 200 Hz
LONGEST_PITCH = 120  # 66 Hz
WINDOW = 160  # samples that are compared
KEPT = 2 * (LONGEST_PITCH + WINDOW)  # of the past, at 16 kHz
FULL = 80  # samples of unchanged loudness: 10 ms
SILENT = 480  # after 60 ms nothing is left
RETURN = 32  # 4 ms: how long the sound that comes back is faded in
ONE = 32768


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Concealment:
    """One memory a leg. Only the engine's thread may call it."""

    def __init__(self, legs: int) -> None:
        self.past = memoryview(zeros("h", legs * KEPT))  # the newest sample is the last one
        self.rate = zeros("q", legs)  # of the past; 0: there is none
        self.lost = zeros("q", legs)  # samples concealed in a row
        self.pitch = zeros("q", legs)

    def clear(self, leg: int) -> int:
        self.rate[leg] = 0
        self.lost[leg] = 0
        return 0

    def hear(self, leg: int, out: Samples, at: int, count: int, rate: int) -> int:
        """`count` good samples are at `out[at:]`: remember them, and fade them in after a loss."""
        past = leg * KEPT
        if self.rate[leg] != rate:
            self.clear(leg)
            self.rate[leg] = rate
            for i in range(KEPT):
                self.past[past + i] = 0
        if self.lost[leg]:
            self.fade_in(leg, out, at, count)
        if count >= KEPT:
            self.past[past : past + KEPT] = out[at + count - KEPT : at + count]
            return 0
        for i in range(KEPT - count):
            self.past[past + i] = self.past[past + i + count]
        self.past[past + KEPT - count : past + KEPT] = out[at : at + count]
        return 0

    def conceal(self, leg: int, out: Samples, at: int, count: int, rate: int) -> int:
        """`count` samples in place of lost ones into `out[at:]`. 0 when they are silence."""
        scale = rate // NARROW
        if self.rate[leg] != rate or self.lost[leg] >= SILENT * scale:
            for i in range(count):
                out[at + i] = 0
            return 0
        if not self.lost[leg]:
            self.pitch[leg] = self.find_pitch(leg, scale)
        for i in range(count):
            out[at + i] = self.said_again(leg, self.lost[leg] + i)
        self.lost[leg] += count
        return 1

    def fade_in(self, leg: int, out: Samples, at: int, count: int) -> int:
        length = RETURN * (self.rate[leg] // NARROW)
        if length > count:
            length = count
        for i in range(length):
            old = self.said_again(leg, self.lost[leg] + i)
            out[at + i] = (out[at + i] * i + old * (length - i)) // length
        self.lost[leg] = 0
        return 0

    def said_again(self, leg: int, number: int) -> int:
        """The sample `number` of the concealment."""
        scale = self.rate[leg] // NARROW
        if number >= SILENT * scale:
            return 0
        pitch = self.pitch[leg]
        end = leg * KEPT + KEPT
        place = number % pitch
        value = self.past[end - pitch + place]
        # The last quarter of the period leads over into its beginning.
        quarter = pitch >> 2
        into = place - (pitch - quarter)
        if into > 0:
            before = self.past[end - 2 * pitch + place]
            value = (value * (quarter - into) + before * into) // quarter
        if number > FULL * scale:
            value = value * ((SILENT * scale - number) * ONE // ((SILENT - FULL) * scale)) // ONE
        return value

    def find_pitch(self, leg: int, scale: int) -> int:
        """The lag, in samples, at which the past is most like itself."""
        step = 2 * scale
        best = self.best_lag(leg, SHORTEST_PITCH * scale, LONGEST_PITCH * scale, step, scale)
        first = best - step + 1
        last = best + step - 1
        if first < SHORTEST_PITCH * scale:
            first = SHORTEST_PITCH * scale
        if last > LONGEST_PITCH * scale:
            last = LONGEST_PITCH * scale
        return self.best_lag(leg, first, last, 1, scale)

    def best_lag(self, leg: int, first: int, last: int, step: int, scale: int) -> int:
        found = first
        best = -1
        for n in range((last - first) // step + 1):
            lag = first + n * step
            score = self.likeness(leg, lag, scale)
            if score > best:
                best = score
                found = lag
        return found

    def likeness(self, leg: int, lag: int, scale: int) -> int:
        """The squared correlation over the energy. Samples are cut to 12 bits, so that 64 bits hold the square."""
        end = leg * KEPT + KEPT
        product = 0
        energy = 1
        for n in range(WINDOW // 2):
            i = end - (WINDOW - 2 * n) * scale
            older = self.past[i - lag] >> 4
            product += (self.past[i] >> 4) * older
            energy += older * older
        if product <= 0:
            return 0
        return product * product // energy
