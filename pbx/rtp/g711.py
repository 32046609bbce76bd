"""G.711: eight bits a sample, µ-law and A-law (ITU-T G.711; payload types 0 and 8 of RFC 3551)."""

from __future__ import annotations

import sys
from array import array
from enum import IntEnum
from functools import cache


class Law(IntEnum):
    ULAW = 0
    ALAW = 1


SILENCE = {Law.ULAW: 0xFF, Law.ALAW: 0xD5}


def linear_to_ulaw(sample: int) -> int:
    """`sample` is 16 bits, signed."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF


def ulaw_to_linear(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return -magnitude if code & 0x80 else magnitude


def linear_to_alaw(sample: int) -> int:
    """`sample` is 16 bits, signed."""
    mask = 0xD5 if sample >= 0 else 0x55
    magnitude = (sample if sample >= 0 else ~sample) >> 3
    segment = max(0, magnitude.bit_length() - 5)
    return (segment << 4 | magnitude >> max(1, segment) & 0x0F) ^ mask


def alaw_to_linear(code: int) -> int:
    code ^= 0x55
    segment = code >> 4 & 7
    magnitude = ((code & 0x0F) << 4) + 8
    if segment:
        magnitude = magnitude + 0x100 << segment - 1
    return magnitude if code & 0x80 else -magnitude


# For `bytes.translate`: what one law's octet is in the other.
ULAW_TO_ALAW = bytes(linear_to_alaw(ulaw_to_linear(code)) for code in range(256))
ALAW_TO_ULAW = bytes(linear_to_ulaw(alaw_to_linear(code)) for code in range(256))


def decode(data: bytes | bytearray | memoryview, law: Law) -> bytes:
    """Octets of one law as 16-bit little-endian samples."""
    low, high = _decoding(law)
    octets = bytes(data)
    samples = bytearray(2 * len(octets))
    samples[0::2] = octets.translate(low)
    samples[1::2] = octets.translate(high)
    return bytes(samples)


def encode(samples: bytes, law: Law) -> bytes:
    """16-bit little-endian samples as octets of one law."""
    values = array("H", samples)
    if sys.byteorder == "big":
        values.byteswap()
    return bytes(map(_encoding(law).__getitem__, values))


@cache
def _decoding(law: Law) -> tuple[bytes, bytes]:
    linear = ulaw_to_linear if law is Law.ULAW else alaw_to_linear
    values = [linear(code) & 0xFFFF for code in range(256)]
    return bytes(value & 0xFF for value in values), bytes(value >> 8 for value in values)


@cache
def _encoding(law: Law) -> bytes:
    code = linear_to_ulaw if law is Law.ULAW else linear_to_alaw
    return bytes(code(value - 0x10000 if value & 0x8000 else value) for value in range(0x10000))
