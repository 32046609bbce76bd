"""The part of the protocol in `messages` that is about rooms: everything with more than two ends.

A room lives in one worker, with all its legs. Gains are factors, 0 to 16; they are heard within 40 ms. A room whose
last member was closed is closed with it. A playback's number is the id of its command.
"""

from __future__ import annotations

import msgspec


class OpenRoom(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Answer: RoomOpened, or Failed("no rooms"). With `passes_digits` telephone events reach who hears the sender. A
    `wideband` room is mixed at 16 kHz, which only members with a wideband codec can hear."""

    id: int
    passes_digits: bool = False
    wideband: bool = False


class RoomOpened(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    id: int
    room: int


class Join(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Into the room, out of a bridge or another room. `hears`: the gain of all others to this leg; `heard`: of this leg
    to all others, those too who come later: then the product of both sides counts."""

    id: int
    room: int
    leg: int
    hears: float = 1.0
    heard: float = 1.0


class Leave(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    id: int
    room: int
    leg: int


class SetGain(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Of `talker` to `listener`; None: of all, to all, those too who come later."""

    id: int
    room: int
    listener: int | None
    talker: int | None
    gain: float


class Mute(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Nobody hears the leg, whatever the gains say."""

    id: int
    room: int
    leg: int
    on: bool


class RoomPlay(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """Play `files` beside what is said, to all or `only` to one leg. While it plays, the gain of the room's other
    playbacks is multiplied with `duck`. RoomPlaybackEnded follows."""

    id: int
    room: int
    files: tuple[str, ...]
    loop: bool = False
    gain: float = 1.0
    only: int | None = None
    duck: float = 1.0


class RoomStopPlay(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    id: int
    room: int
    playback: int


class CloseRoom(msgspec.Struct, frozen=True, tag=True, array_like=True, kw_only=True):
    """All leave, and are alone."""

    id: int
    room: int


RoomCommand = Join | Leave | SetGain | Mute | RoomPlay | RoomStopPlay | CloseRoom
