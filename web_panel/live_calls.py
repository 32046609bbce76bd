"""One live call as the panel follows it: built from facts, asked for its state and for what it says of each person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from callflow.facts import (
    CallHeld,
    CallResumed,
    Direction,
    Outcome,
    RecordingLosesSound,
    RecordingPaused,
    RecordingReady,
    RecordingResumed,
    RecordingStarted,
    SoundChanged,
    Target,
)
from callflow.line_orders import WaitOrdered
from callflow.secret_facts import SecretEntry
from web_panel.live_lines import Standing
from web_panel.live_meetings import Visit
from web_panel.live_rooms import LiveConference
from web_panel.statuses import AgentStatus, CallState

RecordingFact = RecordingStarted | RecordingPaused | RecordingResumed | RecordingLosesSound | RecordingReady


@dataclass(slots=True)
class Party:
    number: str = ""
    name: str = ""
    client_id: UUID | None = None
    client_name: str | None = None
    extension: bool = False  # a colleague's number
    e164: str | None = None  # of an outside number


@dataclass(slots=True)
class Offer:
    extension: str
    since: datetime


@dataclass(slots=True)
class Segment:
    """`partner`: the extension at the other end, when that is a colleague's."""

    extension: str
    since: datetime
    partner: str | None = None

    def without(self, extension: str) -> str | None:
        """The colleague who is left when that one goes."""
        return next((each for each in (self.extension, self.partner) if each and each != extension), None)


@dataclass(slots=True)
class Handover:
    """`by` hands the other side on to `target`. `consulting`: the two speak first."""

    by: str
    target: str
    attended: bool
    consulting: bool = False


@dataclass(slots=True)
class LiveRecording:
    """`id` None: none runs."""

    id: UUID | None = None
    by: str | None = None  # the extension of who asked for it; None: a rule
    paused: bool = False
    loses_sound: bool = False

    def hears(self, fact: RecordingFact) -> bool:
        """Whether that is about this recording."""
        match fact:
            case RecordingStarted():
                self.id, self.by = fact.recording, fact.by
                self.paused = self.loses_sound = False
            case _ if fact.recording != self.id:
                return False
            case RecordingPaused() | RecordingResumed():
                self.paused = isinstance(fact, RecordingPaused)
            case RecordingLosesSound():
                self.loses_sound = not fact.over
            case RecordingReady():
                self.id = None
        return True


