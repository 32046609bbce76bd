"""Where traces lie: one file for each call, in a folder for each day of UTC, within bounds of age, number and size.

A trace is written whole or not at all, and not fsynced: a power cut may cost the last ones, and nobody waits for it.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from pbx.trace.file import SUFFIX, Trace, pack, place, unpack

_DAY = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}", re.ASCII)
_UNFINISHED = ".new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What is beyond any of these is removed, the oldest first."""

    days: int
    calls: int
    bytes: int


class Ambiguous(LookupError):
    """More than one call begins like that."""


def read(folder: Path, call_id: UUID) -> Trace:
    """Raises FileNotFoundError, NotATrace."""
    return unpack((folder / place(call_id)).read_bytes())


def find(folder: Path, prefix: str) -> UUID:
    """The call whose id begins so. Raises FileNotFoundError, Ambiguous."""
    try:
        return UUID(prefix)
    except ValueError:
        pass
    wanted = prefix.strip().lower()
    found = [path.stem for path in _files(folder) if path.stem.startswith(wanted)]
    if not found or not wanted:
        raise FileNotFoundError(f"no trace of a call {prefix}")
    if len(found) > 1:
        shown = ", ".join(found[:3])
        raise Ambiguous(f"{len(found)} calls begin with {prefix}: {shown}{' …' if len(found) > 3 else ''}")
    return UUID(found[0])


def _days(folder: Path) -> list[Path]:
    """The oldest first."""
    return [day for day in sorted(folder.glob("*/*/*")) if _DAY.fullmatch(day.relative_to(folder).as_posix())]


def _files(folder: Path) -> Iterator[Path]:
    """The oldest first: ids of calls are ordered by the moment that they were made."""
    for day in _days(folder):
        yield from sorted(path for path in day.iterdir() if path.suffix == SUFFIX)


@dataclass(slots=True)
class Shelf:
    """The one writer of the folder. Every method may raise OSError."""

    folder: Path
    keeping: Keeping
    _kept: deque[tuple[str, int]] = field(default_factory=deque, init=False)  # place and size, the oldest first
    _bytes: int = field(default=0, init=False)

    def open(self, now: float) -> None:
        """See what is there, and remove what was never finished or is kept no longer. `now`: wall time in seconds."""
        self._kept.clear()
        self._bytes = 0
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for day in _days(self.folder):
            for unfinished in day.glob(f"*{_UNFINISHED}"):
                unfinished.unlink(missing_ok=True)
        for path in _files(self.folder):
            self._count(path.relative_to(self.folder).as_posix(), path.stat().st_size)
        self.clear(now)

    def write(self, trace: Trace) -> None:
        content = pack(trace)
        name = place(UUID(trace.call_id))
        path = self.folder / name
        self._make(path.parent)
        unfinished = path.with_name(path.name + _UNFINISHED)
        try:
            handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        self._count(name.as_posix(), len(content))
        while len(self._kept) > self.keeping.calls or self._bytes > self.keeping.bytes:
            self._remove_oldest()

    def clear(self, now: float) -> None:
        """Remove what is too old or too much."""
        first = datetime.fromtimestamp(now, UTC).date() - timedelta(days=self.keeping.days)
        while self._kept and (
            len(self._kept) > self.keeping.calls
            or self._bytes > self.keeping.bytes
            or date.fromisoformat(self._kept[0][0][:10].replace("/", "-")) < first
        ):
            self._remove_oldest()

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            for part in (folder.parent.parent, folder.parent, folder):
                part.mkdir(mode=0o700, exist_ok=True)

    def _count(self, name: str, size: int) -> None:
        self._kept.append((name, size))
        self._bytes += size

    def _remove_oldest(self) -> None:
        name, size = self._kept.popleft()
        self._bytes -= size
        path = self.folder / name
        path.unlink(missing_ok=True)
        for empty in (path.parent, path.parent.parent, path.parent.parent.parent):
            try:
                empty.rmdir()
            except OSError:
                break  # the rest of that day is kept still
