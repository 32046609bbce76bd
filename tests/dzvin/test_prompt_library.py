"""Prompts that people upload: any format becomes telephone audio of one level, and what is no sound becomes nothing."""

from __future__ import annotations

import io
import math
import wave
from array import array
from pathlib import Path

import pytest

from dzvin.prompt_library import PromptLibrary
from dzvin.voice_files import PromptFiles
from tests.support import tones
from tests.support.sounds import FORMATS, sound_file
from web_panel.ports import PromptRefused

TONE = tones.tone(600, 1.0, 3000)
PAUSE = bytes(2 * tones.RATE)


@pytest.fixture
def library(tmp_path: Path) -> PromptLibrary:
    own = tmp_path / "prompts"
    return PromptLibrary(own, PromptFiles(own, "uk"))


def played(path: Path | None) -> bytes:
    assert path is not None
    with wave.open(str(path), "rb") as audio:
        assert (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) == (8000, 1, 2)
        return audio.readframes(audio.getnframes())


def mean_level(pcm: bytes) -> float:
    samples = array("h", pcm)
    return 20 * math.log10(math.sqrt(sum(sample * sample for sample in samples) / len(samples)) / 32768)


@pytest.mark.parametrize("form", FORMATS)
async def test_a_sound_of_any_usual_format_becomes_a_prompt(library: PromptLibrary, form: str) -> None:
    kept = await library.put("greeting", "uk", sound_file(form, TONE))
    pcm = played(library.path("greeting", "uk"))
    assert tones.level(pcm[8000:12000], 600) > -3, "it is another sound"
    assert mean_level(pcm) == pytest.approx(-18.4, abs=0.3)
    assert kept.seconds == pytest.approx(1.45, abs=0.1)


async def test_silence_around_speech_is_cut_off_and_of_music_is_kept(library: PromptLibrary) -> None:
    sound = sound_file("wav", PAUSE + TONE + PAUSE)
    assert (await library.put("greeting", "uk", sound)).seconds == pytest.approx(1.45, abs=0.1)
    assert (await library.put("music/hold", "", sound)).seconds == pytest.approx(3.0, abs=0.1)


async def test_a_quiet_sound_with_a_loud_moment_is_not_distorted(library: PromptLibrary) -> None:
    sound = tones.tone(600, 2.0, 300) + tones.tone(600, 0.01, 20_000) + tones.tone(600, 2.0, 300)
    await library.put("greeting", "", sound_file("wav", sound))
    assert max(map(abs, array("h", played(library.path("greeting", ""))))) < 32768 * 10 ** (-2.5 / 20)


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (b"", "not_sound"),
        (b"GIF89a" + bytes(500), "not_sound"),
        (sound_file("mp3", TONE)[:100], "not_sound"),
        (sound_file("wav", PAUSE), "silent_sound"),
        (sound_file("wav", bytes(2 * tones.RATE * 901)), "sound_too_long"),
    ],
    ids=["empty", "picture", "torn off", "silent", "too long"],
)
async def test_what_is_no_prompt_is_refused_and_the_old_one_stays(
    library: PromptLibrary, sound: bytes, reason: str
) -> None:
    await library.put("greeting", "uk", sound_file("flac", TONE))
    before = played(library.path("greeting", "uk"))
    with pytest.raises(PromptRefused) as refused:
        await library.put("greeting", "uk", sound)
    assert (refused.value.field, refused.value.reason) == ("sound", reason)
    assert played(library.path("greeting", "uk")) == before
    assert [path.name for path in library.own.rglob("*") if path.is_file()] == ["greeting.wav"]


@pytest.mark.parametrize("name", ["", "../greeting", "a/b", "Greeting", "a.wav", "/etc/passwd", "x" * 65, "say/1"])
async def test_a_name_leads_nowhere_else(library: PromptLibrary, name: str) -> None:
    for use in (lambda: library.path(name, "uk"), lambda: library.remove(name, "uk")):
        with pytest.raises(PromptRefused):
            use()
    with pytest.raises(PromptRefused):
        await library.put(name, "uk", sound_file("wav", TONE))
    with pytest.raises(PromptRefused):
        await library.put("greeting", "..", sound_file("wav", TONE))


async def test_an_own_prompt_is_heard_instead_of_a_shipped_one_until_it_is_thrown_away(library: PromptLibrary) -> None:
    shipped = library.files.path("menu")
    assert shipped is not None and not shipped.is_relative_to(library.own)
    await library.put("menu", "uk", sound_file("wav", TONE))
    assert library.files.path("menu") == library.own / "uk" / "menu.wav"
    assert [each.own for each in library.all() if (each.name, each.language) == ("menu", "uk")] == [True]
    assert library.remove("menu", "uk")
    assert library.files.path("menu") == shipped
    assert not library.remove("menu", "uk")


def test_what_comes_with_the_product_is_listed_but_for_single_words(library: PromptLibrary) -> None:
    listed = {(each.name, each.language) for each in library.all()}
    assert {("menu", "uk"), ("menu", "en"), ("menu", "ru"), ("music/hold", "")} <= listed
    assert not any(name.startswith(("say", "tones")) for name, _ in listed)
    assert all(each.seconds > 0 for each in library.all())


def test_the_wave_of_a_test_is_what_it_says() -> None:
    """Of `sound_file` itself: else a prompt might be another sound for a reason of ours."""
    with wave.open(io.BytesIO(sound_file("wav", TONE))) as audio:
        assert audio.getnframes() == 48_000
