"""Conferences as the panel follows them: at which number somebody meets, and which calls are in it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from callflow.meeting_facts import MeetingJoined, MeetingLeft, MeetingLocked, MeetingMuted, MeetingRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Conference:
    """A number as the installation names it. `moderators`: extensions."""

    number: str
    name: str = ""
    moderators: tuple[str, ...] = ()


@dataclass(slots=True)
class Visit:
    """A call's stay in a conference. `extension` None: an outside number."""

    conference: str
    extension: str | None
    since: datetime
    moderator: bool = False
    muted: bool = False


@dataclass(slots=True)
class LiveMeeting:
    since: datetime
    visits: dict[UUID, Visit] = field(default_factory=dict)  # by call; who came first stands first
    locked: bool = False
    recorded: bool = False
    speakers: frozenset[UUID] = frozenset()  # calls


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingHeard:
    """Which calls in a conference speak now. Told by nobody's fact."""

    conference: str
    speakers: frozenset[UUID]


MeetingNews = MeetingJoined | MeetingMuted | MeetingLeft | MeetingLocked | MeetingRecorded | MeetingHeard


@dataclass(slots=True)
class LiveMeetings:
    """`named`: all that the installation has. `by_number`: those in which somebody is."""

    named: dict[str, Conference] = field(default_factory=dict)
    by_number: dict[str, LiveMeeting] = field(default_factory=dict)

    def hears(self, fact: MeetingNews) -> Visit | None:
        """The stay that the fact is about, when it goes on."""
        number = fact.conference
        if isinstance(fact, MeetingJoined):
            meeting = self.by_number.setdefault(number, LiveMeeting(fact.at))
            visit = Visit(number, fact.extension, fact.at, fact.moderator)
            meeting.visits[fact.call_id] = visit
            return visit
        found = self.by_number.get(number)
        if found is None:
            return None
        match fact:
            case MeetingMuted():
                if visiting := found.visits.get(fact.call_id):
                    visiting.muted = fact.on
                return visiting
            case MeetingLeft():
                found.visits.pop(fact.call_id, None)
                if not found.visits:
                    del self.by_number[number]
            case MeetingLocked():
                found.locked = fact.on
            case MeetingRecorded():
                found.recorded = fact.on
            case MeetingHeard():
                found.speakers = fact.speakers
        return None

    def conference(self, number: str) -> Conference:
        return self.named.get(number) or Conference(number=number)

    def is_there(self, extension: str | None, number: str) -> bool:
        """Whether that person is in it, or moderates it."""
        meeting = self.by_number.get(number)
        if extension is None or meeting is None:
            return False
        inside = any(visit.extension == extension for visit in meeting.visits.values())
        return inside or extension in self.conference(number).moderators
