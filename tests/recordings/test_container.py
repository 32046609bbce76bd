"""The file of a recording: whole however its writer ends, and never silently wrong."""

from __future__ import annotations

import errno
import os
import stat
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordings.container import (
    RECORD,
    RECORD_HEAD,
    ContainerReader,
    ContainerWriter,
    Damaged,
    Header,
)
from recordings.crypto import KeyMissing, KeyRing, MasterKey
from recordings.records import Audio, End, Gap, Mark, Pause, Record, Resume, Silence

RING = KeyRing((MasterKey(bytes(range(32))),))
HEADER = Header(recording_id=UUID(int=7), started_at=datetime(2030, 1, 7, 9, 30, tzinfo=UTC), codec="pcma")
SOUND = (b"left....", b"...right")
RECORDS: list[Record] = [
    Mark(0, 0, "party 7", joined=True),
    Audio(0, SOUND),
    Pause(8),
    Silence(40),
    Resume(80),
    Audio(80, SOUND),
    Mark(88, 0, "party 7", joined=False),
    End(88, cut=True, reason="Диск повний"),
]


@pytest.fixture(params=["encrypted", "plain"])
def ring(request: pytest.FixtureRequest) -> KeyRing | None:
    return RING if request.param == "encrypted" else None


def written(path: Path, ring: KeyRing | None, records: list[Record], header: Header = HEADER) -> bytes:
    writer = ContainerWriter(path, header, ring.current if ring else None)
    for record in records:
        writer.append(record)
    writer.close()
    return path.read_bytes()


def read(data: bytes, ring: KeyRing | None) -> list[Record]:
    return list(ContainerReader(BytesIO(data), ring).records())


def head_length(path: Path, ring: KeyRing | None) -> int:
    return len(written(path, ring, []))


def test_what_is_written_is_read(tmp_path: Path, ring: KeyRing | None) -> None:
    data = written(tmp_path / "a.dzr", ring, RECORDS)
    reader = ContainerReader(BytesIO(data), ring)
    assert reader.header == HEADER
    assert list(reader.records()) == RECORDS


def test_the_file_and_its_folders_are_private(tmp_path: Path, ring: KeyRing | None) -> None:
    path = tmp_path / "2030" / "01" / "a.dzr"
    written(path, ring, RECORDS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}


def test_a_file_is_never_overwritten(tmp_path: Path, ring: KeyRing | None) -> None:
    written(tmp_path / "a.dzr", ring, RECORDS)
    with pytest.raises(FileExistsError):
        written(tmp_path / "a.dzr", ring, [])


def test_a_torn_tail_ends_the_recording_wherever_it_is_torn(tmp_path: Path, ring: KeyRing | None) -> None:
    """kill -9, at every octet."""
    data = written(tmp_path / "a.dzr", ring, RECORDS)
    start = head_length(tmp_path / "b.dzr", ring)
    seen = set()
    for length in range(start, len(data)):
        records = read(data[:length], ring)
        assert records == RECORDS[: len(records)]
        assert len(records) < len(RECORDS)
        seen.add(len(records))
    assert seen == set(range(len(RECORDS)))


def test_zeros_after_a_power_cut_end_the_recording(tmp_path: Path, ring: KeyRing | None) -> None:
    data = written(tmp_path / "a.dzr", ring, RECORDS[:3])
    assert read(data + bytes(5000), ring) == RECORDS[:3]


def test_every_altered_octet_is_an_integrity_error(tmp_path: Path, ring: KeyRing | None) -> None:
    data = written(tmp_path / "a.dzr", ring, RECORDS)
    for at in range(len(data)):
        altered = bytearray(data)
        altered[at] ^= 0x40
        with pytest.raises((Damaged, KeyMissing)):
            read(bytes(altered), ring)


def test_an_altered_body_is_never_taken_for_a_torn_tail(tmp_path: Path, ring: KeyRing | None) -> None:
    data = bytearray(written(tmp_path / "a.dzr", ring, RECORDS))
    data[-1] ^= 1
    with pytest.raises(Damaged):
        read(bytes(data), ring)


def test_records_cannot_be_left_out_doubled_or_exchanged(tmp_path: Path, ring: KeyRing | None) -> None:
    data = written(tmp_path / "a.dzr", ring, RECORDS)
    at = head_length(tmp_path / "b.dzr", ring)
    parts = []
    while at < len(data):
        length = RECORD_HEAD + RECORD.unpack_from(data, at)[2]
        parts.append(data[at : at + length])
        at += length
    head = data[: len(data) - sum(map(len, parts))]
    last = len(parts) - 1
    right = list(range(last + 1))
    without = [[number for number in right if number != left_out] for left_out in right[:-1]]
    doubled = [sorted([*right, number]) for number in right]
    exchanged = [[*right[:at], at + 1, at, *right[at + 2 :]] for at in right[:-1]]
    for order in (*without, *doubled, *exchanged):
        with pytest.raises(Damaged):
            read(head + b"".join(parts[number] for number in order), ring)


def test_a_record_of_another_file_is_refused(tmp_path: Path) -> None:
    """The file id is bound in, even when both were written with one data key."""
    first = written(tmp_path / "a.dzr", RING, RECORDS)
    other = written(tmp_path / "b.dzr", RING, RECORDS, Header(recording_id=UUID(int=8), started_at=HEADER.started_at))
    start = head_length(tmp_path / "c.dzr", RING)
    with pytest.raises(Damaged):
        read(first[:start] + other[start:], RING)


