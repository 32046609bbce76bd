"""What recordings are made of: G.711, eight bits a sample, µ-law or A-law (ITU-T G.711), and the way back."""

from __future__ import annotations

from enum import IntEnum
from functools import cache


class Law(IntEnum):
    ULAW = 0
    ALAW = 1


SILENCE = {Law.ULAW: 0xFF, Law.ALAW: 0xD5}


def ulaw_to_linear(code: int) -> int:
    """16 bits, signed."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return -magnitude if code & 0x80 else magnitude


def alaw_to_linear(code: int) -> int:
    """16 bits, signed."""
    code ^= 0x55
    segment = code >> 4 & 7
    magnitude = ((code & 0x0F) << 4) + 8
    if segment:
        magnitude = magnitude + 0x100 << segment - 1
    return magnitude if code & 0x80 else -magnitude


def decode(octets: bytes, law: Law) -> bytes:
    """Octets of one law as 16-bit little-endian samples."""
    low, high = octet_tables(law)
    samples = bytearray(2 * len(octets))
    samples[0::2] = octets.translate(low)
    samples[1::2] = octets.translate(high)
    return bytes(samples)


@cache
def octet_tables(law: Law) -> tuple[bytes, bytes]:
    """For `bytes.translate`: the low and the high octet of each code's sample."""
    linear = ulaw_to_linear if law is Law.ULAW else alaw_to_linear
    values = [linear(code) & 0xFFFF for code in range(256)]
    return bytes(value & 0xFF for value in values), bytes(value >> 8 for value in values)
