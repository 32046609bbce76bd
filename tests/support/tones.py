"""Tones to send and to find again: each side of a call plays its own, and the other side's recording must hold it.

Written from ITU-T G.711 and apart from `pbx.rtp.g711`, so that a fault there is not mirrored here.
PCM is 16 bits, signed, little-endian, one channel, 8000 samples a second.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from enum import Enum

RATE = 8000
BLOCK = 800  # 100 ms: a glitch spoils one block, not the whole measurement
SILENCE = -120.0  # dB, of a buffer without any power
AMPLITUDE = 9000
NOT_IN_MUSIC = 2650  # Hz; the hold music that comes with the product has nothing there


class Law(Enum):
    """The value is the static RTP payload type of RFC 3551."""

    ULAW = 0
    ALAW = 8

    @property
    def silence(self) -> bytes:
        return b"\xff" if self is Law.ULAW else b"\xd5"


def _ulaw_level(code: int) -> int:
    code ^= 0xFF
    level = ((code & 0x0F) * 2 + 33) * (1 << (code >> 4 & 7)) - 33
    return (-level if code & 0x80 else level) * 4


def _alaw_level(code: int) -> int:
    code ^= 0x55
    segment, step = code >> 4 & 7, code & 0x0F
    level = (2 * step + 1) if segment == 0 else (2 * step + 33) << (segment - 1)
    return (level if code & 0x80 else -level) * 8


LEVELS = {Law.ULAW: [_ulaw_level(code) for code in range(256)], Law.ALAW: [_alaw_level(code) for code in range(256)]}


def decode(codes: bytes, law: Law) -> bytes:
    """Octets of one law as PCM."""
    levels = LEVELS[law]
    return _little_endian(array("h", (levels[code] for code in codes))).tobytes()


def encode(pcm: bytes, law: Law) -> bytes:
    """PCM as octets of one law: the code whose level is nearest."""
    ordered = sorted(range(256), key=LEVELS[law].__getitem__)
    levels = [LEVELS[law][code] for code in ordered]

    def nearest(sample: int) -> int:
        at = min(max(bisect_left(levels, sample), 1), 255)
        return ordered[at if levels[at] - sample < sample - levels[at - 1] else at - 1]

    return bytes(map(nearest, samples(pcm)))


def tone(frequency: float, seconds: float = 1.0, amplitude: int = AMPLITUDE) -> bytes:
    """A sine as PCM. With a whole number of cycles it can be repeated without a click."""
    count = round(seconds * RATE)
    wave = (round(amplitude * math.sin(2 * math.pi * frequency * at / RATE)) for at in range(count))
    return _little_endian(array("h", wave)).tobytes()


def samples(pcm: bytes) -> array[int]:
    values = array("h")
    values.frombytes(pcm[: len(pcm) // 2 * 2])
    return _little_endian(values)


def level(pcm: bytes, frequency: float) -> float:
    """Goertzel power at `frequency` (±5 Hz) in dB of the whole power: 0 for that tone alone, SILENCE for no sound."""
    values = samples(pcm)
    at_frequency = whole = 0.0
    for start in range(0, len(values) - BLOCK + 1, BLOCK):
        block = values[start : start + BLOCK]
        whole += sum(sample * sample for sample in block) / BLOCK
        at_frequency += _goertzel(block, frequency)
    return max(SILENCE, 10 * math.log10(at_frequency / whole)) if whole and at_frequency > 0 else SILENCE


def loudness(pcm: bytes) -> float:
    """Root mean square of the samples."""
    values = samples(pcm)
    return math.sqrt(sum(sample * sample for sample in values) / len(values)) if values else 0.0


def _goertzel(block: array[int], frequency: float) -> float:
    """The mean square of the sine of that frequency inside the block."""
    turn = 2 * math.cos(2 * math.pi * frequency / RATE)
    before = last = 0.0
    for sample in block:
        before, last = last, sample + turn * last - before
    magnitude = before * before + last * last - turn * before * last
    return 2 * magnitude / (len(block) * len(block))


def _little_endian(values: array[int]) -> array[int]:
    if array("H", b"\x01\x00")[0] != 1:
        values.byteswap()
    return values
