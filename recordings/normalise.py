"""Sound that somebody uploads becomes a prompt: 8 kHz, mono, 16-bit WAV, levelled, without silence around it.

    python -m recordings.normalise speech|music <anything >prompt.wav

A program of its own: what decodes foreign files may use a processor for a while, a gigabyte at most, and may crash.
The exit status is 0, or one of `REFUSALS`.
"""

from __future__ import annotations

import io
import resource
import sys
import warnings
from collections.abc import Iterator, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final

RATE: Final = 8_000  # Hz, the telephone's
LONGEST: Final = 900  # seconds: the media worker reads no longer files
LEVELS: Final[Mapping[str, float]] = MappingProxyType({"speech": -18.4, "music": -26.0})  # dB of full scale, mean
PEAK: Final = -3.1  # dB of full scale
SILENCE: Final = -50.0  # dB of full scale
LEAD, TAIL = 150, 300  # milliseconds of silence around speech
PROCESSOR_SECONDS, MEMORY = 60, 1 << 30


class Refusal(IntEnum):
    NOT_SOUND = 10
    TOO_LONG = 11
    SILENT = 12


class Refused(Exception):
    def __init__(self, why: Refusal) -> None:
        super().__init__(why.name)
        self.why = why


def normalise(source: bytes, kind: str) -> bytes:
    """WAV of what FFmpeg can read in `source`. Raises Refused."""
    samples = _decoded(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydub looks for an ffmpeg program, which is not needed here
        from pydub import AudioSegment
        from pydub.silence import detect_leading_silence
    sound = AudioSegment(data=samples, sample_width=2, frame_rate=RATE, channels=1)
    if sound.max_dBFS < SILENCE:
        raise Refused(Refusal.SILENT)
    if kind == "speech":
        begin = detect_leading_silence(sound, SILENCE)
        end = len(sound) - detect_leading_silence(sound.reverse(), SILENCE)
        sound = AudioSegment.silent(LEAD, RATE) + sound[begin:end] + AudioSegment.silent(TAIL, RATE)
    sound = sound.apply_gain(min(LEVELS[kind] - sound.dBFS, PEAK - sound.max_dBFS))
    out = io.BytesIO()
    sound.export(out, format="wav")
    return out.getvalue()


def _decoded(source: bytes) -> bytes:
    """Mono samples at `RATE`, 16-bit little-endian."""
    import av

    out = bytearray()
    try:
        with av.open(io.BytesIO(source)) as file:
            if not file.streams.audio:
                raise Refused(Refusal.NOT_SOUND)
            for frame in _resampled(av, file):
                out += bytes(frame.planes[0])[: 2 * frame.samples]
                if len(out) > 2 * RATE * LONGEST:
                    raise Refused(Refusal.TOO_LONG)
    except av.FFmpegError as error:
        raise Refused(Refusal.NOT_SOUND) from error
    if not out:
        raise Refused(Refusal.NOT_SOUND)
    return bytes(out)


def _resampled(av: Any, file: Any) -> Iterator[Any]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    for frame in file.decode(audio=0):
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    try:
        wav = normalise(sys.stdin.buffer.read(), sys.argv[1])
    except Refused as refused:
        sys.exit(int(refused.why))
    sys.stdout.buffer.write(wav)


if __name__ == "__main__":
    main()
