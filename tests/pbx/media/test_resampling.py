"""Between 8 and 16 kHz: what a telephone carries stays, what it does not carry is not folded into it."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import pytest

from pbx.media.resampling import Resampler
from tests.pbx.media.linear import amplitude_of, noise_ratio, rms, tone
from tests.pbx.media.rig import rig

HEARD = [300, 1000, 2000, 3000, 3400]


@pytest.fixture
def resampler() -> Iterator[Resampler]:
    with rig("interpreted") as made:
        yield made.control.engine.codecs.inward


def widened(resampler: Resampler, samples: array[int], size: int = 160) -> array[int]:
    out = array("h", bytes(4 * len(samples)))
    for at in range(0, len(samples), size):
        assert resampler.widen(0, samples, at, size, out, 2 * at) == 2 * size
    return out


def narrowed(resampler: Resampler, samples: array[int], size: int = 320) -> array[int]:
    out = array("h", bytes(len(samples)))
    for at in range(0, len(samples), size):
        assert resampler.narrow_down(0, samples, at, size, out, at // 2) == size // 2
    return out


@pytest.mark.parametrize("frequency", HEARD)
def test_a_tone_stays_itself_at_twice_the_rate(resampler: Resampler, frequency: int) -> None:
    heard = widened(resampler, tone(frequency, 0.5, 8000))[800:]
    assert 7840 < amplitude_of(heard, frequency, 16000) < 8160  # 0.2 dB
    assert noise_ratio(heard, frequency, 16000) > 55


@pytest.mark.parametrize("frequency", HEARD)
def test_a_tone_stays_itself_at_half_the_rate(resampler: Resampler, frequency: int) -> None:
    heard = narrowed(resampler, tone(frequency, 0.5, 16000))[400:]
    assert 7840 < amplitude_of(heard, frequency, 8000) < 8160
    assert noise_ratio(heard, frequency, 8000) > 55


@pytest.mark.parametrize("frequency", [4600, 5000, 6000, 7900])
def test_above_4600_hertz_nothing_is_folded_down(resampler: Resampler, frequency: int) -> None:
    assert rms(narrowed(resampler, tone(frequency, 0.5, 16000))[400:]) < 5  # 60 dB below the tone


def test_the_size_of_the_pieces_is_not_heard(resampler: Resampler) -> None:
    sound = tone(1000, 0.4, 16000)
    whole = narrowed(resampler, sound)
    resampler.clear(0)
    assert narrowed(resampler, sound, 40) == whole


def test_the_loudest_sounds_do_not_wrap(resampler: Resampler) -> None:
    square = array("h", ([32767] * 8 + [-32768] * 8) * 40)
    heard = widened(resampler, square, 64)
    assert max(heard) == 32767
    assert min(heard) == -32768
