"""A conference while somebody is in it: who, in which room, who is heard, what is played to them.

    meeting = meetings.at(plan)
    await meeting.host(leg)
    member = await meeting.enter(side, visit)
    meeting.leave(member)

All who meet at one number are in one media worker: that of whoever came first, and the least loaded one then. A meeting
begins with the first who comes, and is over with the last who goes; the next one begins anew, unlocked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from callflow.meeting_recording import MeetingRecording
from callflow.router import ConferencePlan
from callflow.side import Side
from pbx.leg import Leg
from pbx.media.client import NoMedia, Playback, Room, RoomRefused

if TYPE_CHECKING:
    from callflow.exchange import Exchange

BACKGROUND = 0.1  # gain of the music under what is announced
ALONE, JOINED, LEFT = "conference_alone", "tones/joined", "tones/left"


class NotAdmitted(Exception):
    """The conference is locked or full."""


@dataclass(slots=True, eq=False, kw_only=True)
class Member:
    """`visit`: the id of the stay. `muted`: by the own wish or a moderator's; see also `Side.holds`."""

    side: Side
    visit: UUID
    moderator: bool
    muted: bool = False

    @property
    def is_audible(self) -> bool:
        """Who holds is not: a phone that holds may send music."""
        return not (self.muted or self.side.holds)


@dataclass(slots=True, eq=False)
class Meeting:
    exchange: Exchange
    plan: ConferencePlan
    members: list[Member] = field(default_factory=list)  # who came first stands first
    is_locked: bool = False
    recording: MeetingRecording = field(init=False)
    _guests: list[Leg] = field(default_factory=list)  # whose calls are here, those too who are asked for the PIN
    _room: Room | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _for_who_is_alone: list[Playback] = field(default_factory=list)
    _sound: Playback | None = None

    def __post_init__(self) -> None:
        self.recording = MeetingRecording(self.exchange, self.plan.number)

    # ---- who comes and goes ----------------------------------------------------------------------------------------

    @property
    def is_lost(self) -> bool:
        """Its media worker is gone: who comes now begins another one."""
        return self._room is not None and self._room.is_closed

    @property
    def is_deserted(self) -> bool:
        return not self._guests

    @property
    def is_closed_to_more(self) -> bool:
        return self.is_locked or len(self.members) >= self.plan.most

    def is_led_by(self, extension: str | None) -> bool:
        return extension is not None and extension in self.plan.moderators

    async def host(self, leg: Leg) -> None:
        """Give that leg sound where the others have theirs. Raises NoMedia."""
        async with self._opening:
            near = next((each for each in self._guests if each.media is not None and not each.is_over), None)
            self._guests.append(leg)
            if leg.media is None:
                await leg.open_media(near)
        if near is not None and not leg.is_near(near) and not await leg.move_near(near):
            raise NoMedia("in another media worker than the conference")

    def forget(self, leg: Leg) -> None:
        """That guest has gone. The last one takes the room along."""
        if leg in self._guests:
            self._guests.remove(leg)
        if not self._guests and self._room is not None:
            self._room.close()

    async def enter(self, side: Side, visit: UUID, *, again: bool = False) -> Member:
        """From now on they hear all, and all hear them. `again`: they were in already, with another phone. Raises
        NotAdmitted, NoMedia."""
        room = await self._open_room(side.leg)
        if (self.is_closed_to_more and not again) or side.is_over or side.leg.media is None:
            raise NotAdmitted
        try:
            room.join(side.leg.media)
        except RoomRefused as refused:
            raise NotAdmitted from refused
        member = Member(side=side, visit=visit, moderator=self.is_led_by(side.extension))
        self.members.append(member)
        self._settle(came=True)
        self._keep()
        return member

    def leave(self, member: Member) -> None:
        if member not in self.members:
            return
        self.members.remove(member)
        self._keep()
        if self._room is not None and member.side.leg.media is not None:
            self._room.leave(member.side.leg.media)
        self._settle(came=False)

    async def _open_room(self, near: Leg) -> Room:
        async with self._opening:
            if self._room is None:
                assert near.media is not None
                self._room = await near.endpoint.media.open_room(near=near.media)
            return self._room

    # ---- who is heard ----------------------------------------------------------------------------------------------

    def hear(self, member: Member) -> None:
        """Whether they are heard has changed, perhaps: what nobody hears is not recorded either."""
        if self._room is not None and member.side.leg.media is not None:
            self._room.mute(member.side.leg.media, not member.is_audible)
        self._keep()

    def _keep(self) -> None:
        """In the recording, if there shall be one."""
        if self.plan.record:
            self.recording.settle(self.members)

    def hold(self, member: Member, *, on: bool) -> None:
        """By command: they hear music, and nobody hears them."""
        member.side.on_hold = on
        media, music = member.side.leg.media, self.exchange.prompts.path("music/hold")
        if media is not None and not on:
            media.stop_playing()
        elif media is not None and music is not None:
            media.play([str(music)], loop=True)
        self.hear(member)

    # ---- what is played --------------------------------------------------------------------------------------------

    def announce(self, prompt: str, only: Member | None = None) -> bool:
        """Play a prompt to all, or to one. False: there is none by that name."""
        return self._play(prompt, only) is not None

    def _play(self, prompt: str, only: Member | None = None) -> Playback | None:
        file = self.exchange.prompts.path(prompt)
        if file is None or self._room is None:
            return None
        hearer = only.side.leg.media if only is not None else None
        return self._room.play([str(file)], only=hearer, duck=BACKGROUND)

    def _settle(self, *, came: bool) -> None:
        """Who is alone hears music; of others' coming and going a tone tells."""
        if len(self.members) == 1:
            self._console(explain=came)
            return
        for playback in self._for_who_is_alone:
            if self._room is not None:
                self._room.stop(playback)
        self._for_who_is_alone.clear()
        # A second one in the same moment says nothing more; and only four sounds play at once.
        if self.plan.announce and self.members and (self._sound is None or self._sound.ended.done()):
            self._sound = self._play(JOINED if came else LEFT)

    def _console(self, *, explain: bool) -> None:
        music = self.exchange.prompts.path("music/hold") if self.plan.music else None
        if music is not None and self._room is not None:
            self._for_who_is_alone.append(self._room.play([str(music)], loop=True))
        if explain and (word := self._play(ALONE)) is not None:
            self._for_who_is_alone.append(word)


class Meetings:
    """Those that live now, by number."""

    def __init__(self) -> None:
        self._meetings: dict[str, Meeting] = {}

    def __len__(self) -> int:
        return len(self._meetings)

    def __iter__(self) -> Iterator[Meeting]:
        return iter(self._meetings.values())

    def of(self, number: str) -> Meeting | None:
        return self._meetings.get(number)

    def at(self, exchange: Exchange, plan: ConferencePlan) -> Meeting:
        """The one that goes on there, or one that begins."""
        meeting = self._meetings.get(plan.number)
        if meeting is None or meeting.is_lost:
            meeting = self._meetings[plan.number] = Meeting(exchange, plan)
        return meeting

    def leaves(self, meeting: Meeting, leg: Leg) -> None:
        meeting.forget(leg)
        if meeting.is_deserted and self._meetings.get(meeting.plan.number) is meeting:
            del self._meetings[meeting.plan.number]
