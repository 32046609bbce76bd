"""Rooms of a worker, beside the engine: who is in which, and the playbacks of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from pbx.media.engine_control import EngineControl
from pbx.media.engine_numbers import MEMBERS, SEGMENTS, VOICES
from pbx.media.files import BadPrompt, Prompt, PromptMemoryFull
from pbx.media.messages import FromWorker, PlaybackEnd, RoomPlaybackEnded
from pbx.media.room_messages import (
    CloseRoom,
    Join,
    Leave,
    Mute,
    OpenRoom,
    RoomCommand,
    RoomOpened,
    RoomPlay,
    RoomStopPlay,
    SetGain,
)
from pbx.media.worker_legs import Numbers, WorkerLeg
from pbx.media.worker_playback import Prompts, release
from pbx.rtp.g711 import Law

log = structlog.get_logger(__name__)

NARROW, WIDE = 8000, 16000  # hertz
PROMPT_LAW = Law.ULAW  # of what a room plays: its listeners may speak any codec


class NoRoom(Exception):
    """The command cannot be carried out; the text goes into Failed."""


@dataclass(slots=True)
class RoomVoice:
    """One playback, from its command to its end."""

    playback: int
    number: int  # of the engine's voice
    prompts: list[Prompt] = field(default_factory=list)
    loading: asyncio.Task[None] | None = None


@dataclass(slots=True)
class WorkerRoom:
    number: int
    members: set[int] = field(default_factory=set)
    voices: dict[int, RoomVoice] = field(default_factory=dict)  # by playback
    closing: bool = False


class WorkerRooms:
    """All rooms of one worker."""

    def __init__(
        self,
        control: EngineControl,
        prompts: Prompts,
        legs: Mapping[int, WorkerLeg],
        tasks: asyncio.TaskGroup,
        tell: Callable[[FromWorker], None],
    ) -> None:
        self._control = control
        self._prompts = prompts
        self._legs = legs
        self._tasks = tasks
        self._tell = tell
        self._numbers = Numbers(control.settings.rooms)
        self._rooms: dict[int, WorkerRoom] = {}

    def open(self, command: OpenRoom) -> RoomOpened:
        """Raises NoRoom."""
        number = self._numbers.take()
        if number is None:
            raise NoRoom("no rooms")
        self._rooms[number] = WorkerRoom(number)
        rate = WIDE if command.wideband else NARROW
        self._control.open_room(number, rate=rate, passes_events=command.passes_digits)
        return RoomOpened(id=command.id, room=number)

    def carry_out(self, command: RoomCommand) -> None:
        """Raises NoRoom."""
        room = self._room(command.room)
        match command:
            case Join():
                self._join(room, command)
            case Leave():
                self.leave(self._member(room, command.leg))
            case SetGain():
                for leg in (command.listener, command.talker):
                    if leg is not None:
                        self._member(room, leg)
                self._control.set_gain(room.number, command.listener, command.talker, command.gain)
            case Mute():
                self._control.mute(room.number, self._member(room, command.leg).number, muted=command.on)
            case RoomPlay():
                self._play(room, command)
            case RoomStopPlay():
                self._stop(room, command.playback)
            case CloseRoom():
                self._close(room)

    def leave(self, leg: WorkerLeg) -> None:
        """Out of its room, if it is in one."""
        if leg.room is not None and (room := self._rooms.get(leg.room)) is not None:
            room.members.discard(leg.number)
            self._control.leave(room.number, leg.number)
        leg.room = None

    def leg_closed(self, leg: WorkerLeg) -> None:
        """The last one to go closes the room: who opened it may be gone."""
        room = self._rooms.get(leg.room) if leg.room is not None else None
        self.leave(leg)
        if room is not None and not room.members:
            self._close(room)

    def close_empty(self) -> None:
        """Of a core that is gone: nobody would ever close them."""
        for room in list(self._rooms.values()):
            if not room.members:
                self._close(room)

    # ---- what the engine tells -------------------------------------------------------------------------------------

    def playback_ended(self, event: RoomPlaybackEnded) -> None:
        room = self._rooms.get(event.room)
        voice = room.voices.pop(event.playback, None) if room is not None else None
        if voice is not None:
            release(voice.prompts)
        self._tell(event)

    def closed(self, number: int) -> None:
        self._rooms.pop(number, None)
        self._numbers.give_back(number)

    # ---- commands --------------------------------------------------------------------------------------------------

    def _room(self, number: int) -> WorkerRoom:
        room = self._rooms.get(number)
        if room is None or room.closing:
            raise NoRoom("no such room")
        return room

    def _member(self, room: WorkerRoom, number: int) -> WorkerLeg:
        if number not in room.members:
            raise NoRoom("no such member")
        return self._legs[number]

    def _join(self, room: WorkerRoom, command: Join) -> None:
        leg = self._legs.get(command.leg)
        if leg is None or leg.closing:
            raise NoRoom("no such leg")
        if len(room.members - {leg.number}) >= MEMBERS:
            raise NoRoom("the room is full")
        self.leave(leg)
        if leg.bridged is not None and leg.bridged in self._legs:
            self._legs[leg.bridged].bridged = None
        leg.bridged = None
        leg.room = room.number
        room.members.add(leg.number)
        self._control.join(room.number, leg.number, hears=command.hears, heard=command.heard)

    def _close(self, room: WorkerRoom) -> None:
        if room.closing:
            return
        room.closing = True
        for voice in list(room.voices.values()):
            self._take_back(room, voice, "closed")
        for number in room.members:
            self._legs[number].room = None
        room.members.clear()
        self._control.close_room(room.number)

    # ---- playbacks -------------------------------------------------------------------------------------------------

    def _play(self, room: WorkerRoom, command: RoomPlay) -> None:
        free = set(range(VOICES)) - {voice.number for voice in room.voices.values()}
        if not free or not 0 < len(command.files) <= SEGMENTS:
            raise NoRoom("too many playbacks, or files")
        voice = RoomVoice(command.id, min(free))
        room.voices[command.id] = voice
        voice.loading = self._tasks.create_task(self._load(room, voice, command), name=f"playback {command.id}")

    async def _load(self, room: WorkerRoom, voice: RoomVoice, command: RoomPlay) -> None:
        try:
            for file in command.files:
                voice.prompts.append(await self._prompts.take(file, PROMPT_LAW))
            if command.only is not None and command.only not in room.members:
                raise BadPrompt("who shall hear it is not in the room")
            self._control.play_to_room(
                room.number,
                voice.number,
                voice.playback,
                [(prompt.at, prompt.length) for prompt in voice.prompts],
                loop=command.loop,
                law=PROMPT_LAW,
                gain=command.gain,
                only=command.only,
                duck=command.duck,
            )
        except asyncio.CancelledError:
            release(voice.prompts)
            raise
        except Exception as error:  # the task's edge: a prompt that fails must not end the worker
            if isinstance(error, BadPrompt | PromptMemoryFull):
                log.error("prompt cannot be played", room=room.number, reason=str(error))
            else:
                log.exception("playing failed", room=room.number)
            voice.loading = None
            self._take_back(room, voice, "failed")
        voice.loading = None

    def _stop(self, room: WorkerRoom, playback: int) -> None:
        voice = room.voices.get(playback)
        if voice is None:
            return  # it has ended meanwhile, and that was told
        if voice.loading is not None:
            self._take_back(room, voice, "stopped")
        else:
            self._control.stop_playing_to_room(room.number, voice.number)

    def _take_back(self, room: WorkerRoom, voice: RoomVoice, reason: PlaybackEnd) -> None:
        """A playback that the engine does not know yet; one that it knows ends with an event of its own."""
        if voice.loading is None and reason != "failed":
            return
        if voice.loading is not None:
            voice.loading.cancel()
        else:
            release(voice.prompts)
        room.voices.pop(voice.playback, None)
        self._tell(RoomPlaybackEnded(room=room.number, playback=voice.playback, reason=reason))
