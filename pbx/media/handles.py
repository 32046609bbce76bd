"""What the core holds of a media worker: a leg, a playback, a recording.

Commands on one leg, and on all legs of one worker, are executed in the order in which these methods are called. Methods
that are not `async` return at once and never raise for the worker's sake; a lost worker tells each leg `LegLost`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import structlog

from pbx.media.connection import WorkerConnection, WorkerGone
from pbx.media.messages import (
    MAX_COOKIE,
    MAX_FILES,
    MAX_SOURCES,
    MAX_WHO,
    Bridge,
    Close,
    Closed,
    CodecName,
    Digit,
    DirectionName,
    KeepSecret,
    LegStatistics,
    MediaQuality,
    MediaQuiet,
    MediaSilent,
    MediaStarted,
    OpusWishes,
    PauseRecord,
    Play,
    PlaybackEnd,
    PlaybackEnded,
    Record,
    RecordingClosed,
    RecordingCut,
    RecordLeg,
    Report,
    RoomPlaybackEnded,
    SdesKeys,
    Secure,
    SendDigits,
    SetCookie,
    Statistics,
    StopPlay,
    StopRecord,
    Unbridge,
    UnrecordLeg,
    Update,
)

log = structlog.get_logger(__name__)

ANSWER_TIMEOUT = 3.0  # seconds
QUARANTINE = 30.0  # in which ports of a dead worker's legs rest, as those of closed legs do in a living one's


@dataclass(frozen=True, slots=True)
class LegLost:
    """The leg's worker is gone, and its sound with it; or the worker dropped the leg. Nothing more will come."""

    leg: int


Event = Digit | MediaStarted | MediaSilent | MediaQuiet | MediaQuality | LegLost


