"""A media worker's control side: carries out the core's commands, and tells what happens. The door (`server`) is apart.

Everything here runs in one asyncio loop and never waits: the engine has its thread, files have theirs.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from pbx.media.codec_libraries import LibraryMissing
from pbx.media.dtls import Certificate
from pbx.media.engine_control import Aside, EngineControl, LegClosed, RecordEnded, RoomClosed
from pbx.media.files import PromptMemory
from pbx.media.messages import (
    MAX_COOKIE,
    MAX_DIGITS,
    Bridge,
    Close,
    Closed,
    Command,
    Digit,
    Failed,
    FromWorker,
    Hello,
    KeepSecret,
    LegChange,
    LegReport,
    MediaQuiet,
    MediaSilent,
    MediaStarted,
    Open,
    Opened,
    OpusWishes,
    PauseRecord,
    Play,
    PlaybackEnded,
    Record,
    RecordingCut,
    RecordLeg,
    Report,
    Rest,
    RoomPlaybackEnded,
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
from pbx.media.port_pool import PortPool, PortsSpent
from pbx.media.quality_watch import QualityWatch
from pbx.media.recording_writer import Freed, RecordingWriter
from pbx.media.reports import TICK, Reports
from pbx.media.room_messages import CloseRoom, Join, Leave, Mute, OpenRoom, RoomPlay, RoomStopPlay, SetGain
from pbx.media.secure_legs import SecureLegs
from pbx.media.worker_legs import Numbers, WorkerLeg
from pbx.media.worker_playback import Playing, Prompts
from pbx.media.worker_recordings import NotRecorded, Recordings
from pbx.media.worker_rooms import NoRoom, WorkerRooms
from pbx.rtp import dtmf
from recordings.crypto import KeySource
from recordings.store import Store

log = structlog.get_logger(__name__)


class Refused(Exception):
    """The command cannot be carried out; the text goes into Failed."""


@dataclass(frozen=True, slots=True)
class Settings:
    recordings: Path
    keys: KeySource | None
    certificate: Certificate


class Worker:
    """`tell` gets every answer and notice. Contract: `start`, then `execute` for each command, then `shut_down`."""

    def __init__(
        self,
        control: EngineControl,
        ports: PortPool,
        settings: Settings,
        tasks: asyncio.TaskGroup,
        tell: Callable[[FromWorker], None],
    ) -> None:
        self.legs: dict[int, WorkerLeg] = {}
        self._tell = tell
        self._control = control
        self._ports = ports
        self._loop = asyncio.get_running_loop()
        self._secure = SecureLegs(control, settings.certificate, tell)
        self._reports = Reports(control.figures, self._secure)
        self._quality = QualityWatch(control.figures, self._reports, control.expect_loss, tell)
        self._writer = RecordingWriter(control.recordings, settings.keys, self._from_writer)
        memory = PromptMemory(control.settings.prompt_octets, control.store_prompt)
        prompts = Prompts(memory)
        self._playing = Playing(control, prompts, tasks, tell)
        self._rooms = WorkerRooms(control, prompts, self.legs, tasks, tell)
        self._numbers = Numbers(control.settings.legs)
        self._recordings = Recordings(control, self._writer, Store(settings.recordings), self.legs, tell)
        self._quiet = asyncio.Event()  # no leg and no recording is left
        self._ticker: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._control.start()
        self._writer.start()
        self._loop.add_reader(self._control.event_descriptor(), self._engine_events)
        self._tick()

    async def shut_down(self, patience: float = 5.0) -> None:
        """Close all legs and recordings properly, then the threads."""
        self.drop_all()
        try:
            async with asyncio.timeout(patience):
                while self.legs or self._recordings:
                    self._quiet.clear()
                    await self._quiet.wait()
        except TimeoutError:
            log.error("media worker stops with things open", legs=len(self.legs), recordings=len(self._recordings))
        if self._ticker is not None:
            self._ticker.cancel()
        self._loop.remove_reader(self._control.event_descriptor())
        self._writer.stop()
        self._control.stop()

    def drop_all(self) -> None:
        """Close every leg and recording, as if their core had asked for it."""
        for leg in self.legs.values():
            self._close(leg)
        self._rooms.close_empty()
        self._recordings.end_all()

    def reports(self) -> list[LegReport]:
        """What the next core is told of the legs that are here; rooms without any are closed."""
        self._rooms.close_empty()
        return [leg.report() for leg in self.legs.values() if not leg.closing]

    # ---- commands --------------------------------------------------------------------------------------------------

    def execute(self, command: Command) -> None:
        """Carry out one command, and answer it if it is one that is answered; a Close when the leg is gone."""
        assert not isinstance(command, Hello)
        try:
            answer = self._carry_out(command)
        except (Refused, NotRecorded, NoRoom) as error:
            answer = Failed(id=command.id, reason=str(error))
            self._settle(command)
        if answer is not None:
            self._tell(answer)

    def _carry_out(self, command: Command) -> FromWorker | None:
        match command:
            case Open():
                return self._open(command)
            case Rest(ports=ports):
                self._ports.rest(ports)
            case Close():
                leg = self._leg(command.leg)
                leg.close_id = command.id
                self._close(leg)
                return None
            case Report():
                leg = self._leg(command.leg)
                return Statistics(id=command.id, leg=leg.number, statistics=self._quality.statistics(leg))
            case Record(right=number):
                right = self._leg(number) if number is not None else None
                self._recordings.begin(command, self._leg(command.left), right)
            case RecordLeg():
                self._recordings.put(command, self._leg(command.leg))
            case PauseRecord():
                self._recordings.pause(command)
            case StopRecord():
                self._recordings.end(command.recording_id)
            case OpenRoom():
                return self._rooms.open(command)
            case Join() | Leave() | SetGain() | Mute() | RoomPlay() | RoomStopPlay() | CloseRoom():
                self._rooms.carry_out(command)
            case Hello():
                raise Refused("a second Hello")
            case _:
                self._change(self._leg(command.leg), command)
        return None

    def _change(self, leg: WorkerLeg, command: LegChange) -> None:
        match command:
            case Update():
                self._update(leg, command)
            case Secure():
                self._make_secure(leg, command)
            case SetCookie(cookie=cookie):
                leg.cookie = _checked(cookie)
            case Bridge(other=number):
                self._bridge(leg, self._leg(number))
            case Unbridge():
                self._part(leg)
                self._control.unbridge(leg.number)
            case Play(id=playback, files=files, loop=loop):
                self._playing.play(leg, playback, files, loop=loop)
            case StopPlay():
                self._playing.stop(leg)
            case KeepSecret(on=on):
                self._control.keep_secret(leg.number, on=on)
            case SendDigits():
                self._send_digits(leg, command)
            case UnrecordLeg():
                self._recordings.take_off(leg)

    def _bridge(self, leg: WorkerLeg, other: WorkerLeg) -> None:
        if other is leg:
            raise Refused("a leg cannot be bridged to itself")
        for each in (leg, other):
            self._part(each)
            self._rooms.leave(each)
        leg.bridged, other.bridged = other.number, leg.number
        self._control.bridge(leg.number, other.number)

    def _open(self, command: Open) -> Opened:
        cookie = _checked(command.cookie)
        number = self._numbers.take()
        if number is None:
            raise Refused("no legs")
        try:
            ports = self._ports.take(command.address)
        except (PortsSpent, OSError) as error:
            self._numbers.give_back(number)
            raise Refused("no ports" if isinstance(error, PortsSpent) else f"{command.address}: {error}") from error
        self.legs[number] = WorkerLeg(number, command.call_id, cookie, command.address, ports)
        self._control.open_leg(number, ports.rtp.fileno())
        self._reports.open(number, ports.rtcp)
        return Opened(id=command.id, leg=number, port=ports.port)

    def _update(self, leg: WorkerLeg, command: Update) -> None:
        if command.cookie is not None:
            leg.cookie = _checked(command.cookie)
        if not (0 <= command.remote_port <= 65535 and 0 <= command.payload_type <= 127):
            raise Refused("no such port or payload type")
        if (command.remote_address, command.remote_port) == (leg.address, leg.ports.port):
            raise Refused("the far end's address is our own")
        try:
            self._control.update(
                leg.number,
                address=command.remote_address,
                port=command.remote_port,
                codec=command.codec,
                payload_type=command.payload_type,
                event_type=command.dtmf_payload_type,
                event_clock_rate=command.dtmf_clock_rate,
                inband=command.inband_digits,
                noise_type=command.noise_payload_type,
                direction=command.direction,
                sources=command.sources,
                learn_port=command.learn_port,
            )
        except (ValueError, LibraryMissing) as error:
            raise Refused(str(error)) from error
        if command.codec == "opus":
            self._control.tune_opus(leg.number, command.opus or OpusWishes())
        leg.inband_digits = command.inband_digits
        leg.codec, leg.event_type = command.codec, command.dtmf_payload_type
        rtcp_port = command.remote_rtcp_port or (command.remote_port + 1 if command.remote_port else 0)
        self._reports.point(leg.number, command.remote_address, rtcp_port if rtcp_port <= 65535 else 0)

    def _make_secure(self, leg: WorkerLeg, command: Secure) -> None:
        try:
            self._secure.secure(leg.number, leg.ports.rtp, command)
            self._reports.share(leg.number, leg.ports.rtp if command.rtcp_mux else None)
        except ValueError as error:
            raise Refused(str(error)) from error

    def _send_digits(self, leg: WorkerLeg, command: SendDigits) -> None:
        if leg.event_type is None and not leg.inband_digits:
            raise Refused("no telephone-event on this leg")
        if len(command.digits) > MAX_DIGITS or not all(digit in dtmf.DIGITS for digit in command.digits):
            raise Refused("no digits, or too many")
        milliseconds = min(max(command.milliseconds, 40), 8000)
        for digit in command.digits:
            self._control.send_digit(leg.number, digit, milliseconds)

    def _leg(self, number: int) -> WorkerLeg:
        leg = self.legs.get(number)
        if leg is None or leg.closing:
            raise Refused("no such leg")
        return leg

    def _part(self, leg: WorkerLeg) -> None:
        if leg.bridged is not None and leg.bridged in self.legs:
            self.legs[leg.bridged].bridged = None
        leg.bridged = None

    def _settle(self, command: Command) -> None:
        """Nobody may wait for ever for something that was refused."""
        match command:
            case Play():
                self._tell(PlaybackEnded(leg=command.leg, playback=command.id, reason="failed"))
            case RoomPlay():
                self._tell(RoomPlaybackEnded(room=command.room, playback=command.id, reason="failed"))
            case Record():
                self._recordings.refused(command)
            case _:
                pass

    # ---- the end of a leg ------------------------------------------------------------------------------------------

    def _close(self, leg: WorkerLeg) -> None:
        if leg.closing:
            return
        leg.closing = True
        self._part(leg)
        self._playing.cancel(leg, "closed")
        self._rooms.leg_closed(leg)
        self._recordings.leg_left(leg)
        self._control.close_leg(leg.number)

    def _closed(self, number: int) -> None:
        leg = self.legs.pop(number)
        self._playing.forget(leg)
        figures = self._quality.statistics(leg)
        self._reports.close(number)
        self._secure.close(number)
        self._ports.give_back(leg.ports)
        self._numbers.give_back(number)
        self._tell(Closed(id=leg.close_id, leg=number, statistics=figures))
        self._quiet.set()

    # ---- recordings ------------------------------------------------------------------------------------------------

    def _from_writer(self, news: Freed | RecordingCut) -> None:
        """In the writer's thread."""
        self._loop.call_soon_threadsafe(self._written, news)

    def _written(self, news: Freed | RecordingCut) -> None:
        match news:
            case RecordingCut():
                self._tell(news)
            case Freed(slot=slot, closed=closed):
                self._recordings.written(slot, closed)
                self._quiet.set()

    # ---- what happens ----------------------------------------------------------------------------------------------

    def _engine_events(self) -> None:
        for event in self._control.events():
            match event:
                case LegClosed(leg=number):
                    self._closed(number)
                case Aside():
                    if (rtcp := self._secure.take(event)) is not None:
                        self._reports.came_with_rtp(event.leg, rtcp)
                case RecordEnded(slot=slot):
                    self._writer.end(slot)
                case PlaybackEnded():
                    self._playing.ended(self.legs.get(event.leg), event)
                case RoomPlaybackEnded():
                    self._rooms.playback_ended(event)
                case RoomClosed(room=number):
                    self._rooms.closed(number)
                case Digit() | MediaStarted() | MediaSilent() | MediaQuiet():
                    self._tell(event)

    def _tick(self) -> None:
        if not self._control.is_running:
            log.critical("the engine's thread has ended: the worker stops")
            signal.raise_signal(signal.SIGTERM)
            return
        self._reports.tick()
        self._secure.tick()
        self._quality.tick(self.legs.values())
        self._ticker = self._loop.call_later(TICK, self._tick)


def _checked(cookie: bytes) -> bytes:
    if len(cookie) > MAX_COOKIE:
        raise Refused(f"a cookie of {len(cookie)} octets")
    return cookie
