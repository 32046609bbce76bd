"""The one datagram in the engine's hands, and where its RTP payload lies. Runs compiled (types in `datagram.pxd`) and
interpreted."""

from __future__ import annotations

HEADER = 12
MASK16 = 0xFFFF


class Datagram:
    """`buf` holds the last datagram that was received; no longer one fits."""

    def __init__(self, longest: int) -> None:
        self.buf = bytearray(longest)

    def get32(self, at: int) -> int:
        high = self.buf[at] << 8 | self.buf[at + 1]
        low = self.buf[at + 2] << 8 | self.buf[at + 3]
        return high * (MASK16 + 1) + low

    def payload_start(self, n: int) -> int:
        """Where the payload begins (RFC 3550 §5.1); 0 when this is no RTP packet whose parts fit its length."""
        buf = self.buf
        if n < HEADER or buf[0] & 0xC0 != 0x80:
            return 0
        start = HEADER + 4 * (buf[0] & 0x0F)
        if buf[0] & 0x10:
            if n < start + 4:
                return 0
            start += 4 + 4 * (buf[start + 2] << 8 | buf[start + 3])
        padding = 0
        if buf[0] & 0x20:
            padding = buf[n - 1]
            if padding == 0:
                return 0
        return start if start + padding < n else 0

    def strip(self, start: int, n: int) -> int:
        """Take CSRCs, extension and padding away: `buf[12:n]` is the payload then. Returns the new n."""
        buf = self.buf
        if buf[0] & 0x20:
            n -= buf[n - 1]
        if start > HEADER:
            for i in range(n - start):
                buf[HEADER + i] = buf[start + i]
        return n - start + HEADER
