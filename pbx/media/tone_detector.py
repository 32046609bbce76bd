"""Keys pressed as sound (ITU-T Q.23), for trunks that know no telephone events: Goertzel's algorithm, and what tells a
key from a voice (Q.24): both tones loud enough and alike, nothing else beside them, no harmonics, for long enough.

Integers only. Blocks of 102 samples at 8 kHz, 12.75 ms; two that agree begin a digit, two that do not end it. Runs
compiled (types in `tone_detector.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Samples = array[int] | memoryview

BLOCK = 102
# 2·cos(2πf/8000)·2^14 of 697, 770, 852, 941, 1209, 1336, 1477 and 1633 Hz, then of their doubles.
COEFFICIENTS = (
    *(27980, 26956, 25701, 24219, 19073, 16325, 13085, 9315),
    *(15014, 11583, 7549, 3032, -10565, -16503, -22318, -27472),
)
DOUBLES = 8
ROWS = 4
KEYS = (1, 2, 3, 12, 4, 5, 6, 13, 7, 8, 9, 14, 10, 0, 11, 15)  # event codes of RFC 4733, row by row
QUIETEST = 1274490000  # (AN/2)² of one tone of amplitude 700, 30 dB below 0 dBm0
TWIST = 7  # high tones may be 8 dB louder than low ones,
REVERSE_TWIST = 3  # low ones 4 or 5 dB louder than high ones
PEAK = 6  # 8 dB above every other tone of its group
HARMONIC = 10  # 10 dB above its double
PURE = 38  # of at most 51: how much of the block's power is in the two tones
NONE = -1
BLOCK_US = 12750


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class ToneDetector:
    """One ear a leg. Only the engine's thread may call it."""

    def __init__(self, legs: int) -> None:
        self.coefficients = array("q", COEFFICIENTS)
        self.keys = array("q", KEYS)
        self.block = memoryview(zeros("h", legs * BLOCK))
        self.filled = zeros("q", legs)
        self.last = array("q", [NONE] * legs)  # what the block before sounded like
        self.digit = array("q", [NONE] * legs)  # the key that sounds
        self.blocks = zeros("q", legs)  # for how long
        self.power = zeros("q", 2 * ROWS)
        self.ended = NONE  # the key whose end `hear` has found
        self.ended_ms = 0

    def clear(self, leg: int) -> int:
        self.filled[leg] = 0
        self.last[leg] = NONE
        self.digit[leg] = NONE
        self.blocks[leg] = 0
        return 0

    def hear(self, leg: int, samples: Samples, count: int) -> int:
        """`count` samples at 8 kHz. 1 when a key was let go: `ended` and `ended_ms` say which one, and its length."""
        found = 0
        for i in range(count):
            self.block[leg * BLOCK + self.filled[leg]] = samples[i]
            self.filled[leg] += 1
            if self.filled[leg] == BLOCK:
                self.filled[leg] = 0
                if self.judge(leg, self.classify(leg)):
                    found = 1
        return found

    def sounds(self, leg: int) -> int:
        """Whether a key is heard, or has perhaps begun."""
        return self.digit[leg] >= 0 or self.last[leg] >= 0

    def judge(self, leg: int, key: int) -> int:
        """The next block sounds like `key`. 1 when that ends a digit."""
        ended = 0
        if key == self.digit[leg]:
            if key >= 0:
                self.blocks[leg] += 1
        elif self.last[leg] != self.digit[leg]:
            if self.digit[leg] >= 0:
                self.ended = self.digit[leg]
                self.ended_ms = self.blocks[leg] * BLOCK_US // 1000
                ended = 1
            self.digit[leg] = key if key == self.last[leg] else NONE
            self.blocks[leg] = 2
        self.last[leg] = key
        return ended

    def classify(self, leg: int) -> int:
        """The key that the block sounds like; NONE."""
        base = leg * BLOCK
        total = 1
        for i in range(BLOCK):
            total += self.block[base + i] * self.block[base + i]
        if total * PURE < QUIETEST:
            return NONE
        for number in range(2 * ROWS):
            self.power[number] = self.power_of(base, self.coefficients[number])
        row = self.loudest(0)
        column = self.loudest(ROWS)
        low = self.power[row]
        high = self.power[column]
        if low < QUIETEST or high < QUIETEST or high > low * TWIST or low > high * REVERSE_TWIST:
            return NONE
        if not self.stands_out(0, row) or not self.stands_out(ROWS, column):
            return NONE
        if low + high < total * PURE:
            return NONE
        # The double of a low tone may lie so near the high tone that it cannot be told from it.
        beside = column - ROWS - row
        clear = beside < 1 or beside > 2
        if clear and self.power_of(base, self.coefficients[DOUBLES + row]) * HARMONIC > low:
            return NONE
        if self.power_of(base, self.coefficients[DOUBLES + column]) * HARMONIC > high:
            return NONE
        return self.keys[row * ROWS + column - ROWS]

    def loudest(self, first: int) -> int:
        found = first
        for number in range(first + 1, first + ROWS):
            if self.power[number] > self.power[found]:
                found = number
        return found

    def stands_out(self, first: int, found: int) -> int:
        for number in range(first, first + ROWS):
            if number != found and self.power[number] * PEAK > self.power[found]:
                return 0
        return 1

    def power_of(self, base: int, coefficient: int) -> int:
        """(AN/2)² of the tone with that coefficient, A its amplitude."""
        before = 0
        now = 0
        for i in range(BLOCK):
            after = self.block[base + i] + ((coefficient * now) >> 14) - before
            before = now
            now = after
        return now * now + before * before - ((coefficient * now) >> 14) * before
