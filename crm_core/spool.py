"""The spool: facts on their way to PostgreSQL, in local files.

Rules of this room:

1. `append` is one write(2). `kill -9` of this process loses nothing after it; fsync comes within 20 ms from a thread
   of our own and gates nothing, so a power cut loses no more than that.
2. A record is length, CRC-32, bytes. What does not check out at the end of a segment is a torn tail and is ignored.
3. Segments go when everything in them is acknowledged. Where in a segment the reader stood is not kept: after a kill
   the whole segment is read again, and the ledger's key makes that harmless.
4. One reader, one writer, both on the loop's thread.
"""

from __future__ import annotations

import asyncio
import os
import queue
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from crm_core.fact_codec import AnyFact, UnknownKind, UnreadableRecord, decode, encode

SEGMENT_BYTES = 256 * 1024
RECORD_LIMIT = 64 * 1024
SYNC_AFTER = 0.015  # seconds, at most, from a write to the start of its fsync
STAYS_AWAKE = 0.5  # seconds without a write, after which the thread that syncs waits to be woken
SUFFIX = ".facts"

_header = struct.Struct("<II")
_log = structlog.get_logger()


class SpoolFull(Exception):
    """The bound is reached or the disk is full: this fact was not kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as it stands in a segment."""

    segment: int
    end: int  # offset of the byte behind it
    record: bytes


@dataclass(slots=True)
class _Segment:
    number: int
    size: int  # bytes of whole records
    unread: int  # records not yet acknowledged


