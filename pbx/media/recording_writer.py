"""The thread that carries sound from the engine's buffers into files: every recording three to five times a second.

So a `kill -9` costs less than half a second of sound, and a disk that stands still for up to 4 s costs none: calls
never wait for it. When a disk is full or slower than that, the recording goes on with gaps, is marked cut with the
reason, and the alarm is told; it goes on by itself when there is room again, even in a file that could not be made at
first. All file work is done here, and none on the control thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

import structlog

from pbx.media.messages import MAX_MARKS, RecordedSegment, RecordingClosed, RecordingCut
from pbx.media.record_buffers import RecordBuffers
from recordings.container import LAW, LONGEST_RECORDING, ContainerWriter, Header
from recordings.crypto import KeySource
from recordings.g711 import SILENCE
from recordings.records import Audio, End, Gap, Mark, Pause, Record, Resume, Silence

log = structlog.get_logger(__name__)

FARTHEST_BEHIND = 0.44  # seconds of sound that are not in the file yet
TICK = 0.04
SHORTEST = 0.1  # seconds between two looks at one recording
RETRY = 1.0  # seconds until a file that could not be made is tried again
RATE = 8000
CHUNK = 32_768  # samples of silence to compare with: as many as the buffers hold
SILENT = {law: bytes((octet,)) * CHUNK for law, octet in SILENCE.items()}
TOO_SLOW = "the disk is too slow"
TOO_LONG = "longer than a recording may be"

Marked = Mark | Pause | Resume


@dataclass(slots=True)
class _Running:
    slot: int
    path: Path
    named: str  # the path as the core named it
    header: Header
    container: ContainerWriter | None = None
    due: float = 0.0
    retry: float = 0.0
    position: int = 0
    overruns: int = 0
    marks: deque[Marked] = field(default_factory=deque)  # ahead of what is written
    cut: str = ""  # the first reason
    loses: bool = False  # sound, at this moment
    paused_at: int | None = None
    ended: bool = False  # the engine places nothing any more
    joined: dict[tuple[int, str], int] = field(default_factory=dict)
    segments: list[RecordedSegment] = field(default_factory=list)
    pauses: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Freed:
    """The file is closed and the engine's slot may be used again."""

    slot: int
    closed: RecordingClosed


