"""The audio that is shipped: there in each language, in the one format, loud enough, and without a click."""

from __future__ import annotations

import itertools
import math
import wave
from array import array
from pathlib import Path

import pytest

from callflow.saying_words import words

PROMPTS = Path(__file__).parents[1] / "callflow" / "prompts"
LANGUAGES = ("uk", "en", "ru")
NAMES = {
    "welcome", "menu", "wait", "all_busy", "nobody", "goodbye", "not_in_service", "wrong_key",
    "conference_pin", "conference_wrong_pin", "conference_alone", "conference_muted", "conference_unmuted",
    "callback_offer", "callback_number", "callback_confirm", "callback_type", "callback_refused", "callback_promised",
    "callback_calling",
}  # fmt: skip
FILES = sorted(PROMPTS.rglob("*.wav"))


def samples(file: Path) -> array[int]:
    with wave.open(str(file), "rb") as audio:
        assert (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) == (8000, 1, 2)
        return array("h", audio.readframes(audio.getnframes()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_is_there_in_every_language(language: str) -> None:
    assert {file.stem for file in (PROMPTS / language).glob("*.wav")} == NAMES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_numbers_times_and_amounts_is_there(language: str) -> None:
    assert {file.stem for file in (PROMPTS / language / "say").glob("*.wav")} == set(words(language))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_prompt_is_telephone_audio_of_a_decent_level(file: Path) -> None:
    audio = samples(file)
    loudness = 20 * math.log10(math.sqrt(sum(sample * sample for sample in audio) / len(audio)) / 32768)
    assert -28 < loudness < -15  # dB of full scale
    assert max(map(abs, audio)) < 32000


def test_hold_music_loops_without_a_click() -> None:
    audio = samples(PROMPTS / "music" / "hold.wav")
    steps = [abs(after - before) for before, after in itertools.pairwise(audio)]
    assert abs(audio[0] - audio[-1]) <= sorted(steps)[int(len(steps) * 0.99)]
    assert 20 <= len(audio) / 8000 <= 30
