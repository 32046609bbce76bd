"""Prompts: what files are taken, and how they are kept."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from pbx.media.files import BadPrompt, PromptKey, PromptMemory, PromptMemoryFull, key_of, read
from pbx.rtp.g711 import Law, encode
from tests.pbx.media.tones import heard, pcm_tone, tone


def wav(path: Path, samples: bytes, *, rate: int = 8000, channels: int = 1, width: int = 2) -> str:
    with wave.open(str(path), "wb") as file:
        file.setframerate(rate)
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.writeframes(samples)
    return str(path)


@pytest.mark.parametrize("law", list(Law))
def test_a_wav_becomes_whole_frames(tmp_path: Path, law: Law) -> None:
    octets = read(wav(tmp_path / "a.wav", pcm_tone(440, 0.25)), law)
    assert len(octets) == 13 * 160
    assert octets[:2000] == encode(pcm_tone(440, 0.25), law)
    assert octets[2000:] == encode(bytes(2), law) * 80


@pytest.mark.parametrize("law", list(Law))
@pytest.mark.parametrize("suffix", [".raw", ".sln", ".ulaw", ".alaw"])
def test_raw_files_are_taken_by_their_suffix(tmp_path: Path, suffix: str, law: Law) -> None:
    path = tmp_path / f"a{suffix}"
    match suffix:
        case ".ulaw":
            path.write_bytes(tone(440, 0.2, Law.ULAW))
        case ".alaw":
            path.write_bytes(tone(440, 0.2, Law.ALAW))
        case _:
            path.write_bytes(pcm_tone(440, 0.2))
    assert heard(read(str(path), law), 440, law) > 7000


@pytest.mark.parametrize(
    ("rate", "channels", "width", "reason"),
    [(16000, 1, 2, "16000 Hz"), (8000, 2, 2, "2 channels"), (8000, 1, 1, "8 bits"), (44100, 2, 2, "44100 Hz")],
)
def test_another_shape_is_refused_with_its_name(
    tmp_path: Path, rate: int, channels: int, width: int, reason: str
) -> None:
    path = wav(tmp_path / "a.wav", bytes(1600), rate=rate, channels=channels, width=width)
    with pytest.raises(BadPrompt, match=reason):
        read(path, Law.ULAW)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.wav", b"not a wave", "a.wav"),
        ("a.wav", b"", "a.wav"),
        ("a.mp3", b"x" * 100, "not .wav"),
        ("a.raw", b"", "empty"),
        ("a.raw", b"x", "empty"),
    ],
)
def test_what_is_no_sound_is_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadPrompt, match=reason):
        read(str(tmp_path / name), Law.ULAW)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPrompt, match="No such file"):
        read(str(tmp_path / "nothing.wav"), Law.ULAW)
    with pytest.raises(BadPrompt, match="No such file"):
        key_of(str(tmp_path / "nothing.wav"), Law.ULAW)


def test_a_changed_file_is_another_prompt(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", bytes(320))
    before = key_of(path, Law.ULAW)
    wav(tmp_path / "a.wav", bytes(640))
    assert key_of(path, Law.ULAW) != before


def memory(size: int) -> tuple[PromptMemory, bytearray]:
    octets = bytearray(size)

    def store(at: int, data: bytes) -> None:
        assert at + len(data) <= size
        octets[at : at + len(data)] = data

    return PromptMemory(size, store), octets


def key(name: str) -> PromptKey:
    return PromptKey(name, 0, 0, Law.ULAW)


def test_a_prompt_is_kept_and_found() -> None:
    kept, octets = memory(1000)
    prompt = kept.add(key("a"), b"a" * 320)
    assert kept.find(key("a")) is prompt
    assert kept.find(key("b")) is None
    assert octets[prompt.at : prompt.at + prompt.length] == b"a" * 320
    assert kept.add(key("a"), b"a" * 320) is prompt


def test_what_was_longest_unused_makes_room() -> None:
    kept, octets = memory(960)
    for name in "abc":
        kept.add(key(name), name.encode() * 320)
    kept.find(key("a"))
    prompt = kept.add(key("d"), b"d" * 320)
    assert kept.find(key("b")) is None
    assert kept.find(key("a")) is not None
    assert octets[prompt.at : prompt.at + 320] == b"d" * 320


def test_what_is_played_stays() -> None:
    kept, octets = memory(640)
    first = kept.add(key("a"), b"a" * 320)
    first.users += 1
    kept.add(key("b"), b"b" * 320)
    kept.add(key("c"), b"c" * 320)
    assert kept.find(key("a")) is first
    assert octets[:320] == b"a" * 320
    with pytest.raises(PromptMemoryFull):
        kept.add(key("d"), b"d" * 640)


def test_a_gap_between_prompts_is_used_again() -> None:
    kept, octets = memory(960)
    prompts = {name: kept.add(key(name), name.encode() * 320) for name in "abc"}
    prompts["a"].users = prompts["c"].users = 1
    assert kept.add(key("d"), b"d" * 160).at == 320
    assert kept.add(key("e"), b"e" * 160).at == 480
    assert octets[:320] == b"a" * 320
