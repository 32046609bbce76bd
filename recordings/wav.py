"""The head of a WAV file: PCM, 16 bits."""

from __future__ import annotations

import struct

_HEAD = struct.Struct("<4sI4s4sIHHIIHH4sI")


def head(*, channels: int, rate: int, octets: int) -> bytes:
    """44 octets, to be followed by `octets` of interleaved little-endian samples."""
    # A WAV file counts with 32 bits: players read on past a length that does not fit.
    length = min(octets, 0xFFFFFFFF - 36)
    frame = 2 * channels
    return _HEAD.pack(
        b"RIFF", length + 36, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * frame, frame, 16, b"data", length
    )