@dataclass(slots=True, kw_only=True)
class LiveCall:
    call_id: UUID
    direction: Direction
    party_id: UUID
    started_at: datetime
    caller: str | None
    dialled: str | None
    party: Party = field(default_factory=Party)
    target: Target | None = None
    line: str | None = None
    waiting_since: datetime | None = None  # in the line; None once somebody took the call
    offers: dict[UUID, Offer] = field(default_factory=dict)  # by leg
    rung: frozenset[str] = frozenset()  # every extension that was ever offered this call
    segments: dict[UUID, Segment] = field(default_factory=dict)
    last_segment: Segment | None = None
    waits: str | None = None  # the colleague who waits for somebody, or did before the present segment
    consulted: dict[str, datetime] = field(default_factory=dict)  # with whom a transferor speaks first
    transfer: Handover | None = None
    orbit: str | None = None  # where it is parked
    parked_at: datetime | None = None
    held_by: dict[str | None, datetime] = field(default_factory=dict)
    routed_at: datetime | None = None
    answered_at: datetime | None = None
    conference: LiveConference = field(default_factory=LiveConference)
    visit: Visit | None = None  # in a conference
    recording: LiveRecording = field(default_factory=LiveRecording)
    secret: bool = False  # what the customer presses is hidden now
    standing: Standing = field(default_factory=Standing)  # what supervisors said of it while it waits
    sound: SoundChanged | None = None  # what was told last of how it sounds
    event_id: UUID | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None

    @property
    def state(self) -> CallState:
        if self.ended_at:
            return CallState.ENDED
        if self.orbit:
            return CallState.PARKED
        if self.visit:
            return CallState.HELD if self.held_by else CallState.TALKING
        if self.segments:
            return CallState.HELD if self.held_by and not self.conference.members else CallState.TALKING
        if self.offers:
            return CallState.RINGING
        if self.waiting_since:
            return CallState.QUEUED
        return CallState.MENU if self.target in (Target.MENU, Target.FLOW) else CallState.RINGING

    @property
    def since(self) -> datetime:
        """When the present state began."""
        match self.state:
            case CallState.ENDED if self.ended_at:
                return self.ended_at
            case CallState.PARKED if self.parked_at:
                return self.parked_at
            case CallState.TALKING if self.visit:
                return self.visit.since
            case CallState.TALKING:
                return min(segment.since for segment in self.segments.values())
            case CallState.HELD:
                return min(self.held_by.values())
            case CallState.RINGING if self.offers:
                return min(offer.since for offer in self.offers.values())
            case CallState.QUEUED if self.waiting_since:
                return self.waiting_since
            case _:
                return self.routed_at or self.started_at

    def extensions(self) -> dict[str, tuple[AgentStatus, datetime]]:
        """Everybody of the company in this call, what the call says of each, and since when."""
        if self.ended_at:
            return {}
        if self.visit:
            status = AgentStatus.WAITING if self.held_by else AgentStatus.BUSY
            return {self.visit.extension: (status, self.since)} if self.visit.extension else {}
        said: dict[str, tuple[AgentStatus, datetime]] = {}
        for offer in self.offers.values():
            said[offer.extension] = (AgentStatus.OFFERED, offer.since)
        said |= {extension: (AgentStatus.BUSY, since) for extension, since in self.consulted.items()}
        if self.waits and self.waits not in said and not self.segments:
            waiting = AgentStatus.WAITING if self.answered_at else AgentStatus.CALLING
            said[self.waits] = (waiting, self.since if self.answered_at else self.started_at)
        held_at = min(self.held_by.values(), default=None)
        for segment in self.segments.values():
            for extension in filter(None, (segment.extension, segment.partner)):
                said[extension] = (AgentStatus.WAITING, held_at) if held_at else (AgentStatus.BUSY, segment.since)
        said |= self._in_conference()
        if self.transfer and self.transfer.by in said and self.segments:  # who speaks with the target is not waiting
            status = AgentStatus.BUSY if self.transfer.consulting else AgentStatus.CALLING
            said[self.transfer.by] = (status, said[self.transfer.by][1])
        return said

    def _in_conference(self) -> dict[str, tuple[AgentStatus, datetime]]:
        members = [each for each in self.conference.members.values() if each.extension is not None]
        return {
            member.extension or "": (AgentStatus.WAITING, self.held_by[member.extension])
            if member.extension in self.held_by
            else (AgentStatus.BUSY, member.since)
            for member in members
        }

    def told(self, fact: SecretEntry | SoundChanged | WaitOrdered) -> None:
        match fact:
            case SecretEntry():
                self.secret = fact.on
            case SoundChanged():
                self.sound = fact
            case WaitOrdered():
                self.standing = self.standing.after(fact)

    def hold_changed(self, fact: CallHeld | CallResumed) -> None:
        if isinstance(fact, CallHeld):
            self.held_by.setdefault(fact.by, fact.at)
        else:
            self.held_by.pop(fact.by, None)

    def joined(self, extension: str, at: datetime) -> Segment:
        """A segment that begins: that agent with whoever waited."""
        if self.transfer and self.last_segment:
            self.waits = self.last_segment.without(self.transfer.by)
        partner = self.waits if self.waits != extension else None
        self.last_segment = Segment(extension, at, partner)
        return self.last_segment

    def left_by(self, extension: str) -> None:
        """That person hands the other side on, and is free."""
        if self.last_segment:
            self.waits = self.last_segment.without(extension)

    def offered_to(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(offer.extension for offer in self.offers.values()))
