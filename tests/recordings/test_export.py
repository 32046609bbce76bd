"""Recordings as sound."""

from __future__ import annotations

import io
import wave
from array import array
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from recordings.container import ContainerWriter, Damaged, Header
from recordings.crypto import KeyRing, MasterKey
from recordings.export import Segment, export_wav, open_recording, summarise
from recordings.records import Audio, End, Gap, Mark, Pause, Record, Resume, Silence
from tests.pbx.media.tones import level, tone

RING = KeyRing((MasterKey(b"k" * 32),))
HEADER = Header(recording_id=UUID(int=7), started_at=datetime(2030, 1, 7, 9, 30, tzinfo=UTC))
LEFT, RIGHT = tone(440, 0.5), tone(1000, 0.5)


def written(path: Path, *records: Record, header: Header = HEADER) -> Path:
    writer = ContainerWriter(path, header, RING.current)
    for record in records:
        writer.append(record)
    writer.close()
    return path


def wav(path: Path) -> tuple[wave.Wave_read, tuple[bytes, ...]]:
    out = io.BytesIO()
    export_wav(path, RING, out)
    out.seek(0)
    with wave.open(out) as file:
        samples = array("h", file.readframes(file.getnframes()))
        count = file.getnchannels()
        return file, tuple(samples[number::count].tobytes() for number in range(count))


@pytest.mark.req("R-PHONE-43")
def test_a_recording_is_a_stereo_wav_with_a_party_a_channel(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dzr", Audio(0, (LEFT, RIGHT)), End(4000, cut=False))
    file, (left, right) = wav(path)
    assert (file.getnchannels(), file.getframerate(), file.getsampwidth(), file.getnframes()) == (2, 8000, 2, 4000)
    assert level(left, 440) > 7000
    assert level(left, 1000) < 100
    assert level(right, 1000) > 7000
    assert level(right, 440) < 100


def test_it_opens_as_samples_with_its_times(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dzr", Audio(0, (LEFT, RIGHT)), End(4000, cut=False))
    recording = open_recording(path, RING)
    assert recording.recording_id == HEADER.recording_id
    assert recording.started_at == HEADER.started_at
    assert (recording.seconds, recording.cut, recording.pauses) == (0.5, False, ())
    assert recording.channels == wav(path)[1]


def test_what_no_record_covers_is_silence(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dzr", Audio(0, (LEFT, RIGHT)), Audio(200_000, (LEFT, RIGHT)), End(210_000, cut=False))
    recording = open_recording(path, RING)
    assert recording.seconds == 210_000 / 8000
    assert all(len(channel) == 420_000 for channel in recording.channels)
    assert recording.channels[0][8000:400_000] == bytes(392_000)
    assert recording.channels[0][408_000:] == bytes(12_000)
    assert level(recording.channels[1][400_000:408_000], 1000) > 7000
    assert wav(path)[1] == recording.channels


def test_a_pause_is_silent_and_marked(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.dzr",
        Audio(0, (LEFT, RIGHT)),
        Pause(4000),
        Resume(12000),
        Audio(12000, (LEFT, RIGHT)),
        Pause(16000),
    )
    recording = open_recording(path, RING)
    assert recording.pauses == ((0.5, 1.5), (2.0, 2.0))
    assert recording.channels[0][8000:24000] == bytes(16000)


def test_a_recording_without_an_end_is_cut(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dzr", Audio(0, (LEFT, RIGHT)))
    assert open_recording(path, RING).cut
    assert open_recording(path, RING).seconds == 0.5


def test_a_recording_that_lost_sound_is_cut(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dzr", Audio(0, (LEFT, RIGHT)), Gap(4000), End(8000, cut=False))
    assert summarise(path, RING).cut


def test_the_reason_of_the_first_loss_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dzr", Gap(4000, "disk full"), Gap(8000, "disk slow"), End(8000, cut=True))
    assert (summarise(path, RING).reason, summarise(path, RING).gaps) == ("disk full", (0.5, 1.0))


def test_who_was_on_which_channel_from_when_to_when(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.dzr",
        Mark(0, 0, "customer", joined=True),
        Mark(0, 1, "101", joined=True),
        Audio(0, (LEFT, RIGHT)),
        Mark(4000, 1, "101", joined=False),
        Silence(6000),
        Mark(8000, 1, "102", joined=True),
        Audio(8000, (LEFT, RIGHT)),
    )
    assert summarise(path, RING).segments == (
        Segment(channel=0, who="customer", begin=0.0, end=1.5),
        Segment(channel=1, who="101", begin=0.0, end=0.5),
        Segment(channel=1, who="102", begin=1.0, end=1.5),
    )


def test_silence_is_told_without_its_octets(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dzr", Audio(0, (LEFT, RIGHT)), Silence(400_000))
    assert path.stat().st_size < 10_000
    assert open_recording(path, RING).seconds == 50.0
    assert open_recording(path, RING).channels[0][8000:] == bytes(2 * 396_000)


def test_an_altered_recording_gives_an_error_and_no_sound(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dzr", Audio(0, (LEFT, RIGHT)), Audio(4000, (LEFT, RIGHT)), End(8000, cut=False))
    data = bytearray(path.read_bytes())
    data[-200] ^= 1
    path.write_bytes(data)
    out = io.BytesIO()
    with pytest.raises(Damaged):
        export_wav(path, RING, out)
    assert out.getvalue() == b""
    with pytest.raises(Damaged):
        open_recording(path, RING)


def test_a_recording_that_still_runs_can_be_listened_to(tmp_path: Path) -> None:
    writer = ContainerWriter(tmp_path / "a.dzr", HEADER, RING.current)
    writer.append(Audio(0, (LEFT, RIGHT)))
    assert open_recording(tmp_path / "a.dzr", RING).seconds == 0.5
    writer.append(Audio(4000, (LEFT, RIGHT)))
    assert open_recording(tmp_path / "a.dzr", RING).seconds == 1.0
    writer.close()


def test_a_jump_to_another_century_is_damage_not_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dzr", Audio(1 << 60, (LEFT, RIGHT)))
    with pytest.raises(Damaged, match="time"):
        open_recording(path, RING)


def test_a_recording_of_one_channel(tmp_path: Path) -> None:
    header = Header(recording_id=UUID(int=8), started_at=HEADER.started_at, channels=1)
    path = written(tmp_path / "a.dzr", Audio(0, (LEFT,)), End(4000, cut=False), header=header)
    file, (only,) = wav(path)
    assert file.getnchannels() == 1
    assert level(only, 440) > 7000