class Playback:
    """`ended` is done with "done" (played to its end), "stopped", "replaced", "closed", "failed" (no file), "lost"."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ended: asyncio.Future[PlaybackEnd] = asyncio.get_running_loop().create_future()

    def finish(self, reason: PlaybackEnd) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)


class Recording:
    """A running recording. `closed` is done when the file is whole, or when the worker is lost (`cut`, then)."""

    def __init__(self, recording_id: UUID, path: str, worker: WorkerConnection) -> None:
        self.recording_id = recording_id
        self.path = path
        self.closed: asyncio.Future[RecordingClosed] = asyncio.get_running_loop().create_future()
        self.on_cut: Callable[[RecordingCut], None] | None = None
        self.is_lost = False  # with its worker: only the file knows how much there is
        self._worker = worker

    @property
    def worker(self) -> WorkerConnection:
        """Only its legs can be recorded here."""
        return self._worker

    def put(self, leg: MediaLeg, channel: int, who: str = "") -> None:
        """That leg speaks into `channel` (0: left, 1: right) from now on. Raises ValueError when it lives elsewhere."""
        if leg.worker is not self._worker:
            raise ValueError("a leg of another worker cannot be recorded here")
        number = self._worker.next_id()
        self._worker.send(
            RecordLeg(id=number, recording_id=self.recording_id, leg=leg.leg, channel=channel, who=_short(who))
        )

    def pause(self, on: bool) -> None:
        """While it is on, nothing is kept."""
        self._worker.send(PauseRecord(id=self._worker.next_id(), recording_id=self.recording_id, on=on))

    async def stop(self) -> RecordingClosed:
        """End the recording and wait until its file is whole. Safe to call after its legs are closed."""
        if not self.closed.done():
            self._worker.send(StopRecord(id=self._worker.next_id(), recording_id=self.recording_id))
        return await asyncio.shield(self.closed)

    def finish(self, closed: RecordingClosed) -> None:
        if not self.closed.done():
            self.closed.set_result(closed)

    def lose(self) -> None:
        self.is_lost = not self.closed.done()
        self.finish(RecordingClosed(recording_id=self.recording_id, seconds=0.0, cut=True, path=self.path))


class RoomBook(Protocol):
    """What a leg knows of rooms (`room_handle.Room`)."""

    members: list[MediaLeg]

    def forget(self, leg: MediaLeg) -> None: ...

    def notice(self, event: RoomPlaybackEnded) -> None: ...

    def end(self, reason: PlaybackEnd) -> None: ...


@dataclass(slots=True)
class WorkerBooks:
    """What one connection owes its users: legs by number, recordings by id, rooms by number."""

    legs: dict[int, MediaLeg] = field(default_factory=dict)
    recordings: dict[UUID, Recording] = field(default_factory=dict)
    rooms: dict[int, RoomBook] = field(default_factory=dict)
    _given_back: deque[tuple[float, int]] = field(default_factory=deque)  # when, and which RTP port

    def give_back(self, port: int) -> None:
        now = asyncio.get_running_loop().time()
        while self._given_back and self._given_back[0][0] <= now - QUARANTINE:
            self._given_back.popleft()
        self._given_back.append((now, port))

    def warm(self) -> set[int]:
        """Ports on which somebody may still send: of the legs, and those that were given back a moment ago."""
        since = asyncio.get_running_loop().time() - QUARANTINE
        return {leg.port for leg in self.legs.values()} | {port for at, port in self._given_back if at > since}


class MediaLeg:
    """One RTP stream pair. `on_event` is called in the loop for every Event of this leg."""

    def __init__(self, worker: WorkerConnection, books: WorkerBooks, *, leg: int, address: str, port: int) -> None:
        self.leg = leg
        self.address = address
        self.port = port
        self.on_event: Callable[[Event], None] | None = None
        self.worker = worker
        self._books = books
        self._playbacks: dict[int, Playback] = {}
        self._closed = False
        books.legs[leg] = self

    @property
    def is_lost(self) -> bool:
        return not self.worker.is_open

    @property
    def fingerprint(self) -> str:
        """Of its worker's DTLS certificate: what a=fingerprint says."""
        return self.worker.fingerprint

    def update(
        self,
        *,
        remote_address: str,
        remote_port: int,
        codec: CodecName,
        payload_type: int,
        dtmf_payload_type: int | None = None,
        dtmf_clock_rate: int = 8000,
        inband_digits: bool = False,
        direction: DirectionName = "sendrecv",
        sources: Sequence[str] = (),
        cookie: bytes | None = None,
        remote_rtcp_port: int | None = None,
        learn_port: bool = False,
        noise_payload_type: int | None = None,
        opus: OpusWishes | None = None,
    ) -> None:
        """See `messages.Update`. While nothing was heard yet, each call opens the learning window anew: call it when
        the far end starts to speak (at the answer), not only when its address becomes known."""
        self.worker.send(
            Update(
                id=self.worker.next_id(),
                leg=self.leg,
                remote_address=remote_address,
                remote_port=remote_port,
                codec=codec,
                payload_type=payload_type,
                dtmf_payload_type=dtmf_payload_type,
                dtmf_clock_rate=dtmf_clock_rate,
                inband_digits=inband_digits,
                direction=direction,
                sources=_few(sources),
                cookie=_checked(cookie) if cookie is not None else None,
                remote_rtcp_port=remote_rtcp_port,
                learn_port=learn_port,
                noise_payload_type=noise_payload_type,
                opus=opus,
            )
        )

    def secure(
        self,
        *,
        sdes: SdesKeys | None = None,
        fingerprints: Sequence[str] = (),
        ice: tuple[str, str] | None = None,
        remote_ufrag: str | None = None,
        sources: Sequence[str] = (),
        rtcp_mux: bool = False,
    ) -> None:
        """See `messages.Secure`; call it before the `update` that it belongs to. ice: our ufrag and password."""
        self.worker.send(
            Secure(
                id=self.worker.next_id(),
                leg=self.leg,
                sdes=sdes,
                fingerprints=tuple(fingerprints),
                ice_ufrag=ice[0] if ice is not None else None,
                ice_password=ice[1] if ice is not None else "",
                remote_ufrag=remote_ufrag,
                sources=tuple(sources),
                rtcp_mux=rtcp_mux,
            )
        )

    def set_cookie(self, cookie: bytes) -> None:
        """The worker gives it back to the next core, also when this one is killed in the next moment: say it before
        the packet that makes it true. Raises ValueError above MAX_COOKIE octets."""
        self.worker.send_now(SetCookie(id=self.worker.next_id(), leg=self.leg, cookie=_checked(cookie)))

    def bridge(self, other: MediaLeg) -> None:
        """Each hears the other. Raises ValueError when they live in different workers."""
        if other.worker is not self.worker:
            raise ValueError("legs of two workers cannot be bridged: open the second one `near` the first")
        for room in self._books.rooms.values():
            room.members[:] = [leg for leg in room.members if leg not in (self, other)]
        self.worker.send(Bridge(id=self.worker.next_id(), leg=self.leg, other=other.leg))

    def unbridge(self) -> None:
        self.worker.send(Unbridge(id=self.worker.next_id(), leg=self.leg))

    def play(self, files: Sequence[str], *, loop: bool = False) -> Playback:
        """Play prompts or hold music to this leg; while it plays, the leg does not hear its bridge."""
        if not 0 < len(files) <= MAX_FILES:
            raise ValueError(f"{len(files)} files")
        playback = Playback(self.worker.next_id())
        if self.is_lost or self._closed:
            playback.finish("lost" if self.is_lost else "closed")
            return playback
        self._playbacks[playback.number] = playback
        self.worker.send(Play(id=playback.number, leg=self.leg, files=tuple(files), loop=loop))
        return playback

    def stop_playing(self) -> None:
        """Nothing is said to the worker while nothing plays."""
        if self._playbacks:
            self.worker.send(StopPlay(id=self.worker.next_id(), leg=self.leg))

    def keep_secret(self, *, on: bool) -> None:
        """See `messages.KeepSecret`."""
        self.worker.send(KeepSecret(id=self.worker.next_id(), leg=self.leg, on=on))

    def send_digits(self, digits: str, milliseconds: int = 100) -> None:
        """RFC 4733 digits to this leg; nothing is sent when it has no telephone-event."""
        self.worker.send(SendDigits(id=self.worker.next_id(), leg=self.leg, digits=digits, milliseconds=milliseconds))

    def record(
        self, recording_id: UUID, other: MediaLeg | None, path: str, who: tuple[str, str] = ("", "")
    ) -> Recording:
        """Record this leg (left) and `other` (right). `path` is below the worker's recordings folder; `who`: whose they
        are, for the marks in the file."""
        recording = Recording(recording_id, path, self.worker)
        if self.is_lost or self._closed:
            recording.lose()
            return recording
        self._books.recordings[recording_id] = recording
        right = other.leg if other is not None else None
        names = _short(who[0]), _short(who[1])
        self.worker.send(
            Record(
                id=self.worker.next_id(), recording_id=recording_id, left=self.leg, right=right, path=path, who=names
            )
        )
        return recording

    def unrecord(self) -> None:
        """This leg is in no recording any more; what recorded it goes on."""
        self.worker.send(UnrecordLeg(id=self.worker.next_id(), leg=self.leg))

    async def report(self) -> LegStatistics | None:
        """The figures as they are now; None when the worker is gone."""
        number = self.worker.next_id()
        try:
            answer = await self.worker.ask(Report(id=number, leg=self.leg), number, ANSWER_TIMEOUT)
        except WorkerGone:
            return None
        return answer.statistics if isinstance(answer, Statistics) else None

    async def close(self) -> LegStatistics | None:
        """Give the leg back; its last figures, or None when they cannot be had. Safe to call twice."""
        if self._closed:
            return None
        self._closed = True
        number = self.worker.next_id()
        try:
            answer = await self.worker.ask(Close(id=number, leg=self.leg), number, ANSWER_TIMEOUT)
        except WorkerGone:
            return None
        finally:
            self._forget("closed")
        return answer.statistics if isinstance(answer, Closed) else None

    def notice(self, event: Event | PlaybackEnded) -> None:
        """For the pool: something came for this leg."""
        match event:
            case PlaybackEnded():
                playback = self._playbacks.pop(event.playback, None)
                if playback is not None:
                    playback.finish(event.reason)
                return
            case LegLost():
                self._closed = True
                self._forget("lost")
            case _:
                pass
        if self.on_event is None:
            return
        try:
            self.on_event(event)
        except Exception:  # one call's fault must not silence the others of this worker
            log.exception("a leg's listener failed", leg=self.leg)

    def _forget(self, reason: PlaybackEnd) -> None:
        if self._books.legs.get(self.leg) is self:
            del self._books.legs[self.leg]
            self._books.give_back(self.port)
        for room in list(self._books.rooms.values()):
            room.forget(self)
        playbacks, self._playbacks = self._playbacks, {}
        for playback in playbacks.values():
            playback.finish(reason)


def _short(who: str) -> str:
    return who.encode()[:MAX_WHO].decode(errors="ignore")


def _few(sources: Sequence[str]) -> tuple[str, ...]:
    if len(sources) > MAX_SOURCES:
        raise ValueError(f"{len(sources)} sources")
    return tuple(sources)


def _checked(cookie: bytes) -> bytes:
    if len(cookie) > MAX_COOKIE:
        raise ValueError(f"a cookie of {len(cookie)} octets")
    return cookie
