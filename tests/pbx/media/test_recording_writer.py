"""The writer's thread, with sound that is there already: what a slow disk, a mark and a bound make of the file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from pbx.media import recording_writer
from pbx.media.messages import RecordingClosed, RecordingCut
from pbx.media.record_buffers import RecordBuffers
from pbx.media.recording_writer import TOO_LONG, TOO_SLOW, Freed, RecordingWriter
from pbx.rtp.g711 import Law
from recordings.container import ContainerReader, Header
from recordings.export import open_recording, summarise
from recordings.records import Audio, Mark, Pause, Resume, Silence
from tests.pbx.media.rig import rig
from tests.pbx.media.tones import frames, level, tone

HEADER = Header(recording_id=UUID(int=7), started_at=datetime(2030, 1, 7, tzinfo=UTC))


class Made:
    """A recording of sound that was placed in the past, written at once."""

    def __init__(self, buffers: RecordBuffers, folder: Path) -> None:
        self.buffers = buffers
        self.path = folder / "a.dzr"
        self.news: list[Freed | RecordingCut] = []
        self.writer = RecordingWriter(buffers, None, self.news.append)
        self.writer.open(0, self.path, "a.dzr", HEADER)

    def say(self, sound: bytes, *, seconds_ago: float) -> None:
        self.begun = time.monotonic_ns() - round(seconds_ago * 1e9)
        self.buffers.prepare(0, Law.ULAW)
        self.buffers.begin(0, self.begun)
        self.buffers.put(0, 0)
        for number, piece in enumerate(frames(sound)):
            packet = bytearray(12) + piece
            now = self.begun + number * 20_000_000
            self.buffers.place(0, packet, len(packet), number, number * 160, 1, int(Law.ULAW), now)

    def close(self, seconds: float) -> RecordingClosed:
        self.buffers.finish(0, self.begun + round(seconds * 1e9))
        self.writer.end(0)
        self.writer.start()
        self.writer.stop()
        (freed,) = [each for each in self.news if isinstance(each, Freed)]
        return freed.closed


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Interpreted: `place` can be called from here."""
    with rig("interpreted") as engine:
        yield Made(engine.control.recordings, tmp_path)


def test_sound_is_written_where_it_was_said(made: Made) -> None:
    made.say(tone(440, 2.0), seconds_ago=2.0)
    closed = made.close(2.0)
    assert (closed.seconds, closed.cut, made.news[:-1]) == (2.0, False, [])
    assert level(open_recording(made.path, None).channels[0], 440) > 7000


def test_a_disk_that_stands_still_too_long_costs_sound_and_is_told(made: Made) -> None:
    made.say(tone(440, 6.0), seconds_ago=6.0)
    closed = made.close(6.0)
    assert (closed.cut, closed.reason, closed.seconds) == (True, TOO_SLOW, 6.0)
    assert made.news[0] == RecordingCut(recording_id=HEADER.recording_id, reason=TOO_SLOW)
    kept = summarise(made.path, None)
    assert (kept.cut, kept.reason, kept.seconds) == (True, TOO_SLOW, 6.0)
    assert level(open_recording(made.path, None).channels[0][: 2 * 4 * 8000], 440) > 7000, "four seconds cost nothing"


def test_silence_takes_no_room(made: Made) -> None:
    made.say(b"\xff" * 32_000, seconds_ago=4.0)
    assert made.close(4.0).seconds == 4.0
    assert made.path.stat().st_size < 1000
    with made.path.open("rb") as file:
        assert not any(isinstance(record, Audio) for record in ContainerReader(file, None).records())


def test_marks_stand_where_they_belong_and_late_ones_as_early_as_they_can(made: Made) -> None:
    made.say(tone(440, 1.0), seconds_ago=1.0)
    made.writer.mark(0, Mark(0, 0, "customer", joined=True))
    made.writer.mark(0, Mark(4000, 0, "customer", joined=False))
    made.writer.mark(0, Mark(2000, 1, "101", joined=True))  # late: behind the one before it
    closed = made.close(1.0)
    assert [(each.who, each.begin, each.end) for each in closed.segments] == [("customer", 0.0, 0.5), ("101", 0.5, 1.0)]
    assert [(each.who, each.begin, each.end) for each in summarise(made.path, None).segments] == [
        ("customer", 0.0, 0.5),
        ("101", 0.5, 1.0),
    ]


def test_nothing_is_written_between_pause_and_resume(made: Made) -> None:
    made.say(tone(440, 1.5), seconds_ago=1.5)
    for mark in (Pause(4000), Pause(4001), Resume(8000), Resume(8001)):
        made.writer.mark(0, mark)
    closed = made.close(1.5)
    assert closed.pauses == ((0.5, 1.0),)
    with made.path.open("rb") as file:
        records = list(ContainerReader(file, None).records())
    assert [record for record in records if isinstance(record, Pause | Resume)] == [Pause(4000), Resume(8000)]
    kept = open_recording(made.path, None).channels[0]
    assert kept[8000:16_000] == bytes(8000)
    assert level(kept[:8000], 440) > 7000
    assert any(isinstance(record, Silence) for record in records)


def test_at_the_longest_recording_the_rest_is_lost_and_told(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer, "LONGEST_RECORDING", 8000)
    made.say(tone(440, 2.0), seconds_ago=2.0)
    made.writer.mark(0, Mark(8000, 0, "customer", joined=True))
    closed = made.close(2.0)
    assert (closed.cut, closed.reason, closed.seconds) == (True, TOO_LONG, 1.0)
    assert summarise(made.path, None).seconds == 1.0
