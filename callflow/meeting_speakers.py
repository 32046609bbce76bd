"""Who speaks in conferences now, asked of the media workers once a second while somebody looks on.

It is no fact: nothing of it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import structlog

from callflow.meeting import Meeting, Meetings, Member

log = structlog.get_logger("callflow.meeting_speakers")

LOOK_EVERY = 1.0  # seconds
SPOKEN = 0.15  # seconds of speech since the last look, from which on somebody has spoken


class MeetingSpeakers:
    """`looked_at`: whether anybody wants to know. `tell(conference, calls)`: which of its calls speak now, told when it
    has changed."""

    def __init__(
        self, meetings: Meetings, *, looked_at: Callable[[], bool], tell: Callable[[str, frozenset[UUID]], None]
    ) -> None:
        self._meetings = meetings
        self._looked_at = looked_at
        self._tell = tell
        self._talked: dict[UUID, float] = {}  # by call: seconds, at the last look
        self._told: dict[str, frozenset[UUID]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self._looked_at():
                try:
                    await self.look()
                except Exception:  # the task's edge: what is only shown must not end the core
                    log.exception("cannot tell who speaks")

    async def look(self) -> None:
        before, self._talked = self._talked, {}
        live = list(self._meetings)
        for meeting in live:
            await self._look_at(meeting, before)
        numbers = {meeting.plan.number for meeting in live}
        self._told = {number: told for number, told in self._told.items() if number in numbers}

    async def _look_at(self, meeting: Meeting, before: dict[UUID, float]) -> None:
        members = list(meeting.members)
        talked = await asyncio.gather(*(_talk_seconds(member) for member in members))
        speakers: set[UUID] = set()
        for member, seconds in zip(members, talked, strict=True):
            if seconds is None:
                continue
            call_id = member.side.leg.call_id
            self._talked[call_id] = seconds
            if member.is_audible and seconds - before.get(call_id, seconds) >= SPOKEN:
                speakers.add(call_id)
        number, now = meeting.plan.number, frozenset(speakers)
        if self._told.get(number, frozenset()) != now:
            self._told[number] = now
            self._tell(number, now)


async def _talk_seconds(member: Member) -> float | None:
    media = member.side.leg.media
    figures = await media.report() if media is not None else None
    return None if figures is None else figures.talk_seconds
