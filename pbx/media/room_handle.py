"""What the core holds of a room in a media worker. Commands are executed in the order in which these methods are
called; they return at once, and never raise for the worker's sake.

    room = await media.open_room(near=customer)
    room.join(customer)
    room.join(agent)
    room.join(supervisor, heard=0.0)  # listens
    room.set_gain(1.0, listener=agent, talker=supervisor)  # whispers
    room.set_gain(1.0, talker=supervisor)  # barges in
"""

from __future__ import annotations

from collections.abc import Sequence

from pbx.media.connection import WorkerConnection
from pbx.media.engine_numbers import MEMBERS
from pbx.media.handles import MediaLeg, Playback, WorkerBooks
from pbx.media.messages import MAX_FILES, PlaybackEnd, RoomPlaybackEnded
from pbx.media.room_messages import CloseRoom, Join, Leave, Mute, RoomPlay, RoomStopPlay, SetGain


class RoomRefused(Exception):
    """The room is locked, full, or closed."""


class Room:
    """Up to 128 legs of one worker. It is closed with its last member, too; what is asked of a closed room is ignored,
    but for `join`."""

    def __init__(self, worker: WorkerConnection, books: WorkerBooks, room: int) -> None:
        self.room = room
        self.worker = worker
        self.members: list[MediaLeg] = []
        self.is_locked = False
        self.is_closed = False
        self._books = books
        self._playbacks: dict[int, Playback] = {}
        books.rooms[room] = self

    def join(self, leg: MediaLeg, *, hears: float = 1.0, heard: float = 1.0) -> None:
        """Into this room, out of a bridge or another room. See `room_messages.Join`. Raises RoomRefused; ValueError
        when the leg lives in another worker."""
        if leg.worker is not self.worker:
            raise ValueError("legs of two workers cannot share a room: open the leg `near` the others")
        if leg not in self.members and (self.is_locked or self.is_closed or len(self.members) == MEMBERS):
            raise RoomRefused("closed" if self.is_closed else "locked" if self.is_locked else "full")
        for room in self._books.rooms.values():
            if leg in room.members:
                room.members.remove(leg)
        self.members.append(leg)
        self.worker.send(Join(id=self.worker.next_id(), room=self.room, leg=leg.leg, hears=hears, heard=heard))

    def leave(self, leg: MediaLeg) -> None:
        if leg in self.members:
            self.members.remove(leg)
            self.worker.send(Leave(id=self.worker.next_id(), room=self.room, leg=leg.leg))

    def lock(self, on: bool = True) -> None:
        """A locked room takes nobody in; who is in stays."""
        self.is_locked = on

    def set_gain(self, gain: float, *, listener: MediaLeg | None = None, talker: MediaLeg | None = None) -> None:
        """How loud `listener` hears `talker`, 0 to 16; None: all, those too who come later."""
        if any(leg is not None and leg not in self.members for leg in (listener, talker)):
            return
        self.worker.send(
            SetGain(
                id=self.worker.next_id(),
                room=self.room,
                listener=listener.leg if listener is not None else None,
                talker=talker.leg if talker is not None else None,
                gain=gain,
            )
        )

    def mute(self, leg: MediaLeg, on: bool = True) -> None:
        """Nobody hears the leg, whatever the gains say."""
        if leg in self.members:
            self.worker.send(Mute(id=self.worker.next_id(), room=self.room, leg=leg.leg, on=on))

    def play(
        self,
        files: Sequence[str],
        *,
        loop: bool = False,
        gain: float = 1.0,
        only: MediaLeg | None = None,
        duck: float = 1.0,
    ) -> Playback:
        """Play beside what is said, to all or to one member; other playbacks' gain is multiplied with `duck` meanwhile.
        Four can play at once; a fifth fails."""
        if not 0 < len(files) <= MAX_FILES:
            raise ValueError(f"{len(files)} files")
        playback = Playback(self.worker.next_id())
        if self.is_closed or not self.worker.is_open:
            playback.finish("closed" if self.is_closed else "lost")
            return playback
        self._playbacks[playback.number] = playback
        self.worker.send(
            RoomPlay(
                id=playback.number,
                room=self.room,
                files=tuple(files),
                loop=loop,
                gain=gain,
                only=only.leg if only is not None else None,
                duck=duck,
            )
        )
        return playback

    def stop(self, playback: Playback) -> None:
        if playback.number in self._playbacks:
            self.worker.send(RoomStopPlay(id=self.worker.next_id(), room=self.room, playback=playback.number))

    def close(self) -> None:
        """Everybody is alone afterwards. Safe to call twice."""
        if not self.is_closed:
            self.worker.send(CloseRoom(id=self.worker.next_id(), room=self.room))
            self.end("closed")

    # ---- for the pool ----------------------------------------------------------------------------------------------

    def forget(self, leg: MediaLeg) -> None:
        """The leg is closed or lost; with the last one goes the room."""
        if leg in self.members:
            self.members.remove(leg)
            if not self.members:
                self.end("closed")

    def notice(self, event: RoomPlaybackEnded) -> None:
        playback = self._playbacks.pop(event.playback, None)
        if playback is not None:
            playback.finish(event.reason)

    def end(self, reason: PlaybackEnd) -> None:
        self.is_closed = True
        self.members.clear()
        if self._books.rooms.get(self.room) is self:
            del self._books.rooms[self.room]
        playbacks, self._playbacks = self._playbacks, {}
        for playback in playbacks.values():
            playback.finish(reason)
