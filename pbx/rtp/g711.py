"""G.711 the other way: samples to µ-law and A-law (ITU-T G.711; RFC 3551 §4.5.14), and one law to the other.

Decoding lives below, with the recordings, which need it too.
"""

from __future__ import annotations

import sys
from array import array
from functools import cache

from recordings.g711 import SILENCE, Law, alaw_to_linear, decode, ulaw_to_linear

__all__ = [
    "ALAW_TO_ULAW",
    "SILENCE",
    "ULAW_TO_ALAW",
    "Law",
    "alaw_to_linear",
    "decode",
    "encode",
    "encoding_table",
    "linear_to_alaw",
    "linear_to_ulaw",
    "ulaw_to_linear",
]


def linear_to_ulaw(sample: int) -> int:
    """`sample` is 16 bits, signed."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF


def linear_to_alaw(sample: int) -> int:
    """`sample` is 16 bits, signed."""
    mask = 0xD5 if sample >= 0 else 0x55
    magnitude = (sample if sample >= 0 else ~sample) >> 3
    segment = max(0, magnitude.bit_length() - 5)
    return (segment << 4 | magnitude >> max(1, segment) & 0x0F) ^ mask


# For `bytes.translate`: what one law's octet is in the other.
ULAW_TO_ALAW = bytes(linear_to_alaw(ulaw_to_linear(code)) for code in range(256))
ALAW_TO_ULAW = bytes(linear_to_ulaw(alaw_to_linear(code)) for code in range(256))


def encode(samples: bytes, law: Law) -> bytes:
    """16-bit little-endian samples as octets of one law."""
    values = array("H", samples)
    if sys.byteorder == "big":
        values.byteswap()
    return bytes(map(encoding_table(law).__getitem__, values))


@cache
def encoding_table(law: Law) -> bytes:
    """The octet of each of the 65,536 values of a sample, taken as an unsigned number."""
    code = linear_to_ulaw if law is Law.ULAW else linear_to_alaw
    return bytes(code(value - 0x10000 if value & 0x8000 else value) for value in range(0x10000))
