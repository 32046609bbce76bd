"""FFmpeg's own codecs, through PyAV: another hand's implementation of the same standards.

What FFmpeg wrote itself: both ways of G.722, and decoders of Opus, GSM 06.10 and Speex. Its Opus encoder is libopus.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

SPEEX_HEADER_SIZE = 80


def _context(name: str, mode: str, rate: int) -> AudioCodecContext:
    context = av.CodecContext.create(name, mode)  # type: ignore[call-overload]  # its stubs know no variable here
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = rate
    context.layout = "mono"
    return context


def decode(name: str, payloads: Sequence[bytes], rate: int, want: int) -> array[int]:
    """Payloads as samples of `want` hertz; `rate` is the codec's own."""
    context = _context(name, "r", rate)
    if name == "speex":
        context.extradata = speex_header(rate)
    resampler = AudioResampler("s16", "mono", want)
    heard = array("h")
    for payload in payloads:
        for frame in context.decode(av.Packet(payload)):
            for piece in resampler.resample(frame):
                heard.frombytes(bytes(piece.planes[0])[: 2 * piece.samples])
    for piece in resampler.resample(None):
        heard.frombytes(bytes(piece.planes[0])[: 2 * piece.samples])
    return heard


def encode(name: str, samples: array[int], rate: int) -> list[bytes]:
    """Payloads of 20 ms."""
    context = _context(name, "w", rate)
    context.format = "s16"
    payloads = []
    size = rate // 50
    for number, at in enumerate(range(0, len(samples) - size + 1, size)):
        frame = AudioFrame("s16", "mono", size)
        frame.sample_rate = rate
        frame.pts = number * size
        frame.planes[0].update(samples[at : at + size].tobytes())
        payloads += [bytes(packet) for packet in context.encode(frame)]
    return payloads


def speex_header(rate: int) -> bytes:
    """The first packet of a Speex file, which FFmpeg wants to see (the Speex manual, table 7.1)."""
    mode = 0 if rate == 8000 else 1
    numbers = (1, SPEEX_HEADER_SIZE, rate, mode, 4, 1, -1, rate // 50, 0, 1, 0, 0, 0)
    return b"Speex   " + b"1.2".ljust(20, b"\0") + struct.pack("<13i", *numbers)
