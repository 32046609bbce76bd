"""What an Opus packet says of the voice in it, without decoding it: RFC 6716 §3.1 and §4.2.3.

The first octet names mode, channels and number of frames. The SILK part of a frame begins with a voice activity flag
for each 20 ms of each channel; CELT has none. Only the first frame of a packet is looked at. Runs compiled (types in
`opus_flags.pxd`) and interpreted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Octets = bytearray | memoryview

CELT, HYBRID, STEREO, FRAMES = 0x80, 0x60, 0x04, 0x03
ANY_NUMBER = 3  # of frames: where the first one begins would take more reading
LONG_LENGTH = 252  # §3.2.1: from here on a length has two octets
UNKNOWN = -1


class OpusFlags:
    def voice(self, buf: Octets, start: int, end: int) -> int:
        """Of the packet `buf[start:end]`: 1 when somebody speaks, 0 when nobody does, UNKNOWN."""
        if end <= start:
            return UNKNOWN
        toc = buf[start]
        first = start + 1
        if first == end:
            return 0  # no frame: a pause
        if toc & CELT or toc & FRAMES == ANY_NUMBER:
            return UNKNOWN
        if toc & FRAMES == 2:  # two frames: the length of the first comes before it
            first += 1 if buf[first] < LONG_LENGTH else 2
        if first >= end:
            return 0
        flags = 1
        if toc & HYBRID != HYBRID and toc >> 3 & 3 >= 2:
            flags = toc >> 3 & 3  # in 40 or 60 ms
        heard = buf[first] >> (8 - flags)
        if toc & STEREO:  # behind the flags of the first channel, and one that announces repetitions
            heard |= (buf[first] << (flags + 1) & 0xFF) >> (8 - flags)
        return heard != 0
