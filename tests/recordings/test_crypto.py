"""The master key's file, and what it wraps."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from recordings.crypto import BadKeyFile, KeyMissing, KeyRing, MasterKey, load_key_ring, load_or_create_key_ring


def test_a_new_key_is_private_random_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    first = load_or_create_key_ring(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_or_create_key_ring(path) == first == load_key_ring(path)
    assert len(first.current.secret) == 32
    assert load_or_create_key_ring(tmp_path / "other.key").current.secret != first.current.secret
    assert os.listdir(path.parent) == ["master.key"]


def test_of_programs_that_start_at_once_all_get_one_key(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    rings: list[KeyRing] = []
    start = threading.Barrier(8)

    def begin() -> None:
        start.wait()
        rings.append(load_or_create_key_ring(path))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ring.current.secret for ring in rings}) == 1
    assert os.listdir(tmp_path) == ["master.key"]


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    load_or_create_key_ring(path)
    path.chmod(0o640)
    with pytest.raises(BadKeyFile, match="0600"):
        load_or_create_key_ring(path)


@pytest.mark.parametrize("text", ["", "not hexadecimal", "abcd", "00" * 31])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadKeyFile):
        load_or_create_key_ring(path)
    assert path.read_text() == text


def test_the_first_key_is_for_new_recordings_and_all_are_found(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text("11" * 32 + "\n" + "22" * 32 + "\n")
    path.chmod(0o600)
    ring = load_key_ring(path)
    assert ring.current == MasterKey(b"\x11" * 32)
    old = MasterKey(b"\x22" * 32)
    assert ring.find(old.key_id) == old
    with pytest.raises(KeyMissing):
        ring.find("0123456789abcdef")


def test_a_wrapped_key_opens_only_with_its_key_and_binding() -> None:
    key, other = MasterKey(bytes(32)), MasterKey(b"\x01" * 32)
    nonce, wrapped = key.wrap(b"data key", b"bound to this")
    assert key.unwrap(nonce, wrapped, b"bound to this") == b"data key"
    assert key.unwrap(nonce, wrapped, b"bound to that") is None
    assert other.unwrap(nonce, wrapped, b"bound to this") is None
    assert key.unwrap(b"", wrapped, b"bound to this") is None


def test_no_secret_is_printed() -> None:
    for thing in (MasterKey(b"S" * 32), KeyRing((MasterKey(b"S" * 32),))):
        assert "SSSS" not in repr(thing)
        assert "5353" not in repr(thing)
