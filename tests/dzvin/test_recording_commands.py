"""`dzvin recording` and `dzvin keys`, as somebody at a shell has them."""

from __future__ import annotations

import wave
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result
from uuid_utils.compat import uuid7

from dzvin.cli import app
from recordings.container import ContainerWriter, Header
from recordings.crypto import load_key_ring, load_or_create_key_ring
from recordings.records import Audio, End
from recordings.store import Store
from tests.pbx.media.tones import tone


@pytest.fixture
def data(tmp_path: Path) -> Path:
    load_or_create_key_ring(tmp_path / "keys" / "master.key")
    return tmp_path


def recorded(data: Path) -> UUID:
    made = uuid7()
    begun = datetime(2030, 1, 7, tzinfo=UTC)
    key = load_key_ring(data / "keys" / "master.key").current
    store = Store(data / "recordings")
    writer = ContainerWriter(
        store.root / store.relative_path(made, begun), Header(recording_id=made, started_at=begun), key
    )
    writer.append(Audio(0, (tone(440, 1.0), tone(1000, 1.0))))
    writer.append(End(8000, cut=False))
    writer.close()
    return made


def dzvin(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize(("form", "suffix", "magic"), [("mp3", "mp3", b"ID3"), ("opus", "ogg", b"OggS")])
def test_a_recording_is_exported_for_other_programs(data: Path, form: str, suffix: str, magic: bytes) -> None:
    recording = recorded(data)
    target = data / f"out.{suffix}"
    result = dzvin("recording", "export", recording, "--format", form, "--output", target, "--data", data)
    assert result.exit_code == 0, result.output
    assert "1.0 s" in result.output
    assert target.read_bytes().startswith(magic)


def test_without_a_format_it_is_a_wav_file_and_no_file_is_overwritten(data: Path) -> None:
    recording, target = recorded(data), data / "out.wav"
    words = ("recording", "export", recording, "--output", target, "--data", data)
    assert dzvin(*words).exit_code == 0
    with wave.open(str(target)) as file:
        assert (file.getnchannels(), file.getnframes()) == (2, 8000)
    assert dzvin(*words).exit_code == 1
    assert target.stat().st_size == 44 + 4 * 8000


def test_what_is_not_there_or_damaged_is_refused_and_leaves_no_file(data: Path) -> None:
    recording, target = recorded(data), data / "out.wav"
    result = dzvin("recording", "export", UUID(int=7), "--output", target, "--data", data)
    assert (result.exit_code, target.exists()) == (1, False)
    (file,) = (data / "recordings").rglob("*.dzr")
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    result = dzvin("recording", "export", recording, "--output", target, "--data", data)
    assert (result.exit_code, target.exists()) == (1, False)
    assert "record 1" in result.output


def test_a_new_master_key_opens_every_recording_and_the_old_one_is_forgotten_when_asked(data: Path) -> None:
    recording, key_file = recorded(data), data / "keys" / "master.key"
    old = load_key_ring(key_file).current
    assert dzvin("keys", "rotate", "--data", data).exit_code == 0
    assert load_key_ring(key_file).keys[1] == old
    result = dzvin("keys", "rotate", "--forget-old", "--data", data)
    assert "1 recordings, 2 older keys forgotten" in result.output
    assert len(load_key_ring(key_file).keys) == 1
    assert dzvin("recording", "export", recording, "--output", data / "a.wav", "--data", data).exit_code == 0


def test_a_recording_that_cannot_be_wrapped_anew_keeps_its_key_and_is_told(data: Path) -> None:
    recorded(data)
    (file,) = (data / "recordings").rglob("*.dzr")
    whole = file.read_bytes()
    file.write_bytes(whole[:20])
    result = dzvin("keys", "rotate", "--data", data)
    assert result.exit_code == 1
    assert file.name in result.output


def test_where_nothing_was_ever_encrypted_there_is_no_key_to_exchange(tmp_path: Path) -> None:
    result = dzvin("keys", "rotate", "--data", tmp_path)
    assert (result.exit_code, list(tmp_path.iterdir())) == (1, [])


@pytest.mark.req("R-PHONE-42")
def test_a_setting_names_the_folder_of_the_recordings(data: Path, tmp_path: Path) -> None:
    recording = recorded(data)
    (data / "recordings").rename(tmp_path / "other disk")
    (tmp_path / "dzvin.toml").write_text(f'[recordings]\nfolder = "{tmp_path}/other disk"\n')
    assert dzvin("keys", "rotate", "--data", data).output.endswith("1 recordings, 0 older keys forgotten\n")
    assert dzvin("recording", "export", recording, "--output", data / "a.wav", "--data", data).exit_code == 0
