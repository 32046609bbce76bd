"""The one recording of a conference: it begins when two are in it, and ends with it.

It belongs to the call of whoever has been in longest when it begins. On the left are that one and everybody from
outside, on the right our own other people. What nobody hears (who is muted, or holds) is not in it, nor is what is
played to them.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from uuid_utils.compat import uuid7

from callflow import facts
from callflow.call_recording import OUTSIDE, file_away
from callflow.facts import CallFact
from callflow.meeting_facts import MeetingRecorded
from pbx.media.client import MediaLeg, Recording, RecordingCut

if TYPE_CHECKING:
    from callflow.exchange import Exchange
    from callflow.meeting import Member

QUORUM = 2  # what one says alone is not kept


class MeetingRecording:
    def __init__(self, exchange: Exchange, conference: str) -> None:
        self._exchange = exchange
        self._conference = conference
        self._recording: Recording | None = None
        self._call_id: UUID | None = None  # whose it is
        self._first: MediaLeg | None = None
        self._on: set[MediaLeg] = set()

    def settle(self, members: Sequence[Member]) -> None:
        """Somebody has come, has gone, or is heard no more, or again."""
        heard = {media: each for each in members if (media := self._audible(each)) is not None}
        for media in self._on - heard.keys():
            media.unrecord()
        self._on &= heard.keys()
        if self._recording is None and len(members) >= QUORUM and heard:
            self._begin(*next(iter(heard.items())))
        if self._recording is not None and not self._recording.closed.done():
            for media, member in heard.items():
                if media not in self._on:
                    self._put(self._recording, media, member)

    def end(self) -> Coroutine[object, object, None] | None:
        """What is left to do is to close the file and tell of it, in its own time; None: nothing."""
        recording, self._recording = self._recording, None
        if recording is None:
            return None
        self._tell(MeetingRecorded, conference=self._conference, on=False)
        return file_away(recording, self._exchange.recordings, self._tell)

    def _audible(self, member: Member) -> MediaLeg | None:
        """Of people whose calls are never recorded nothing is kept here either."""
        never = self._exchange.recording_rules.of_people(member.side.extension) is False
        return member.side.leg.media if member.is_audible and not never else None

    def _begin(self, media: MediaLeg, member: Member) -> None:
        recording_id, places = uuid7(), self._exchange.recordings
        self._call_id, self._first = member.side.leg.call_id, media
        path = places.relative_path(recording_id, self._exchange.clock.now())
        self._tell(facts.RecordingStarted, recording=recording_id, file=path)
        self._tell(MeetingRecorded, conference=self._conference, on=True)
        self._recording = media.record(recording_id, None, path, (_name(member), ""))
        self._recording.on_cut = self._loses_sound
        self._on = {media}

    def _put(self, recording: Recording, media: MediaLeg, member: Member) -> None:
        is_left = media is self._first or member.side.extension is None
        recording.put(media, 0 if is_left else 1, _name(member))
        self._on.add(media)

    def _loses_sound(self, cut: RecordingCut) -> None:
        self._tell(facts.RecordingLosesSound, recording=cut.recording_id, reason=cut.reason, over=cut.over)

    def _tell(self, kind: type[CallFact], /, **values: object) -> None:
        self._exchange.tell(kind, call_id=self._call_id, **values)


def _name(member: Member) -> str:
    return member.side.extension or OUTSIDE
