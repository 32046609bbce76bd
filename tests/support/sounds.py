"""Sound files as people upload them, made by FFmpeg."""

from __future__ import annotations

import io
from fractions import Fraction

import av

from tests.support import tones

FORMATS = {
    "mp3": ("mp3", "libmp3lame", 44_100, "stereo"),
    "opus": ("ogg", "libopus", 48_000, "stereo"),
    "wav": ("wav", "pcm_s16le", 48_000, "stereo"),
    "flac": ("flac", "flac", 44_100, "mono"),
    "aac": ("adts", "aac", 44_100, "stereo"),
}


def sound_file(form: str, pcm: bytes) -> bytes:
    """`pcm`: 8 kHz, mono, 16-bit."""
    container, encoder, rate, layout = FORMATS[form]
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(encoder, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.planes[0].update(pcm)
        frame.sample_rate, frame.time_base, frame.pts = tones.RATE, Fraction(1, tones.RATE), 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()
