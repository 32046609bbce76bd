"""The core's side of the media plane: `leg = await pool.open(...)`.

    async with MediaPool(paths, epoch=epoch) as media:
        customer = await media.open(call_id=call_id, address="192.0.2.1")
        agent = await media.open(call_id=call_id, address="192.0.2.1", near=customer)
        customer.bridge(agent)

A pool holds one connection to each worker, takes the worker over from an earlier core (`adopted`), and connects again
with back-off when a worker is lost. The legs of a lost worker are told `LegLost` and are dead; the others' calls go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVarTuple
from uuid import UUID

import structlog

from pbx.media.connection import WorkerConnection, WorkerGone
from pbx.media.handles import QUARANTINE, Event, LegLost, MediaLeg, Playback, Recording, WorkerBooks
from pbx.media.messages import (
    MAX_COOKIE,
    MAX_RESTING,
    Closed,
    Digit,
    Failed,
    LegReport,
    LegStatistics,
    MediaQuality,
    MediaQuiet,
    MediaSilent,
    MediaStarted,
    Notice,
    Open,
    Opened,
    PlaybackEnded,
    RecordingClosed,
    RecordingCut,
    Rest,
    RoomPlaybackEnded,
)
from pbx.media.room_handle import Room, RoomRefused
from pbx.media.room_messages import OpenRoom, RoomOpened

__all__ = [
    "AdoptedLeg",
    "Digit",
    "Event",
    "LegLost",
    "LegStatistics",
    "MediaLeg",
    "MediaPool",
    "MediaQuality",
    "MediaQuiet",
    "MediaSilent",
    "MediaStarted",
    "NoMedia",
    "Playback",
    "Recording",
    "RecordingClosed",
    "RecordingCut",
    "Room",
    "RoomRefused",
    "WorkerStatus",
]

News = TypeVarTuple("News")
log = structlog.get_logger(__name__)

OPEN_TIMEOUT = 3.0  # seconds
FIRST_CONNECT_TIMEOUT = 5.0
BACK_OFF = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)  # seconds between attempts; the last one repeats


class NoMedia(Exception):
    """No worker can take the leg (none there, or ports or legs are spent): answer 503."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedLeg:
    """A leg that outlived the core that opened it. Its call must be ended: read the cookie, then close the leg."""

    leg: MediaLeg
    call_id: UUID
    cookie: bytes
    recording_id: UUID | None
    bridged: int | None
    room: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    path: Path
    connected: bool
    pid: int
    legs: int
    capacity: int


