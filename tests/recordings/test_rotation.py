"""Another master key: every recording can be played through it, and none is lost on the way."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from recordings import rotation
from recordings.container import ContainerWriter, Damaged, Header
from recordings.crypto import KeyMissing, KeyRing, MasterKey, add_key, drop_keys, load_key_ring, load_or_create_key_ring
from recordings.export import open_recording
from recordings.records import Audio, End
from recordings.rotation import keys_in_use, rewrap_all
from recordings.store import Store

OLD, NEW = MasterKey(b"o" * 32), MasterKey(b"n" * 32)
BOTH = KeyRing((NEW, OLD))
SOUND = (b"left....", b"...right")


def header(number: int) -> Header:
    return Header(recording_id=UUID(int=number), started_at=datetime(2030, 1, number, tzinfo=UTC))


def recording(root: Path, number: int, key: MasterKey | None = OLD) -> Path:
    path = Store(root).path(Store(root).relative_path(UUID(int=number), header(number).started_at))
    writer = ContainerWriter(path, header(number), key)
    writer.append(Audio(0, SOUND))
    writer.append(End(8, cut=False))
    writer.close()
    return path


def test_every_recording_is_wrapped_anew_and_its_sound_stays(tmp_path: Path) -> None:
    paths = [recording(tmp_path, number) for number in range(1, 4)]
    sound = [open_recording(path, BOTH).channels for path in paths]
    done = rewrap_all(tmp_path, BOTH)
    assert (done.wrapped, done.refused) == (3, [])
    assert [open_recording(path, KeyRing((NEW,))).channels for path in paths] == sound
    with pytest.raises(KeyMissing):
        open_recording(paths[0], KeyRing((OLD,)))
    assert set(keys_in_use(tmp_path)) == {NEW.key_id}


def test_what_is_current_or_plain_is_left_alone(tmp_path: Path) -> None:
    files = [recording(tmp_path, 1, NEW), recording(tmp_path, 2, None)]
    before = [path.read_bytes() for path in files]
    done = rewrap_all(tmp_path, BOTH)
    assert (done.wrapped, done.current, done.plain) == (0, 1, 1)
    assert [path.read_bytes() for path in files] == before


def test_a_recording_that_runs_is_wrapped_anew_while_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "2030" / "running.dzr"
    writer = ContainerWriter(path, header(1), OLD)
    writer.append(Audio(0, SOUND))
    assert rewrap_all(tmp_path, BOTH).wrapped == 1
    writer.append(Audio(8, SOUND))
    writer.append(End(16, cut=False))
    writer.close()
    assert open_recording(path, KeyRing((NEW,))).seconds == 16 / 8000


def test_a_damaged_or_unknown_recording_is_told_and_the_others_are_done(tmp_path: Path) -> None:
    recording(tmp_path, 1)
    damaged, unknown = recording(tmp_path, 2), recording(tmp_path, 3, MasterKey(b"?" * 32))
    damaged.write_bytes(b"noise")
    done = rewrap_all(tmp_path, BOTH)
    assert done.wrapped == 1
    assert [path for path, _ in done.refused] == [damaged, unknown]


@pytest.mark.parametrize("step", ["draft", "rename", "over", "unlink"])
def test_however_it_is_interrupted_the_recording_plays_and_the_next_attempt_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class Stopped(Exception):
        pass

    path = recording(tmp_path, 1)
    write = rotation._write

    def torn(target: Path, octets: bytes, flags: int) -> None:
        is_draft = target != path
        if (step == "draft") == is_draft and step in ("draft", "over"):
            write(target, octets[:-60], flags)
            raise Stopped
        write(target, octets, flags)

    def stop(*arguments: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "_write", torn)
        if step in ("rename", "unlink"):
            patch.setattr(Path, step, stop)
        with pytest.raises(Stopped):
            rewrap_all(tmp_path, BOTH)
    if step == "over":
        with pytest.raises(Damaged):
            open_recording(path, BOTH)
    else:
        assert open_recording(path, BOTH).seconds == 8 / 8000
    rewrap_all(tmp_path, BOTH)
    assert open_recording(path, KeyRing((NEW,))).seconds == 8 / 8000
    assert [each for each in os.listdir(path.parent) if each.endswith(".head")] == []


def test_a_new_key_comes_first_and_the_older_ones_stay(tmp_path: Path) -> None:
    old = load_or_create_key_ring(tmp_path / "master.key").current
    ring = add_key(tmp_path / "master.key")
    assert ring.keys[1] == old
    assert ring.current != old
    assert load_key_ring(tmp_path / "master.key") == ring
    assert os.listdir(tmp_path) == ["master.key"]


def test_only_keys_that_nothing_needs_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    first = load_or_create_key_ring(path).current
    second = add_key(path).current
    third = add_key(path).current
    assert drop_keys(path, {first.key_id}) == 1
    assert load_key_ring(path).keys == (third, first)
    assert second not in load_key_ring(path).keys
    assert drop_keys(path, set()) == 1
    assert load_key_ring(path).keys == (third,)
