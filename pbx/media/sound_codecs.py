"""Each leg's codec: from payload octets to 16-bit linear samples and back. The seam at which codecs plug in.

A leg in a mixing room is decoded (by its `JitterBuffer`) into linear frames of the room's rate, and what it shall hear
is encoded out of one. A relayed leg never comes here. A codec is known by its number in `engine_numbers`; here is
G.711, at 8 kHz. Runs compiled (types in `sound_codecs.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array

from pbx.media.engine_numbers import ALAW, ULAW

HEADER = 12
FRAMES_A_SECOND = 50  # 20 ms each
G711_CLOCK = 8000  # RFC 3551 §4.5.14
DECODINGS = 256
ENCODINGS = 65536
MASK16 = 0xFFFF


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class SoundCodecs:
    """Only the engine's thread may call it."""

    def __init__(self, legs: int, decoding: array[int], encoding: bytes) -> None:
        """`decoding`: the samples of µ-law's 256 octets, then A-law's. `encoding`: µ-law's octet of each of the 65,536
        values of a sample (as unsigned), then A-law's."""
        self.codec = zeros("q", legs)
        self.decoding = array("h", decoding)
        self.encoding = bytearray(encoding)

    def choose(self, leg: int, codec: int) -> int:
        """What this leg speaks from now on; codecs with a memory forget what they heard."""
        self.codec[leg] = codec
        return 0

    def ticks(self, leg: int) -> int:
        """RTP timestamp units in 20 ms of this leg's sound."""
        return G711_CLOCK // FRAMES_A_SECOND

    def is_shared(self, codec: int) -> int:
        """Whether one encoding serves all legs of this codec that hear the same: it has no memory and no settings."""
        return codec in (ULAW, ALAW)

    def decode(
        self, leg: int, buf: bytearray | memoryview, start: int, end: int, out: memoryview, at: int, rate: int
    ) -> int:
        """The payload `buf[start:end]` as samples of `rate` hertz in `out[at:]`. Returns how many."""
        table = self.codec[leg] * DECODINGS
        for i in range(end - start):
            out[at + i] = self.decoding[table + buf[start + i]]
        return end - start

    def conceal(self, leg: int, out: memoryview, at: int, count: int, rate: int) -> int:
        """`count` samples in place of some that were lost. 0 when all that there is is silence."""
        for i in range(count):
            out[at + i] = 0
        return 0

    def encode(self, leg: int, frame: memoryview, at: int, rate: int, buf: bytearray | memoryview) -> int:
        """20 ms of `frame[at:]`, at `rate` hertz, as a payload in `buf[12:]`. Returns where it ends in `buf`."""
        table = self.codec[leg] * ENCODINGS
        count = rate // FRAMES_A_SECOND
        for i in range(count):
            buf[HEADER + i] = self.encoding[table + (frame[at + i] & MASK16)]
        return HEADER + count
