"""Sound as samples, at any rate: tones, how much of a sound is one tone, and the interpreted engine's codecs.

The compiled engine's parts cannot be called from Python one by one; that they do the same, packets show
(`test_equivalence`).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from pbx.media.codec_libraries import free_states, new_states
from pbx.media.engine_numbers import ALAW, ULAW
from pbx.media.sound_codecs import SoundCodecs


def tone(frequency: float, seconds: float, rate: int, amplitude: float = 8000) -> array[int]:
    step = 2 * math.pi * frequency / rate
    return array("h", [round(amplitude * math.sin(step * n)) for n in range(round(seconds * rate))])


def amplitude_of(samples: Sequence[int], frequency: float, rate: int) -> float:
    """The amplitude of that frequency: of a pure tone, its own."""
    sine, cosine = _parts(samples, frequency, rate)
    return math.hypot(sine, cosine)


def noise_ratio(samples: Sequence[int], frequency: float, rate: int) -> float:
    """Decibels of the tone over everything else."""
    sine, cosine = _parts(samples, frequency, rate)
    step = 2 * math.pi * frequency / rate
    rest = sum(
        (sample - sine * math.sin(step * n) - cosine * math.cos(step * n)) ** 2 for n, sample in enumerate(samples)
    )
    return 10 * math.log10((sine * sine + cosine * cosine) / 2 * len(samples) / max(rest, 1e-9))


def _parts(samples: Sequence[int], frequency: float, rate: int) -> tuple[float, float]:
    step = 2 * math.pi * frequency / rate
    sine = sum(sample * math.sin(step * n) for n, sample in enumerate(samples))
    cosine = sum(sample * math.cos(step * n) for n, sample in enumerate(samples))
    return 2 * sine / len(samples), 2 * cosine / len(samples)


def rms(samples: Sequence[int]) -> float:
    return math.sqrt(sum(sample * sample for sample in samples) / max(1, len(samples)))


class Coder:
    """Two legs of an interpreted engine's codecs, both of one codec: one to encode, one to decode."""

    def __init__(self, codecs: SoundCodecs, codec: int, first: int = 0) -> None:
        self.codecs = codecs
        self._first = first
        self._codec = codec
        self._states = [] if codec in (ULAW, ALAW) else [new_states(codec), new_states(codec)]
        for leg, states in enumerate(self._states, first):
            codecs.lend(leg, states.encoder, states.decoder, states.monitor)
        for leg in (first, first + 1):
            codecs.begin(leg, codec)

    def close(self) -> None:
        for states in self._states:
            free_states(self._codec, states)

    def encode(self, samples: array[int], rate: int) -> list[bytes]:
        """Payloads of 20 ms."""
        buf = bytearray(12 + 160)
        size = rate // 50
        return [
            bytes(buf[12 : self.codecs.encode(self._first, samples, at, rate, buf)])
            for at in range(0, len(samples) - size + 1, size)
        ]

    def decode(self, payloads: Sequence[bytes | None], rate: int) -> array[int]:
        """None is a lost payload."""
        heard = array("h")
        out = array("h", bytes(2 * 5760))
        for payload in payloads:
            if payload is None:
                count = rate // 50
                self.codecs.conceal(self._first + 1, out, 0, count, rate)
            else:
                count = self.codecs.decode(self._first + 1, bytearray(payload), 0, len(payload), out, 0, rate)
            heard += out[:count]
        return heard

    def monitor(self, payloads: Sequence[bytes]) -> array[int]:
        heard = array("h")
        for payload in payloads:
            count = self.codecs.monitor(self._first + 1, bytearray(payload), 0, len(payload))
            heard += array("h", self.codecs.linear[:count])
        return heard
