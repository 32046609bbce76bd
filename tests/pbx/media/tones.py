"""Tones in G.711, and how loud a tone is in some sound (Goertzel's algorithm). For tests of what somebody hears."""

from __future__ import annotations

import math
from array import array

from pbx.rtp.g711 import Law, decode, encode

RATE = 8000


def pcm_tone(frequency: float, seconds: float, amplitude: int = 8000) -> bytes:
    """16-bit little-endian samples."""
    count = round(seconds * RATE)
    return array("h", [round(amplitude * math.sin(2 * math.pi * frequency * n / RATE)) for n in range(count)]).tobytes()


def tone(frequency: float, seconds: float, law: Law = Law.ULAW, amplitude: int = 8000) -> bytes:
    """G.711 octets."""
    return encode(pcm_tone(frequency, seconds, amplitude), law)


def frames(octets: bytes, size: int = 160) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)]


def level(pcm: bytes, frequency: float) -> float:
    """The amplitude of that frequency in the sound: of a pure tone, its own."""
    samples = array("h", pcm)
    if not samples:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * frequency / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = before * before + last * last - coefficient * before * last
    return 2 * math.sqrt(max(0.0, power)) / len(samples)


def heard(octets: bytes, frequency: float, law: Law = Law.ULAW) -> float:
    return level(decode(octets, law), frequency)


def loudness(pcm: bytes, frequency: float) -> float:
    """Its mean amplitude over pieces of 20 ms. Unlike `level` it does not mind a jump of the phase between two of them:
    for sound that came over a real network in real time."""
    pieces = [pcm[at : at + 320] for at in range(0, len(pcm) - 319, 320)]
    return sum(level(piece, frequency) for piece in pieces) / len(pieces) if pieces else 0.0
