"""Where logs of the engine lie, which of them belong together, and how long they are kept.

A file's name is DAY.RUN.PART: the local day, when the core started, and which file of that start it is. A day can only
be run again from the start of its run, so a run is kept as a whole, as long as its last day is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import structlog

from dzvin.engine_log_file import Damaged, Heading, LogFile, NotALog
from queue_engine.input_log import Record

SUFFIX = ".inputs"

log = structlog.get_logger("dzvin.engine_log")


@dataclass(frozen=True, slots=True)
class Keeping:
    """`days`: of a run, after its last one. Beyond `bytes` the oldest runs go."""

    days: int
    bytes: int


class Name(NamedTuple):
    day: str
    run: str
    part: int

    @property
    def text(self) -> str:
        return f"{self.day}.{self.run}.{self.part:04d}{SUFFIX}"


def names(folder: Path) -> dict[Name, Path]:
    """In order of the day, then of the run."""
    found = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(ValueError):
            day, run, part = path.name.removesuffix(SUFFIX).split(".")
            found[Name(day, run, int(part))] = path
    return found


def clear(folder: Path, keeping: Keeping, today: date, running: str) -> None:
    """Removes what is kept no longer; never of the run that goes on."""
    try:
        runs: dict[str, list[Path]] = {}
        last: dict[str, str] = {}
        for name, path in names(folder).items():
            if name.run != running:
                runs.setdefault(name.run, []).append(path)
                last[name.run] = max(name.day, last.get(name.run, ""))
        sizes = {run: sum(path.stat().st_size for path in paths) for run, paths in runs.items()}
        oldest = (today - timedelta(days=keeping.days)).isoformat()
        for run in sorted(runs):
            if last[run] < oldest or sum(sizes.values()) > keeping.bytes:
                for path in runs[run]:
                    path.unlink(missing_ok=True)
                del sizes[run]
    except OSError as error:
        log.warning("old logs of the engine cannot be removed", reason=str(error))


@dataclass(slots=True)
class Run:
    """What one start of the core has noted, from its beginning to the end of the day that is asked for. `cut`: bytes at
    the end that a kill left half written."""

    heading: Heading
    files: Sequence[LogFile]
    headings: Sequence[Heading]
    cut: int = 0

    def records(self) -> Iterator[tuple[Heading, Record]]:
        """Each with the heading of its file. Raises Damaged."""
        for heading, file in zip(self.headings, self.files, strict=True):
            for record in file.records():
                yield heading, record
            self.cut = file.cut
            if file.cut and file is not self.files[-1]:
                raise Damaged(f"{file.path.name}: its end is missing, and the log goes on in another file")


def runs_of(folder: Path, day: str) -> list[Run]:
    """The runs that noted something on that local day, the earliest first. Raises NotALog for one that has no beginning
    any more, OSError."""
    found = names(folder)
    wanted = {name.run: max(other.part for other in found if other.run == name.run and other.day == day)
              for name in found if name.day == day}  # fmt: skip
    return [_run({name.part: path for name, path in found.items() if name.run == run}, last) for run, last in
            sorted(wanted.items())]  # fmt: skip


def _run(parts: dict[int, Path], last: int) -> Run:
    missing = [part for part in range(last + 1) if part not in parts]
    if missing:
        raise NotALog(
            f"{parts[last].name}: part {missing[0]} of this run is missing; it runs again from its start only"
        )
    files = [LogFile(parts[part]) for part in range(last + 1)]
    headings = [file.heading() for file in files]
    for part, heading in enumerate(headings):
        if (heading.run, heading.part) != (headings[0].run, part):
            raise NotALog(f"{files[part].path.name}: it is of another run than its name says")
    return Run(headings[0], files, headings)
