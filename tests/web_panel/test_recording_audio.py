"""Ranges of a recording, and what is kept between them."""

from __future__ import annotations

from datetime import timedelta
from typing import BinaryIO

import pytest

from recordings.encode import Format
from tests.web_panel.story import BEGIN, named
from web_panel import recording_audio
from web_panel.recording_audio import BadRange, ByteRange, RecordingAudio, parse_range


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, None),
        ("bytes=0-", ByteRange(0, 99)),
        ("bytes=10-19", ByteRange(10, 19)),
        ("bytes=90-500", ByteRange(90, 99)),
        ("bytes=-10", ByteRange(90, 99)),
        ("bytes=-500", ByteRange(0, 99)),
        ("bytes=20-10", None),  # RFC 9110 §14.1.1: invalid, so ignored
        ("bytes=0-1,5-6", None),  # several ranges: the whole is allowed as an answer
        ("bytes=-", None),
        ("items=0-1", None),
        ("bytes=\u0661-", None),
    ],
)
def test_one_range_is_served_and_what_is_no_range_gives_the_whole(header: str | None, wanted: ByteRange | None) -> None:
    assert parse_range(header, 100) == wanted


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=-0"])
def test_a_range_without_a_byte_of_the_file_is_refused(header: str) -> None:
    with pytest.raises(BadRange):
        parse_range(header, 100)


class Files:
    def __init__(self) -> None:
        self.exported: list[str] = []

    def export(self, file: str, out: BinaryIO, form: Format = "wav") -> None:
        self.exported.append(file)
        out.write(file.encode() * 10)


async def test_a_listening_goes_on_without_a_second_export_for_five_minutes() -> None:
    files = Files()
    audio = RecordingAudio(files)
    person, recording = named("olena"), named("recording")
    wav = await audio.sound(person, recording, "a.dzr", "wav", BEGIN)
    assert audio.may_continue(person, recording, "wav", BEGIN + timedelta(minutes=4)) == wav
    assert audio.may_continue(person, recording, "wav", BEGIN + timedelta(minutes=6)) is None
    assert files.exported == ["a.dzr"]


async def test_a_listening_belongs_to_one_person() -> None:
    audio = RecordingAudio(Files())
    await audio.sound(named("olena"), named("recording"), "a.dzr", "wav", BEGIN)
    assert audio.may_continue(named("ivan"), named("recording"), "wav", BEGIN) is None


async def test_what_is_kept_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_audio, "KEPT_BYTES", 120)
    audio = RecordingAudio(Files())
    for name in ("a.dzr", "b.dzr", "c.dzr"):
        await audio.sound(named("olena"), named(name), name, "wav", BEGIN)
    assert audio.may_continue(named("olena"), named("a.dzr"), "wav", BEGIN) is None
    assert audio.may_continue(named("olena"), named("c.dzr"), "wav", BEGIN) is not None
