"""The data folder of an installation: who uses it, its keys, its epoch, and the short folder for its sockets.

DIR/                0700
  lock              held by the live supervisor (flock), names it
  run.json          the epoch of the last core, and how to reach what runs now
  keys/master.key   wraps the data key of each recording
  tls/              certificates of `dzvin tls init`
  postgres/ spool/ recordings/ prompts/   belong to other rooms
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from recordings.crypto import load_or_create_key_ring

SOCKET_PATH_LIMIT = 107  # bytes of sockaddr_un.sun_path, less its final zero
LONGEST_SOCKET_NAME = len("/media-63.sock")


class AlreadyRuns(Exception):
    """Another supervisor holds the data folder."""


class UnsafeFolder(Exception):
    """The folder for our sockets is somebody else's, or others may enter it."""


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `run.json` tells: the epoch outlives a stop, the rest is true while the lock is held."""

    epoch: int = 0
    supervisor: int | None = None
    database_url: str | None = None
    http: str | None = None


class DataFolder:
    """`path` is made when it is absent, for its owner only. Folders that exist keep their mode."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def is_private(self) -> bool:
        """May nobody but the owner enter?"""
        return not stat.S_IMODE(self.path.stat().st_mode) & 0o077

    @property
    def runtime(self) -> Path:
        """A private folder with a name short enough for Unix sockets, the same at every start. Raises UnsafeFolder."""
        name = "dzvin-" + hashlib.sha256(f"{os.geteuid()}:{self.path}".encode()).hexdigest()[:12]
        for parent in (Path(tempfile.gettempdir()), Path("/tmp")):
            folder = parent / name
            if len(os.fsencode(folder)) + LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT:
                return _own(folder)
        raise UnsafeFolder("no folder with a name short enough for sockets")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process. Raises AlreadyRuns, which names the process that holds it."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                owner = os.read(handle, 32).decode("ascii", "replace").strip() or "unknown"
                raise AlreadyRuns(f"{self.path} is in use by process {owner}; stop that one first") from error
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            yield
            os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    def is_locked(self) -> bool:
        """Does a live supervisor hold the folder?"""
        try:
            with (self.path / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def master_key(self) -> Path:
        """The key file, made when there is none. Raises BadKeyFile: a damaged one is never overwritten."""
        path = self._folder("keys") / "master.key"
        load_or_create_key_ring(path)
        return path

    def run(self) -> Run:
        try:
            return msgspec.json.decode((self.path / "run.json").read_bytes(), type=Run)
        except FileNotFoundError:
            return Run()
        except msgspec.DecodeError:  # edited by hand; an epoch must grow, and seconds are more than any count of starts
            return Run(epoch=int(time.time()))

    def next_epoch(self) -> int:
        """The epoch of the core that is about to start: one more than that of any core before it."""
        run = self.run()
        self.remember(msgspec.structs.replace(run, epoch=run.epoch + 1))
        return run.epoch + 1

    def remember(self, run: Run) -> None:
        """Write `run.json` so that a reader, or a power cut, finds the old or the new one and never half of it."""
        write_whole(self.path / "run.json", msgspec.json.encode(run))

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def _own(folder: Path) -> Path:
    """Anyone may make names in the temporary folder, so one that is there already must be ours and private."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise UnsafeFolder(f"{folder} is not a private folder of this user")
    return folder


def write_whole(path: Path, content: bytes) -> None:
    """Write a file for its owner only; a reader finds the old or the new one and never half of it."""
    unfinished = path.with_name(path.name + ".new")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
