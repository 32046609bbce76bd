"""The engine's log of a running core: one file for each local day of each start, below DATA/engine.

Noting is one write(2), as in the spool, and gates nothing: `kill -9` loses nothing of it, a power cut perhaps the last
half minute. A log with a gap is worth nothing, so at the first record that cannot be kept, on a full disk or at the
bound of size, the log is switched off until the next start, with one line in the core's log and an alarm; calls go on.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import structlog

from dzvin.engine_log_file import Heading, as_written, encode_heading, frame
from dzvin.engine_log_shelf import Keeping, Name, clear
from queue_engine.input_log import Beginning, Record, Refusal, Step
from queue_engine.inputs import ItemArrived
from queue_engine.work import WorkItem

FOLDER = "engine"
MINUTE = 60.0
PROGRAM = version("dzvin")

log = structlog.get_logger("dzvin.engine_log")


class EngineLog:
    """Implements `queue_engine.input_log.InputLog`; to be made in a running loop. `wall`: Unix seconds. `is_off`:
    nothing is noted any more, though it should be."""

    def __init__(
        self, folder: Path, keeping: Keeping, zone: ZoneInfo, wall: Callable[[], float], program: str = PROGRAM
    ) -> None:
        self._folder, self._keeping, self._zone, self._wall, self._program = folder, keeping, zone, wall, program
        self._loop = asyncio.get_running_loop()
        self._run = f"{datetime.fromtimestamp(wall(), zone):%Y%m%dT%H%M%S%f}"
        self._beginning: Beginning | None = None
        self._descriptor: int | None = None
        self._part, self._size = -1, 0
        self._midnight, self._day_ends = datetime.max.replace(tzinfo=zone), 0.0  # the same, by either clock
        self._kept_before = 0  # bytes of this run's earlier files
        self._hidden = secrets.token_bytes(16)
        self._clearing: asyncio.Future[None] | None = None
        self.is_off = False

    def begins(self, beginning: Beginning) -> None:
        self._beginning = beginning
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open(beginning.now)
        except OSError as error:
            self._switch_off(str(error))

    def note(self, record: Record) -> None:
        if self._descriptor is None:
            return
        try:
            if record.now >= self._day_ends:
                self._next_day(record.now)
            self._write(frame(as_written(self._discreet(record))))
        except (OSError, TypeError, ValueError, OverflowError) as error:  # of a disk, or of a value no file can hold
            self._switch_off(str(error))

    async def close(self) -> None:
        """Ends the log of this run. Waits for the removal of what is kept no longer."""
        self._close()
        if self._clearing is not None:
            await asyncio.wait([self._clearing])

    # ---- files -----------------------------------------------------------------------------------------------------

    def _next_day(self, now: float) -> None:
        if datetime.fromtimestamp(self._wall(), self._zone) < self._midnight:
            self._day_ends = now + MINUTE  # the wall clock was set back, or runs slower than the monotonic one
            return
        self._close()
        self._open(now)

    def _open(self, now: float) -> None:
        assert self._beginning is not None
        at = self._wall()
        today = datetime.fromtimestamp(at, self._zone)
        tomorrow = today.date() + timedelta(days=1)
        self._midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=self._zone)
        self._day_ends = now + self._midnight.timestamp() - at
        self._part, self._kept_before, self._size = self._part + 1, self._kept_before + self._size, 0
        heading = Heading(
            run=self._run, part=self._part, day=today.date().isoformat(), at=at, now=now,
            digest=digest(self._beginning), program=self._program, beginning=self._beginning,
        )  # fmt: skip
        path = self._folder / Name(heading.day, heading.run, heading.part).text
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._write(encode_heading(heading))
        self._clear(today)

    def _clear(self, today: datetime) -> None:
        """Beside the loop. What one clearing finds, the next one need not."""
        if self._clearing is None or self._clearing.done():
            room = self._keeping.bytes - self._kept_before
            self._clearing = self._loop.run_in_executor(
                None, clear, self._folder, replace(self._keeping, bytes=room), today.date(), self._run
            )

    def _write(self, framed: bytes) -> None:
        if self._descriptor is None:
            return
        if self._kept_before + self._size + len(framed) > self._keeping.bytes:
            raise OSError(f"the bound of {self._keeping.bytes} bytes is reached")
        written = os.write(self._descriptor, framed)
        if written < len(framed):
            os.ftruncate(self._descriptor, self._size)
            raise OSError("the disk is full")
        self._size += written

    def _switch_off(self, reason: str) -> None:
        self._close()
        self.is_off = True
        log.error("the engine's log is off until the next start: replay ends here", run=self._run, reason=reason)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    # ---- what is not to be kept ------------------------------------------------------------------------------------

    def _discreet(self, record: Record) -> Record:
        """Numbers of people stay out: by the key somebody is known again, and any other word does for that, as long as
        it is the same one for this run."""
        match record:
            case Refusal(item=item) if item.key is not None:
                return replace(record, item=self._hide(item))
            case Step(given=ItemArrived(item)) if item.key is not None:
                return replace(record, given=ItemArrived(self._hide(item)))
        return record

    def _hide(self, item: WorkItem) -> WorkItem:
        key = hashlib.blake2b((item.key or "").encode(), key=self._hidden, digest_size=8).hexdigest()
        return replace(item, key=key)


def digest(beginning: Beginning) -> str:
    """Names the settings of the lines: equal settings, equal names."""
    settings = msgspec.json.encode(beginning.lines, enc_hook=dict, order="sorted")
    return hashlib.sha256(settings).hexdigest()[:12]