class MediaPool:
    """All media workers of this core. Enter it once, before the first call."""

    def __init__(
        self,
        paths: Sequence[Path | str],
        *,
        epoch: int,
        on_adopted: Callable[[AdoptedLeg], None] | None = None,
        on_recording_closed: Callable[[RecordingClosed], None] | None = None,
        on_recording_cut: Callable[[RecordingCut], None] | None = None,
        on_worker_lost: Callable[[int, int], None] | None = None,
    ) -> None:
        """`on_recording_closed` hears of recordings that this core did not start; `on_recording_cut` of every one that
        loses sound (disk full or too slow). `on_worker_lost`: which one, by its place in `paths`, and how many legs it
        carried."""
        self.epoch = epoch
        self.adopted: list[AdoptedLeg] = []
        self.on_adopted = on_adopted
        self.on_recording_closed = on_recording_closed
        self.on_recording_cut = on_recording_cut
        self.on_worker_lost = on_worker_lost
        self._paths = [Path(path) for path in paths]
        self._workers: dict[Path, WorkerConnection] = {}
        self._books: dict[WorkerConnection, WorkerBooks] = {}
        self._warm: dict[Path, tuple[float, list[int]]] = {}  # when a worker died, and the ports of its last legs
        self._tasks: asyncio.TaskGroup | None = None
        self._keepers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Connects; a worker that is not there within 5 s is connected to when it comes."""
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        answered = [asyncio.Event() for _ in self._paths]
        for path, event in zip(self._paths, answered, strict=True):
            self._keepers.append(self._tasks.create_task(self._keep(path, event), name=f"media worker {path.name}"))
        try:
            async with asyncio.timeout(FIRST_CONNECT_TIMEOUT):
                await asyncio.gather(*(event.wait() for event in answered))
        except TimeoutError:
            log.error("media workers missing", connected=len(self._workers), wanted=len(self._paths))
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._tasks is not None
        for task in self._keepers:
            task.cancel()
        await self._tasks.__aexit__(None, None, None)
        for worker in list(self._books):
            worker.close()

    def status(self) -> list[WorkerStatus]:
        return [
            WorkerStatus(
                path=path,
                connected=path in self._workers,
                pid=self._workers[path].pid if path in self._workers else 0,
                legs=self._load(self._workers[path]) if path in self._workers else 0,
                capacity=self._workers[path].capacity if path in self._workers else 0,
            )
            for path in self._paths
        ]

    async def open(self, *, call_id: UUID, address: str, cookie: bytes = b"", near: MediaLeg | None = None) -> MediaLeg:
        """Take a leg with a port on `address`, in `near`'s worker, else in the least loaded one. Raises NoMedia."""
        if len(cookie) > MAX_COOKIE:
            raise ValueError(f"a cookie of {len(cookie)} octets")
        workers = [near.worker] if near is not None else sorted(self._workers.values(), key=self._load)
        reason = "no media worker"
        for worker in workers:
            number = worker.next_id()
            command = Open(id=number, call_id=call_id, address=address, cookie=cookie)
            try:
                answer = await worker.ask(command, number, OPEN_TIMEOUT)
            except WorkerGone as error:
                reason = str(error)
                continue
            if isinstance(answer, Opened) and worker in self._books:
                return MediaLeg(worker, self._books[worker], leg=answer.leg, address=address, port=answer.port)
            reason = answer.reason if isinstance(answer, Failed) else "the media worker is gone"
        log.warning("no media for a leg", call_id=str(call_id), reason=reason)  # its caller is told 503 and no more
        raise NoMedia(reason)

    async def open_room(self, *, near: MediaLeg, passes_digits: bool = False, wideband: bool = False) -> Room:
        """An empty room in `near`'s worker. With `passes_digits`, digits of a member reach those who hear it; see
        `OpenRoom`. Raises NoMedia."""
        worker = near.worker
        number = worker.next_id()
        command = OpenRoom(id=number, passes_digits=passes_digits, wideband=wideband)
        try:
            answer = await worker.ask(command, number, OPEN_TIMEOUT)
        except WorkerGone as error:
            raise NoMedia(str(error)) from error
        if not isinstance(answer, RoomOpened) or worker not in self._books:
            raise NoMedia(answer.reason if isinstance(answer, Failed) else "the media worker is gone")
        return Room(worker, self._books[worker], answer.room)

    def _load(self, worker: WorkerConnection) -> int:
        return len(self._books[worker].legs)

    async def _keep(self, path: Path, answered: asyncio.Event) -> None:
        """Stay connected to one worker for as long as the pool lives."""
        attempt = 0
        while True:
            worker = WorkerConnection(path, self._heard)
            try:
                legs = await worker.greet(self.epoch)
            except WorkerGone as error:
                log.debug("media worker does not answer", path=str(path), reason=str(error))
            else:
                attempt = 0
                self._welcome(worker, legs)
                answered.set()
                leaving = True  # it is we who go, unless `listen` returns
                try:
                    await worker.listen()
                    leaving = False
                finally:
                    self._lose(worker, leaving=leaving)
            await asyncio.sleep(BACK_OFF[min(attempt, len(BACK_OFF) - 1)])
            attempt += 1

    def _welcome(self, worker: WorkerConnection, legs: list[LegReport]) -> None:
        books = WorkerBooks()
        self._workers[worker.path] = worker
        self._books[worker] = books
        log.info("media worker connected", path=str(worker.path), pid=worker.pid, legs=len(legs))
        self._let_rest(worker)
        for report in legs:
            adopted = AdoptedLeg(
                leg=MediaLeg(worker, books, leg=report.leg, address=report.address, port=report.port),
                call_id=report.call_id,
                cookie=report.cookie,
                recording_id=report.recording_id,
                bridged=report.bridged,
                room=report.room,
            )
            self.adopted.append(adopted)
            _tell(self.on_adopted, adopted)

    def _let_rest(self, worker: WorkerConnection) -> None:
        """Phones of a dead worker's calls go on sending for a while: nobody new shall hear them."""
        died_at, ports = self._warm.pop(worker.path, (0.0, []))
        if asyncio.get_running_loop().time() - died_at < QUARANTINE:
            for at in range(0, len(ports), MAX_RESTING):
                worker.send(Rest(id=worker.next_id(), ports=tuple(ports[at : at + MAX_RESTING])))

    def _lose(self, worker: WorkerConnection, *, leaving: bool) -> None:
        self._workers.pop(worker.path, None)
        books = self._books.pop(worker)
        lost = len(books.legs)
        self._warm[worker.path] = asyncio.get_running_loop().time(), sorted(books.warm())
        for room in list(books.rooms.values()):
            room.end("lost")
        for leg in list(books.legs.values()):
            leg.notice(LegLost(leg.leg))
        for recording in list(books.recordings.values()):
            recording.lose()
        self.adopted = [adopted for adopted in self.adopted if adopted.leg.worker is not worker]
        if not leaving:
            _tell(self.on_worker_lost, self._paths.index(worker.path), lost)

    def _heard(self, worker: WorkerConnection, notice: Notice | Closed) -> None:
        books = self._books.get(worker)
        if books is None:
            return
        match notice:
            case RecordingClosed():
                recording = books.recordings.pop(notice.recording_id, None)
                if recording is not None:
                    recording.finish(notice)
                else:
                    _tell(self.on_recording_closed, notice)
            case RecordingCut():
                running = books.recordings.get(notice.recording_id)
                if running is not None:
                    _tell(running.on_cut, notice)
                _tell(self.on_recording_cut, notice)
            case RoomPlaybackEnded():
                if notice.room in books.rooms:
                    books.rooms[notice.room].notice(notice)
            case Closed():
                if notice.leg in books.legs:
                    books.legs[notice.leg].notice(LegLost(notice.leg))
            case Digit() | MediaStarted() | MediaSilent() | MediaQuiet() | MediaQuality() | PlaybackEnded():
                if notice.leg in books.legs:
                    books.legs[notice.leg].notice(notice)


def _tell(listener: Callable[[*News], None] | None, *news: *News) -> None:
    """A listener's fault is logged and goes no further: the pool serves all calls."""
    if listener is None:
        return
    try:
        listener(*news)
    except Exception:
        log.exception("a listener of the media pool failed")