class Spool:
    """Opens or makes `folder`; `limit` is how many facts may wait in it."""

    def __init__(self, folder: Path, *, limit: int = 100_000) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._limit = limit
        self._segments: deque[_Segment] = deque(self._found())
        self._pending = sum(segment.unread for segment in self._segments)
        self._acknowledged_to = 0  # offset in the oldest segment
        self._subscribers: list[Callable[[AnyFact], None]] = []
        self._readable = asyncio.Event()
        self._empty = asyncio.Event()
        self._said_half = False
        self._syncer = _Syncer(folder)
        self._descriptor = self._new_segment()
        self._tell()

    @property
    def pending(self) -> int:
        """Facts that PostgreSQL has not confirmed."""
        return self._pending

    @property
    def level(self) -> float:
        """0 = empty … 1 = full."""
        return self._pending / self._limit

    def subscribe(self, callback: Callable[[AnyFact], None]) -> Callable[[], None]:
        """Call `callback` after each write, in the same breath. Returns what ends the subscription."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def append(self, fact: AnyFact) -> None:
        """Keep `fact`: it is in the file when this returns. Raises SpoolFull."""
        if self._pending >= self._limit:
            raise SpoolFull(f"{self._pending} facts wait for the data base")
        record = encode(fact)
        if len(record) > RECORD_LIMIT:
            raise SpoolFull(f"a fact of {len(record)} bytes")
        self._write(_header.pack(len(record), zlib.crc32(record)) + record)
        self._pending += 1
        self._segments[-1].unread += 1
        self._tell()
        for callback in tuple(self._subscribers):
            try:
                callback(fact)
            except Exception:  # the edge of the listener's room: its fault must not end the call that reports
                _log.exception("fact_listener_failed", kind=type(fact).__name__)

    def read(self, limit: int) -> Sequence[Entry]:
        """The oldest unacknowledged entries, the same ones until they are acknowledged."""
        entries: list[Entry] = []
        start = self._acknowledged_to
        for segment in self._segments:
            for record, end in _records(self._path(segment.number), start, segment.size):
                entries.append(Entry(segment.number, end, record))
                if len(entries) == limit:
                    return entries
            start = 0
        return entries

    def waiting(self) -> list[AnyFact]:
        """Every fact that was not acknowledged, oldest first; without what cannot be read."""
        facts: list[AnyFact] = []
        for entry in self.read(self._pending):
            with suppress(UnknownKind, UnreadableRecord):
                facts.append(decode(entry.record))
        return facts

    def acknowledge(self, entries: Sequence[Entry]) -> None:
        """The data base has these: they are the first of what `read` gave, in order."""
        for entry in entries:
            while self._segments[0].number != entry.segment:
                self._drop_oldest()
            self._segments[0].unread -= 1
            self._acknowledged_to = entry.end
        self._pending -= len(entries)
        while len(self._segments) > 1 and self._segments[0].unread <= 0:
            self._drop_oldest()
        self._tell()

    async def readable(self) -> None:
        """Return when there is something to read."""
        await self._readable.wait()

    async def drained(self) -> None:
        """Return when everything was acknowledged."""
        await self._empty.wait()

    def close(self) -> None:
        """Everything written so far is on the disk when this returns; an empty spool leaves no file."""
        self._syncer.retire(self._descriptor)
        self._syncer.close()
        if self._pending == 0:
            for segment in self._segments:
                self._path(segment.number).unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        segment = self._segments[-1]
        if segment.size >= SEGMENT_BYTES:
            self._syncer.retire(self._descriptor)
            self._descriptor = self._new_segment()
            segment = self._segments[-1]
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            raise SpoolFull(str(error)) from error
        if written < len(data):  # the disk is full: what stands behind a torn record would not be read
            os.ftruncate(self._descriptor, segment.size)
            raise SpoolFull("the disk is full")
        segment.size += written
        self._syncer.wrote(self._descriptor)

    def _new_segment(self) -> int:
        number = self._segments[-1].number + 1 if self._segments else 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        descriptor = os.open(self._path(number), flags, 0o600)
        self._segments.append(_Segment(number, 0, 0))
        return descriptor

    def _drop_oldest(self) -> None:
        self._path(self._segments.popleft().number).unlink(missing_ok=True)
        self._acknowledged_to = 0

    def _found(self) -> Iterator[_Segment]:
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            end = count = 0
            for _, end in _records(path, 0, path.stat().st_size):  # noqa: B007 - `end` is read below
                count += 1
            if torn := path.stat().st_size - end:
                _log.warning("spool_torn_tail", segment=path.name, bytes=torn)
            yield _Segment(int(path.name.removesuffix(SUFFIX)), end, count)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}{SUFFIX}"

    def _tell(self) -> None:
        if self._pending:
            self._readable.set()
            self._empty.clear()
        else:
            self._readable.clear()
            self._empty.set()
        if self.level >= 0.5 and not self._said_half:
            _log.warning("spool_half_full", pending=self._pending, limit=self._limit)
        self._said_half = self.level >= 0.5


def _records(path: Path, start: int, size: int) -> Iterator[tuple[bytes, int]]:
    """Every whole record between `start` and `size` with its end; stops at the first that does not check out."""
    with path.open("rb") as file:
        file.seek(start)
        end = start
        while end + _header.size <= size:
            length, checksum = _header.unpack(file.read(_header.size))
            if length > RECORD_LIMIT or end + _header.size + length > size:
                return
            record = file.read(length)
            if zlib.crc32(record) != checksum:
                return
            end += _header.size + length
            yield record, end


class _Syncer:
    """fsync in a thread. It also closes what is retired, so that no descriptor is closed under its fsync.

    While facts come, the thread looks for itself: a thread that is woken in the middle of what the loop does takes the
    interpreter from it, and gives it back cold. It is woken only out of a longer rest.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._dirty: set[int] = set()
        self._retired: list[int] = []
        self._closing = False
        self._rests = False
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="spool-sync", daemon=True)
        self._thread.start()

    def wrote(self, descriptor: int) -> None:
        with self._lock:
            self._dirty.add(descriptor)
            rested, self._rests = self._rests, False
        if rested:
            self._wake.put(None)

    def retire(self, descriptor: int) -> None:
        with self._lock:
            self._retired.append(descriptor)
            rested, self._rests = self._rests, False
        if rested:
            self._wake.put(None)

    def close(self) -> None:
        with self._lock:
            self._closing = True
        self._wake.put(None)
        self._thread.join()

    def _run(self) -> None:
        worked = time.monotonic()
        while not self._closing:
            if time.monotonic() - worked > STAYS_AWAKE:
                self._rest()
            time.sleep(SYNC_AFTER)
            if self._sync():
                worked = time.monotonic()
        self._sync()

    def _rest(self) -> None:
        with self._lock:
            self._rests = not (self._dirty or self._retired or self._closing)
            rests = self._rests
        if rests:
            self._wake.get()

    def _sync(self) -> bool:
        """Whether there was anything to do."""
        if not self._dirty and not self._retired:
            return False
        with self._lock:
            dirty, self._dirty = self._dirty, set()
            retired, self._retired = self._retired, []
        for descriptor in dirty | set(retired):
            _fsync(descriptor)
        if retired:
            folder = os.open(self._folder, os.O_RDONLY)
            _fsync(folder)
            os.close(folder)
        for descriptor in retired:
            os.close(descriptor)
        return True


def _fsync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        _log.error("spool_fsync_failed", error=str(error))  # the fact is in the page cache; nothing else can be done
