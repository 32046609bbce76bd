"""Recordings as MP3 or Ogg Opus, one party a channel, by FFmpeg's encoders (through PyAV)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Literal

from recordings.container import LAW
from recordings.crypto import KeyRing
from recordings.export import Summary, export_wav, interleave, pieces, summarise

Format = Literal["wav", "mp3", "opus"]
FORMATS: tuple[Format, ...] = ("wav", "mp3", "opus")
MEDIA_TYPES: dict[Format, str] = {"wav": "audio/wav", "mp3": "audio/mpeg", "opus": "audio/ogg"}
SUFFIXES: dict[Format, str] = {"wav": "wav", "mp3": "mp3", "opus": "ogg"}
ENCODERS = {
    # MPEG-2 has no 8 kHz; players for which MPEG-2.5 is too new are still in use.
    "mp3": ("mp3", "libmp3lame", 16_000, 48_000),
    "opus": ("ogg", "libopus", 16_000, 32_000),
}


def export(path: Path, keys: KeyRing | None, out: BinaryIO, form: Format) -> Summary:
    """Write the sound to `out`, which can be sought in. Everything is checked before the first octet is written, so
    that an altered file gives an error and no sound. Raises Damaged, KeyMissing, OSError."""
    if form == "wav":
        return export_wav(path, keys, out)
    import av  # a large library, and most who import this room never export

    summary = summarise(path, keys)
    container, encoder, rate, bits = ENCODERS[form]
    law = LAW[summary.header.codec]
    layout = "stereo" if summary.header.channels == 2 else "mono"
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(encoder, rate=rate, layout=layout, bit_rate=bits)
        assert isinstance(stream, av.AudioStream)
        at = 0
        for channels in pieces(path, keys, summary):
            count = len(channels[0])
            if not count:
                continue
            frame = av.AudioFrame(format="s16", layout=layout, samples=count)
            frame.planes[0].update(interleave(channels, law))
            frame.sample_rate, frame.time_base, frame.pts = summary.header.rate, Fraction(1, summary.header.rate), at
            at += count
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return summary