def test_the_header_is_bound_to_the_key(tmp_path: Path) -> None:
    """Nobody passes one call off as another, with a check sum that fits."""
    data = written(tmp_path / "a.dzr", RING, RECORDS)
    length = struct.unpack_from(">I", data, 8)[0]
    header = data[12 : 12 + length].replace(b"2030-01-07", b"2030-01-08")
    key_at = 12 + length
    key_length = struct.unpack_from(">I", data, key_at)[0]
    key = data[key_at + 4 : key_at + 4 + key_length]
    check = struct.pack(">I", zlib.crc32(key, zlib.crc32(header)))
    altered = data[:12] + header + data[key_at : key_at + 4] + key + check + data[key_at + 8 + key_length :]
    with pytest.raises(Damaged, match="header"):
        read(altered, RING)


def test_no_sound_is_readable_in_an_encrypted_file(tmp_path: Path) -> None:
    data = written(tmp_path / "a.dzr", RING, [Audio(0, (b"a secret said aloud", b"another one, louder"))])
    assert b"secret" not in data
    assert b"louder" not in data


def test_the_wrong_key_is_said_to_be_missing(tmp_path: Path) -> None:
    data = written(tmp_path / "a.dzr", RING, RECORDS)
    with pytest.raises(KeyMissing):
        read(data, KeyRing((MasterKey(bytes(32)),)))
    with pytest.raises(KeyMissing):
        read(data, None)


def test_an_older_key_of_the_ring_still_reads(tmp_path: Path) -> None:
    data = written(tmp_path / "a.dzr", RING, RECORDS)
    assert read(data, KeyRing((MasterKey(bytes(32)), RING.current))) == RECORDS


def failing_write(after: int, error: int = errno.ENOSPC) -> Callable[[int, bytes], int]:
    """A disk with room for that many octets more."""
    room = after
    write = os.write

    def write_some(descriptor: int, data: bytes) -> int:
        nonlocal room
        if room <= 0:
            raise OSError(error, os.strerror(error))
        done = write(descriptor, data[:room])
        room -= done
        return done

    return write_some


def test_a_full_disk_leaves_whole_records_and_a_marked_gap(
    tmp_path: Path, ring: KeyRing | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.dzr"
    writer = ContainerWriter(path, HEADER, ring.current if ring else None)
    writer.append(Audio(0, SOUND))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing_write(10))
        for position in (8, 16):
            with pytest.raises(OSError, match="space"):
                writer.append(Audio(position, SOUND))
    assert read(path.read_bytes(), ring) == [Audio(0, SOUND)]
    writer.append(Audio(24, SOUND))
    writer.append(End(32, cut=True))
    writer.close()
    assert read(path.read_bytes(), ring) == [
        Audio(0, SOUND),
        Gap(24, "No space left on device"),
        Audio(24, SOUND),
        End(32, cut=True),
    ]


def test_a_piece_that_could_not_be_taken_away_is_taken_away_before_the_next_record(
    tmp_path: Path, ring: KeyRing | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails altogether for a while: what is torn must not lie between two records."""

    def fail(descriptor: int, length: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "a.dzr"
    writer = ContainerWriter(path, HEADER, ring.current if ring else None)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing_write(10))
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(OSError, match="error"):
            writer.append(Audio(0, SOUND))
    writer.append(Audio(8, SOUND))
    writer.close()
    assert read(path.read_bytes(), ring) == [Gap(8, "Input/output error"), Audio(8, SOUND)]


@given(
    st.lists(
        st.one_of(
            st.builds(lambda step, sound: ("audio", step, sound), st.integers(0, 5000), st.binary(max_size=300)),
            st.builds(lambda step, who: ("mark", step, who), st.integers(0, 5000), st.text(max_size=120)),
            st.builds(
                lambda step, kind: (kind, step, b""), st.integers(0, 5000), st.sampled_from(["pause", "silence"])
            ),
        ),
        max_size=12,
    ),
    st.booleans(),
    st.data(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_is_cut_to_a_true_beginning_or_refused_when_altered(
    tmp_path: Path, story: list[tuple[str, int, str | bytes]], encrypted: bool, data: st.DataObject
) -> None:
    records: list[Record] = []
    at = 0
    for kind, step, what in story:
        at += step
        if isinstance(what, bytes) and kind == "audio":
            records.append(Audio(at, (what, what[::-1])))
            at += len(what)
        elif isinstance(what, str):
            records.append(Mark(at, 1, what.encode("utf-8", "ignore")[:200].decode(errors="ignore"), joined=True))
        else:
            records.append(Pause(at) if kind == "pause" else Silence(at))
    ring = RING if encrypted else None
    path = tmp_path / "story.dzr"
    whole = written(path, ring, records)
    path.unlink()
    start = head_length(path, ring)
    path.unlink()
    assert read(whole, ring) == records
    found = read(whole[: data.draw(st.integers(start, len(whole)), label="cut at")], ring)
    assert found == records[: len(found)]
    altered = bytearray(whole)
    altered[data.draw(st.integers(0, len(whole) - 1), label="altered at")] ^= data.draw(st.integers(1, 255))
    with pytest.raises((Damaged, KeyMissing)):
        read(bytes(altered), ring)


def test_a_disk_that_is_full_from_the_start_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "write", failing_write(10))
    with pytest.raises(OSError, match="space"):
        ContainerWriter(tmp_path / "a.dzr", HEADER, None)
    assert not (tmp_path / "a.dzr").exists()
    assert len(os.listdir("/proc/self/fd")) == before


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_octets_are_a_recording_or_damaged(tmp_path: Path, noise: bytes) -> None:
    start = (tmp_path / "start.dzr").read_bytes() if (tmp_path / "start.dzr").exists() else b""
    if not start:
        start = written(tmp_path / "start.dzr", None, [])
    for data in (noise, start[: len(noise)] + noise, start + noise):
        try:
            read(data, None)
        except (Damaged, KeyMissing):
            pass
