"""Sound in place of lost packets: the voice goes on in its pitch, fades, and the true sound is faded in."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import pairwise

import pytest

from pbx.media.concealment import Concealment
from tests.pbx.media.linear import amplitude_of, rms, tone
from tests.pbx.media.rig import rig

RATES = [8000, 16000]


@pytest.fixture
def concealment() -> Iterator[Concealment]:
    with rig("interpreted") as made:
        yield made.control.engine.codecs.concealment


def lose(concealment: Concealment, sound: array[int], rate: int, lost: set[int]) -> array[int]:
    """The sound in frames of 20 ms, of which some are lost."""
    size = rate // 50
    out = array("h", sound)
    for number, at in enumerate(range(0, len(sound) - size + 1, size)):
        if number in lost:
            concealment.conceal(0, out, at, size, rate)
        else:
            concealment.hear(0, out, at, size, rate)
    return out


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency", [80, 100, 150, 190])
def test_a_voice_goes_on_in_its_pitch(concealment: Concealment, rate: int, frequency: int) -> None:
    sound = tone(frequency, 0.4, rate)
    heard = lose(concealment, sound, rate, {12})
    gap = slice(12 * rate // 50, 13 * rate // 50)
    assert amplitude_of(heard[gap.start : gap.start + rate // 100], frequency, rate) > 6000
    difference = [a - b for a, b in zip(heard[gap], sound[gap], strict=True)]
    assert rms(difference) < rms(sound[gap]) / 2


@pytest.mark.parametrize("rate", RATES)
def test_there_is_no_click_where_the_true_sound_comes_back(concealment: Concealment, rate: int) -> None:
    sound = tone(140, 0.6, rate)
    natural = max(abs(b - a) for a, b in pairwise(sound))
    heard = lose(concealment, sound, rate, {12, 17, 18})
    assert max(abs(b - a) for a, b in pairwise(heard)) < 3 * natural


def test_it_fades_and_ends_after_60_ms(concealment: Concealment) -> None:
    heard = lose(concealment, tone(125, 0.5, 8000), 8000, set(range(10, 25)))
    levels = [rms(heard[at : at + 80]) for at in range(1600, 2400, 80)]
    assert levels[0] > 5000
    assert all(b < a for a, b in pairwise(levels[1:6]))
    assert levels[6:] == [0, 0, 0, 0]


def test_of_nothing_heard_nothing_is_made(concealment: Concealment) -> None:
    out = array("h", [7] * 160)
    assert concealment.conceal(0, out, 0, 160, 8000) == 0
    assert list(out) == [0] * 160


def test_a_leg_whose_rate_changes_repeats_no_sound_of_the_other_rate(concealment: Concealment) -> None:
    lose(concealment, tone(100, 0.2, 8000), 8000, set())
    out = array("h", bytes(640))
    assert concealment.conceal(0, out, 0, 320, 16000) == 0
