"""Whether a payload is Speex at all. libspeex says so on standard error of every one that is not, which a hostile phone
could fill.

A payload is frames in a row without octet boundaries (RFC 5574 §3.2): of the narrow band a 0, four bits of mode, and as
many bits as the mode has; of each band above a 1 and three bits of mode. Runs compiled (types in `speex_frames.pxd`)
and interpreted.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Octets = bytearray | memoryview

NARROW_BITS = (5, 43, 119, 160, 220, 300, 364, 492, 79)  # of a frame in each mode, its head counted
WIDE_BITS = (4, 36, 112, 192, 352, 0, 0, 0)  # 0: there is no such mode
MODES = 9  # of the narrow band; what is above says something else than sound, and nobody says it
TERMINATOR = 15
NARROW_HEAD, WIDE_HEAD = 5, 4


class SpeexFrames:
    def __init__(self) -> None:
        self.narrow = array("q", NARROW_BITS)
        self.wide = array("q", WIDE_BITS)

    def are_whole(self, buf: Octets, start: int, end: int, bands: int) -> int:
        """Whether `buf[start:end]` is whole frames of at most that many bands above the narrow one, and padding behind
        them."""
        bits = 8 * (end - start)
        at = 0
        frames = 0
        layers = bands
        while at < bits:
            size = 0
            if self.read(buf, start, at, 1):
                layers += 1
                if layers <= bands and at + WIDE_HEAD <= bits:
                    size = self.wide[self.read(buf, start, at + 1, 3)]
            elif at + NARROW_HEAD > bits:
                return frames > 0
            else:
                mode = self.read(buf, start, at + 1, 4)
                if mode == TERMINATOR:
                    return frames > 0
                layers = 0
                frames += 1
                if mode < MODES:
                    size = self.narrow[mode]
            at += size
            if not size or at > bits:
                return 0
        return frames > 0

    def read(self, buf: Octets, start: int, at: int, count: int) -> int:
        """`count` bits from bit number `at` on."""
        value = 0
        for i in range(at, at + count):
            value = value << 1 | (buf[start + (i >> 3)] >> (7 - (i & 7)) & 1)
        return value