@dataclass(slots=True)
class RecordingWriter:
    """`tell` is called from the writer's thread. `open`, `mark` and `end` are for the control thread."""

    buffers: RecordBuffers
    keys: KeySource | None
    tell: Callable[[Freed | RecordingCut], None]
    _incoming: SimpleQueue[_Running | tuple[int, Marked] | int | None] = field(default_factory=SimpleQueue, init=False)
    _running: dict[int, _Running] = field(default_factory=dict, init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="recording writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Closes what is still open, cut, and ends the thread."""
        self._incoming.put(None)
        self._thread.join()

    def open(self, slot: int, path: Path, named: str, header: Header) -> None:
        """Create the file for the sound of `slot`, which the engine is told to record."""
        self._incoming.put(_Running(slot, path, named, header))

    def mark(self, slot: int, mark: Marked) -> None:
        """Put a mark where it belongs on the time line. Marks come in the order of their positions."""
        self._incoming.put((slot, mark))

    def end(self, slot: int) -> None:
        """The engine has finished this slot: write what is left and close the file."""
        self._incoming.put(slot)

    # ---- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._take_orders():
            now = time.monotonic()
            for running in list(self._running.values()):
                if running.due <= now or running.ended:
                    self._carry(running)
                    running.due = now + self._patience(running)
        for running in list(self._running.values()):
            if not running.ended:
                running.cut = running.cut or "the media worker was stopped"
                running.ended = True
            self._carry(running)

    def _patience(self, running: _Running) -> float:
        """Seconds until the next look: where both speak, what is ripe is younger, and there is more time for it."""
        behind = (self.buffers.position_at(running.slot, time.monotonic_ns()) - running.position) / RATE
        return max(SHORTEST, FARTHEST_BEHIND - TICK - behind)

    def _take_orders(self) -> bool:
        """Waits for one tick at most. False when the thread shall end."""
        try:
            order = self._incoming.get(timeout=TICK if self._running else None)
            while True:
                match order:
                    case None:
                        return False
                    case int():
                        if order in self._running:
                            self._running[order].ended = True
                    case (int() as slot, mark):
                        if slot in self._running:
                            self._running[slot].marks.append(mark)
                    case _Running():
                        self._running[order.slot] = order
                        self._create(order)
                order = self._incoming.get_nowait()
        except Empty:
            return True

    def _create(self, running: _Running) -> None:
        running.retry = time.monotonic() + RETRY
        try:
            key = self.keys.current() if self.keys is not None else None
            running.container = ContainerWriter(running.path, running.header, key)
        except OSError as error:
            self._alarm(running, _reason(error))

    # ---- one recording ---------------------------------------------------------------------------------------------

    def _carry(self, running: _Running) -> None:
        if running.container is None and (running.retry <= time.monotonic() or running.ended):
            self._begin_late(running)
        written = True
        while (count := self.buffers.ripe(running.slot, time.monotonic_ns())) > 0:
            count = self._up_to_mark(running, count)
            if count == 0:
                continue
            if running.position + count > LONGEST_RECORDING:
                self.buffers.drain(running.slot, count)
                self._alarm(running, TOO_LONG)
                written = False
                continue
            written = self._take(running, count) and written
        overruns = self.buffers.overruns(running.slot)
        if overruns > running.overruns:
            running.overruns = overruns
            self._append(running, Gap(running.position, TOO_SLOW))
            self._alarm(running, TOO_SLOW)
        elif running.loses and written and running.container is not None:
            self._relieve(running)
        if running.ended:
            self._close(running)

    def _begin_late(self, running: _Running) -> None:
        """A file that could not be made until now begins with a gap, and with whom it would know by now."""
        self._create(running)
        if running.container is None:
            return
        self._append(running, Gap(running.position, running.cut))
        for channel, who in running.joined:
            self._append(running, Mark(running.position, channel, who, joined=True))
        if running.paused_at is not None:
            self._append(running, Pause(running.position))

    def _up_to_mark(self, running: _Running, count: int) -> int:
        """How much comes before the next mark; the marks that come now are written."""
        while running.marks and running.marks[0].position <= running.position:
            self._mark(running, running.marks.popleft())
        if running.marks:
            return min(count, running.marks[0].position - running.position)
        return count

    def _mark(self, running: _Running, mark: Marked) -> None:
        at = running.position  # its own position, but for a mark that comes late
        match mark:
            case Pause():
                if running.paused_at is not None:
                    return
                running.paused_at = at
                self._append(running, Pause(at))
            case Resume():
                if running.paused_at is None:
                    return
                running.pauses.append((running.paused_at / RATE, at / RATE))
                running.paused_at = None
                self._append(running, Resume(at))
            case Mark(channel=channel, who=who, joined=joined):
                if joined:
                    running.joined.setdefault((channel, who), at)
                else:
                    _leave(running, channel, who)
                self._append(running, Mark(at, channel, who, joined))

    def _take(self, running: _Running, count: int) -> bool:
        """One piece of sound out of the buffers and into the file. False when it is lost."""
        channels = self.buffers.drain(running.slot, count)
        running.position += count
        silence = SILENT[LAW[running.header.codec]][:count]
        if running.paused_at is not None or all(channel == silence for channel in channels):
            return self._append(running, Silence(running.position))
        return self._append(running, Audio(running.position - count, channels))

    def _append(self, running: _Running, record: Record) -> bool:
        if running.container is None:
            return False
        try:
            running.container.append(record)
        except OSError as error:
            self._alarm(running, _reason(error))
            return False
        return True

    def _alarm(self, running: _Running, reason: str) -> None:
        """Told once each time that sound begins to be lost."""
        running.cut = running.cut or reason
        if not running.loses:
            running.loses = True
            log.error("recording loses sound", recording=str(running.header.recording_id), reason=reason)
            self.tell(RecordingCut(recording_id=running.header.recording_id, reason=reason))

    def _relieve(self, running: _Running) -> None:
        running.loses = False
        log.warning("recording goes on", recording=str(running.header.recording_id))
        self.tell(RecordingCut(recording_id=running.header.recording_id, reason=running.cut, over=True))

    def _close(self, running: _Running) -> None:
        for mark in running.marks:  # of the last milliseconds
            self._mark(running, mark)
        for channel, who in tuple(running.joined):
            _leave(running, channel, who)
        if running.paused_at is not None:
            running.pauses.append((running.paused_at / RATE, running.position / RATE))
        self._append(running, End(running.position, bool(running.cut), running.cut))
        if running.container is not None:
            running.container.close()
        del self._running[running.slot]
        closed = RecordingClosed(
            recording_id=running.header.recording_id,
            seconds=running.position / RATE if running.container is not None else 0.0,
            cut=bool(running.cut),
            path=running.named,
            reason=running.cut,
            segments=tuple(running.segments[:MAX_MARKS]),
            pauses=tuple(running.pauses[:MAX_MARKS]),
        )
        self.tell(Freed(running.slot, closed))


def _leave(running: _Running, channel: int, who: str) -> None:
    begin = running.joined.pop((channel, who), None)
    if begin is not None:
        segment = RecordedSegment(channel=channel, who=who, begin=begin / RATE, end=running.position / RATE)
        running.segments.append(segment)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
