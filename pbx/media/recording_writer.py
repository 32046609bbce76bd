"""The thread that carries sound from the engine's buffers into files: every recording at least every 320 ms.

So a `kill -9` costs less than half a second of sound, and a disk that stands still for up to 4 s costs none: calls
never wait for it. When a disk is full or slower than that, the recording goes on with gaps, is marked cut, and the
alarm is told. All file work is done here, and none on the control thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from uuid import UUID

import structlog

from pbx.media.messages import CodecName, RecordingClosed, RecordingCut
from pbx.media.record_buffers import RecordBuffers
from recordings.container import Audio, ContainerWriter, End, Gap, Header
from recordings.crypto import MasterKey

log = structlog.get_logger(__name__)

INTERVAL = 0.32  # seconds between two looks at one recording
TICK = 0.04
RATE = 8000


@dataclass(slots=True)
class _Running:
    slot: int
    path: Path
    named: str  # the path as the core named it
    header: Header
    container: ContainerWriter | None = None
    due: float = 0.0
    position: int = 0
    overruns: int = 0
    cut: bool = False
    told: bool = False
    ended: bool = False  # the engine places nothing any more


@dataclass(frozen=True, slots=True)
class Freed:
    """The file is closed and the engine's slot may be used again."""

    slot: int
    closed: RecordingClosed


@dataclass(slots=True)
class RecordingWriter:
    """`tell` is called from the writer's thread. `open` and `end` are for the control thread."""

    buffers: RecordBuffers
    key: MasterKey | None
    tell: Callable[[Freed | RecordingCut], None]
    _incoming: SimpleQueue[_Running | int | None] = field(default_factory=SimpleQueue, init=False)
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

    def end(self, slot: int) -> None:
        """The engine has finished this slot: write what is left and close the file."""
        self._incoming.put(slot)

    # ---- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._take_orders():
            now = time.monotonic()
            for running in list(self._running.values()):
                if running.due <= now or running.ended:
                    running.due = now + INTERVAL
                    self._carry(running)
        for running in list(self._running.values()):
            running.cut = running.cut or not running.ended
            running.ended = True
            self._carry(running)

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
                    case _Running():
                        self._running[order.slot] = order
                        self._create(order)
                order = self._incoming.get_nowait()
        except Empty:
            return True

    def _create(self, running: _Running) -> None:
        try:
            running.container = ContainerWriter(running.path, running.header, self.key)
        except OSError as error:
            self._alarm(running, error.strerror or str(error))

    def _carry(self, running: _Running) -> None:
        slot = running.slot
        while (count := self.buffers.ripe(slot, time.monotonic_ns())) > 0:
            left, right = self.buffers.drain(slot, count)
            self._append(running, Audio(running.position, (left, right)))
            running.position += count
        overruns = self.buffers.overruns(slot)
        if overruns > running.overruns:
            running.overruns = overruns
            self._append(running, Gap(running.position))
            self._alarm(running, "the disk is too slow")
        if running.ended:
            self._close(running)

    def _append(self, running: _Running, record: Audio | Gap | End) -> None:
        if running.container is None:
            return
        try:
            running.container.append(record)
        except OSError as error:
            self._alarm(running, error.strerror or str(error))

    def _alarm(self, running: _Running, reason: str) -> None:
        running.cut = True
        if not running.told:
            running.told = True
            log.error("recording loses sound", recording=str(running.header.recording_id), reason=reason)
            self.tell(RecordingCut(recording_id=running.header.recording_id, reason=reason))

    def _close(self, running: _Running) -> None:
        self._append(running, End(running.position, running.cut))
        if running.container is not None:
            running.container.close()
        del self._running[running.slot]
        closed = RecordingClosed(
            recording_id=running.header.recording_id,
            seconds=running.position / RATE if running.container is not None else 0.0,
            cut=running.cut,
            path=running.named,
        )
        self.tell(Freed(running.slot, closed))


def header_for(recording_id: UUID, codec: CodecName) -> Header:
    """The recording begins now."""
    return Header(recording_id=recording_id, started_at=datetime.fromtimestamp(time.time(), UTC), codec=codec)
