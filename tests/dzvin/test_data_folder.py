"""The data folder: private, held by one supervisor, with a key and an epoch that only grows."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from dzvin.data_folder import SOCKET_PATH_LIMIT, AlreadyRuns, DataFolder, Run, UnsafeFolder
from recordings.crypto import BadKeyFile


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "new" / "data")
    assert mode(folder.path) == mode(folder.master_key().parent) == 0o700
    assert folder.is_private


def test_a_folder_that_exists_keeps_its_mode_and_says_that_it_is_open(tmp_path: Path) -> None:
    open_folder = tmp_path / "open"
    open_folder.mkdir(mode=0o755)
    folder = DataFolder(open_folder)
    assert mode(open_folder) == 0o755
    assert not folder.is_private


def test_one_supervisor_at_a_time_and_the_second_learns_of_the_first(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert not folder.is_locked()
    with folder.locked():
        assert folder.is_locked()
        with pytest.raises(AlreadyRuns, match=f"process {os.getpid()}"), DataFolder(tmp_path).locked():
            pass
    with folder.locked():
        pass


def test_the_master_key_is_made_once_and_is_secret(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    key = folder.master_key().read_bytes()
    assert mode(folder.master_key()) == 0o600
    assert DataFolder(tmp_path).master_key().read_bytes() == key


def test_a_damaged_master_key_is_never_overwritten(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.master_key().write_text("damaged")
    with pytest.raises(BadKeyFile):
        folder.master_key()
    assert (tmp_path / "keys" / "master.key").read_text() == "damaged"


def test_epochs_only_grow(tmp_path: Path) -> None:
    assert [DataFolder(tmp_path).next_epoch() for _ in range(3)] == [1, 2, 3]
    DataFolder(tmp_path).remember(Run(epoch=3, http="http://127.0.0.1:1"))
    assert DataFolder(tmp_path).next_epoch() == 4
    (tmp_path / "run.json").write_text("damaged")
    assert DataFolder(tmp_path).next_epoch() > 4


def test_the_runtime_folder_is_short_private_and_the_same_each_time(tmp_path: Path) -> None:
    deep = DataFolder(tmp_path / ("d" * 100))
    runtime = deep.runtime
    assert len(os.fsencode(runtime / "media-63.sock")) <= SOCKET_PATH_LIMIT
    assert mode(runtime) == 0o700
    assert DataFolder(deep.path).runtime == runtime
    assert DataFolder(tmp_path / "other").runtime != runtime
    runtime.rmdir()
    DataFolder(tmp_path / "other").runtime.rmdir()


def test_a_long_temporary_folder_is_not_used_for_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("t" * 100)))
    runtime = DataFolder(tmp_path / "data").runtime
    assert runtime.parent == Path("/tmp")
    runtime.rmdir()


def test_a_runtime_folder_that_others_may_enter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    folder = DataFolder(tmp_path)
    runtime = folder.runtime
    runtime.chmod(0o755)
    with pytest.raises(UnsafeFolder):
        _ = folder.runtime
    runtime.rmdir()
    runtime.symlink_to(tmp_path)
    with pytest.raises(UnsafeFolder):
        _ = folder.runtime
    runtime.unlink()
