"""The live panel's state: a pure fold over facts and over what the CRM says after its commits.

1. `apply` takes one fact or message and returns the keys of the entries that it touched. It reads no clock, waits for
   nothing and knows no sockets.
2. Busy is computed: this file holds calls, registrations, declared wills and open tickets, never a status. What is
   kept of a status is when the one last computed began.
3. Every table has a bound; at the bound the oldest entry goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatchmethod
from uuid import UUID

from callflow.facts import (
    CallAnswered,
    CallEnded,
    CallHeld,
    CallOffered,
    CallParked,
    CallQueued,
    CallResumed,
    CallRouted,
    CallStarted,
    CallUnparked,
    ForwardingChanged,
    ForwardKind,
    MediaWorkerLost,
    OfferEnded,
    PartyIntroduced,
    PhoneOffline,
    PhoneOnline,
    PhoneSettingsChanged,
    PresencePublished,
    SegmentEnded,
    SoundChanged,
    Target,
    TransferConsulting,
    TransferEnded,
    TransferKind,
    TransferStarted,
)
from callflow.line_book import Switch
from callflow.line_orders import LineSwitched, WaitOrdered
from callflow.meeting_facts import MeetingJoined, MeetingLeft
from callflow.room_facts import ConferenceJoined
from callflow.secret_facts import SecretEntry
from crm_core.clients.phone_numbers import normalise
from crm_core.follow_ups import MissedCall
from queue_engine.facts import AgentDeclared, HandRaised, Will, WrapUpSet
from web_panel.live_callbacks import CallbackNews, LiveCallbacks
from web_panel.live_calls import Handover, LiveCall, Offer, Party, RecordingFact
from web_panel.live_entries import CardKey, Declared, Key, Kind, Line, Missed, Notice, Person, Ticket, agent_said, bound
from web_panel.live_hall import HallNews, happens
from web_panel.live_meetings import LiveMeetings, MeetingNews
from web_panel.live_messages import CallLinked, CardFound, FollowUpTold, LineSet, StatusNamed, WrapUpOver, stands
from web_panel.live_missed import concerned, is_missed, known, linked, missed_by
from web_panel.live_rooms import ConferenceFact, SupervisionFact, Supervisions
from web_panel.live_said import Said
from web_panel.statuses import AgentStatus, agent_status
from web_panel.wire import BoardLineView, CardView, ServiceView

MAX_CALLS = 10_000
MAX_PARTIES = 10_000
MAX_MISSED = 1_000
MAX_NOTICES = 3


@dataclass(slots=True)
class LiveState:
    """`region` is where a number without a country code is at home; `shortest` is the short-number rule's N."""

    region: str = "UA"
    shortest: int = 0
    people: dict[UUID, Person] = field(default_factory=dict)
    by_extension: dict[str, UUID] = field(default_factory=dict)
    online: set[str] = field(default_factory=set)
    published: dict[str, str] = field(default_factory=dict)  # extension -> away or dnd
    undisturbed: set[str] = field(default_factory=set)  # extensions with do-not-disturb at the switchboard
    forwarded: dict[str, frozenset[ForwardKind]] = field(default_factory=dict)  # whose calls go on, and when
    declared: dict[UUID, Declared] = field(default_factory=dict)
    wrap_ups: dict[str, datetime] = field(default_factory=dict)  # extension -> until when
    hands: dict[UUID, datetime] = field(default_factory=dict)  # since when a user asks for a supervisor
    serving: dict[UUID, UUID] = field(default_factory=dict)  # user -> ticket
    calls: dict[UUID, LiveCall] = field(default_factory=dict)
    said: Said = field(default_factory=Said)  # what the calls say of each extension
    supervisions: Supervisions = field(default_factory=Supervisions)
    parties: dict[UUID, Party] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    statuses: dict[str, Mapping[str, str]] = field(default_factory=dict)  # names of user statuses, by language
    switches: dict[str, Switch] = field(default_factory=dict)  # which lines are closed, and what they tell first
    waiting: dict[str, dict[UUID, None]] = field(default_factory=dict)  # line -> calls
    callbacks: LiveCallbacks = field(default_factory=LiveCallbacks)
    meetings: LiveMeetings = field(default_factory=LiveMeetings)
    missed: dict[str, Missed] = field(default_factory=dict)
    cards: dict[UUID, dict[CardKey, CardView]] = field(default_factory=dict)  # call -> its cards
    notices: dict[UUID, Notice] = field(default_factory=dict)
    services: dict[UUID, ServiceView] = field(default_factory=dict)
    tickets: dict[UUID, Ticket] = field(default_factory=dict)
    board: tuple[BoardLineView, ...] = ()
    _since: dict[UUID, tuple[AgentStatus, datetime | None]] = field(default_factory=dict)
    _touched: dict[Key, None] = field(default_factory=dict)
    _ended: list[UUID] = field(default_factory=list)

    def apply(self, happened: object, at: datetime) -> tuple[Key, ...]:
        """Fold one fact or message in; the keys of what it touched. Kinds that nobody knows here change nothing.

        An ended call can still be looked at until the next `apply`, so that its end can be shown.
        """
        for call_id in self._ended:
            self.calls.pop(call_id, None)
        self._ended.clear()
        self._touched = {}
        _fold_of(type(happened))(self, happened)
        for kind, user_id in tuple(self._touched):
            if kind is Kind.AGENT and isinstance(user_id, UUID) and self._date_status(user_id, at):
                self._touch_lines_of(user_id)
        return tuple(self._touched)

    def status(self, user_id: UUID) -> AgentStatus:
        person = self.people[user_id]
        declared = self.declared.get(user_id)
        extension = person.extension
        supervises = extension in self.supervisions.by_extension
        return agent_status(
            (AgentStatus.BUSY,) if supervises else self.said.of(extension),
            serving=user_id in self.serving,
            reachable=extension in self.online if extension else declared is not None,
            will=declared.will if declared else Will.READY,
            published="dnd" if extension in self.undisturbed else self.published.get(extension or "", ""),
            wrapping=extension in self.wrap_ups,
        )

    def status_since(self, user_id: UUID) -> datetime | None:
        return self._since.get(user_id, (None, None))[1]

    def name_of(self, extension: str) -> str:
        user_id = self.by_extension.get(extension)
        return self.people[user_id].name if user_id else ""

    def free_agents(self, line: Line) -> int:
        people = (self.by_extension.get(extension) for extension in line.agents)
        return sum(1 for user_id in people if user_id and self.status(user_id) is AgentStatus.FREE)

    def know(self, person: Person, at: datetime | None) -> tuple[Key, ...]:
        """Make this person known, or take over what changed about the person."""
        before = self.people.get(person.user_id)
        if before == person:
            return ()
        if before and before.extension:
            self.by_extension.pop(before.extension, None)
        self.people[person.user_id] = person
        if person.extension:
            self.by_extension[person.extension] = person.user_id
        self._date_status(person.user_id, at)
        return ((Kind.AGENT, person.user_id),)

    def settle(self) -> None:
        """After a seed: date the statuses that it changed to a time before this server."""
        for user_id in self.people:
            self._date_status(user_id, None)

    def forget_missed_before(self, start: datetime) -> tuple[Key, ...]:
        """The list of missed calls is today's."""
        old = [key for key, missed in self.missed.items() if missed.last_at < start]
        for key in old:
            del self.missed[key]
        return tuple((Kind.MISSED, key) for key in old)

    # The fold: one fact, one function

    @singledispatchmethod
    def _fold(self, happened: object) -> None:
        """A kind of a later version changes nothing here."""

    @_fold.register
    def _(self, fact: PartyIntroduced) -> None:
        party = self.parties.setdefault(fact.party, Party())
        party.number = fact.number
        party.name = fact.name or (self.name_of(fact.number) if fact.extension else "")
        party.extension = fact.extension
        party.e164 = None if fact.extension else normalise(fact.number, region=self.region).e164
        bound(self.parties, MAX_PARTIES)

    @_fold.register
    def _(self, fact: CallStarted) -> None:
        call = LiveCall(
            call_id=fact.call_id,
            direction=fact.direction,
            party_id=fact.party,
            started_at=fact.at,
            caller=fact.caller,
            dialled=fact.dialled,
            party=self.parties.setdefault(fact.party, Party()),
            waits=fact.caller,
        )
        self.calls[call.call_id] = call
        if len(self.calls) > MAX_CALLS:
            self._drop(self.calls[next(iter(self.calls))])
        self._changed(call)

    @_fold.register
    def _(self, fact: CallRouted) -> None:
        if call := self.calls.get(fact.call_id):
            self._leave_line(call)
            call.target, call.routed_at = fact.target, fact.at
            if fact.target is Target.LINE:
                call.line = fact.number
            self._changed(call)

    @_fold.register
    def _(self, fact: CallQueued) -> None:
        if call := self.calls.get(fact.call_id):
            self._leave_line(call)
            call.line = fact.line
            call.waiting_since = fact.at
            self.waiting.setdefault(fact.line, {})[call.call_id] = None
            self._changed(call)

    @_fold.register
    def _(self, fact: CallOffered) -> None:
        if call := self.calls.get(fact.call_id):
            call.offers[fact.leg] = Offer(fact.extension, fact.at)
            call.rung |= {fact.extension}
            self._changed(call)

    @_fold.register
    def _(self, fact: OfferEnded) -> None:
        if call := self.calls.get(fact.call_id):
            call.offers.pop(fact.leg, None)
            call.rung |= {fact.extension}  # a phone that was busy was never rung, and missed the call all the same
            self._changed(call)

    @_fold.register
    def _(self, fact: CallAnswered) -> None:
        if call := self.calls.get(fact.call_id):
            call.offers.pop(fact.leg, None)
            call.segments[fact.segment] = call.joined(fact.extension, fact.at)
            call.answered_at = call.answered_at or fact.at
            self._leave_line(call)
            self._changed(call)

    @_fold.register
    def _(self, fact: CallHeld | CallResumed) -> None:
        if call := self.calls.get(fact.call_id):
            call.hold_changed(fact)
            self._changed(call)

    @_fold.register
    def _(self, fact: SegmentEnded) -> None:
        if call := self.calls.get(fact.call_id):
            call.segments.pop(fact.segment, None)
            call.held_by.pop(fact.extension, None)
            call.sound = None
            self._changed(call)

    @_fold.register
    def _(self, fact: SecretEntry | SoundChanged | WaitOrdered) -> None:
        if call := self.calls.get(fact.call_id):
            call.told(fact)
            self._changed(call)
        elif isinstance(fact, WaitOrdered):
            for line in self.callbacks.obeys(fact):
                self._touch(Kind.LINE, line)

    @_fold.register
    def _(self, fact: LineSwitched | LineSet | StatusNamed) -> None:
        for key in stands(fact, self):
            self._touch(*key)

    @_fold.register
    def _(self, fact: CallParked) -> None:
        if call := self.calls.get(fact.call_id):
            call.left_by(fact.by)
            call.orbit, call.parked_at = fact.orbit, fact.at
            self._changed(call)

    @_fold.register
    def _(self, fact: CallUnparked) -> None:
        if call := self.calls.get(fact.call_id):
            call.orbit = call.parked_at = None
            self._changed(call)

    @_fold.register
    def _(self, fact: TransferStarted) -> None:
        if call := self.calls.get(fact.call_id):
            party = self.parties.pop(fact.party, None) if fact.party else None
            target = fact.target or (party.e164 or party.number if party else "")
            call.transfer = Handover(fact.by, target, attended=fact.kind is TransferKind.ATTENDED)
            if fact.kind is TransferKind.BLIND:
                call.left_by(fact.by)
            self._changed(call)

    @_fold.register
    def _(self, fact: TransferConsulting) -> None:
        call = self.calls.get(fact.call_id)
        if call and call.transfer:
            call.transfer.consulting = True
            call.consulted = {offer.extension: fact.at for offer in call.offers.values()}
            call.offers.clear()
            self._changed(call)

    @_fold.register
    def _(self, fact: TransferEnded) -> None:
        if call := self.calls.get(fact.call_id):
            call.transfer = None
            call.consulted.clear()
            self._changed(call)

    @_fold.register
    def _(self, fact: ConferenceFact) -> None:
        if call := self.calls.get(fact.call_id):
            party = self.parties.pop(fact.party, None) if isinstance(fact, ConferenceJoined) and fact.party else None
            call.conference.hears(fact, party.e164 or party.number if party else "")
            self._changed(call)

    @_fold.register
    def _(self, fact: SupervisionFact) -> None:
        self.supervisions.hears(fact)
        self._touch_extension(fact.by)

    @_fold.register
    def _(self, fact: MeetingNews) -> None:
        visit = self.meetings.hears(fact)
        if isinstance(fact, MeetingJoined | MeetingLeft) and (call := self.calls.get(fact.call_id)):
            call.visit = visit
            if visit is None:
                call.held_by.clear()
            self._leave_line(call)
            self._changed(call)
        self._touch(Kind.MEETING, fact.conference)

    @_fold.register
    def _(self, fact: MediaWorkerLost) -> None:
        self.notices[fact.id] = Notice(at=fact.at, legs=fact.legs)
        bound(self.notices, MAX_NOTICES)
        self._touch(Kind.NOTICE, fact.id)

    @_fold.register
    def _(self, fact: RecordingFact) -> None:
        call = self.calls.get(fact.call_id)
        if call and call.recording.hears(fact):
            self._changed(call)

    @_fold.register
    def _(self, fact: CallEnded) -> None:
        if call := self.calls.get(fact.call_id):
            call.ended_at = fact.at
            call.outcome = fact.outcome
            self._drop(call)
            if is_missed(call):
                self._miss(call, fact.at)

    @_fold.register
    def _(self, fact: PhoneOnline | PhoneOffline) -> None:
        (self.online.add if isinstance(fact, PhoneOnline) else self.online.discard)(fact.extension)
        self._touch_extension(fact.extension)

    @_fold.register
    def _(self, fact: PresencePublished) -> None:
        self.published.pop(fact.extension, None)
        if fact.activity:
            self.published[fact.extension] = fact.activity
        self._touch_extension(fact.extension)

    @_fold.register
    def _(self, fact: PhoneSettingsChanged) -> None:
        if fact.do_not_disturb is not None:
            (self.undisturbed.add if fact.do_not_disturb else self.undisturbed.discard)(fact.extension)
            self._touch_extension(fact.extension)

    @_fold.register
    def _(self, fact: ForwardingChanged) -> None:
        kinds = self.forwarded.get(fact.extension, frozenset()) - {fact.kind}
        if fact.target is not None or fact.party is not None:
            kinds |= {fact.kind}
        self.forwarded[fact.extension] = kinds
        self._touch_extension(fact.extension)

    @_fold.register
    def _(self, fact: AgentDeclared | HandRaised) -> None:
        agent_said(fact, self.declared, self.hands)
        self._touch_agent(fact.user)

    @_fold.register
    def _(self, fact: WrapUpSet | WrapUpOver) -> None:
        self.wrap_ups.pop(fact.extension, None)
        if isinstance(fact, WrapUpSet) and fact.until > fact.at:
            self.wrap_ups[fact.extension] = fact.until
        self._touch_extension(fact.extension)

    @_fold.register
    def _(self, fact: HallNews) -> None:
        for kind, key in happens(fact, self):
            if kind is not Kind.AGENT or key in self.people:
                self._touch(kind, key)

    @_fold.register
    def _(self, fact: CallbackNews) -> None:
        for line in self.callbacks.hears(fact, self.parties, self.calls):
            self._touch(Kind.LINE, line)

    @_fold.register
    def _(self, message: CallLinked) -> None:
        if call := self.calls.get(message.call_id):
            call.event_id = message.event_id
            call.party.client_id, call.party.client_name = message.client_id, message.client_name
            self._changed(call)
        for key in linked(message, self.missed):
            self._touch(Kind.MISSED, key)

    @_fold.register
    def _(self, message: CardFound) -> None:
        if message.key.call_id in self.calls:  # an answer for a call that is over came too late
            self.cards.setdefault(message.key.call_id, {})[message.key] = message.card
            self._touch(Kind.CARD, message.key)

    @_fold.register
    def _(self, message: MissedCall) -> None:
        key = known(message, self.missed, region=self.region)
        bound(self.missed, MAX_MISSED)
        self._touch(Kind.MISSED, key)

    @_fold.register
    def _(self, message: FollowUpTold) -> None:
        for missed in concerned(message, self.missed, region=self.region):
            missed.follow_up = message.view()
            self._touch(Kind.MISSED, missed.key)

    # What the fold does in several places

    def _changed(self, call: LiveCall) -> None:
        now = {extension: status for extension, (status, _) in call.extensions().items()}
        people = self.said.says(call.call_id, now)
        self._touch(Kind.CALL, call.call_id)
        for key in self.cards.get(call.call_id, ()):
            self._touch(Kind.CARD, key)
        if call.visit:
            self._touch(Kind.MEETING, call.visit.conference)
        if call.line and call.waiting_since:
            self._touch(Kind.LINE, call.line)
        for extension in people:
            self._touch_extension(extension)

    def _drop(self, call: LiveCall) -> None:
        call.ended_at = call.ended_at or call.started_at
        self._leave_line(call)
        self._changed(call)
        self.cards.pop(call.call_id, None)
        self.said.forget(call.call_id)
        self.parties.pop(call.party_id, None)
        self._ended.append(call.call_id)

    def _leave_line(self, call: LiveCall) -> None:
        call.waiting_since = None
        if call.line and call.line in self.waiting:
            self.waiting[call.line].pop(call.call_id, None)
            self._touch(Kind.LINE, call.line)

    def _miss(self, call: LiveCall, at: datetime) -> None:
        missed = missed_by(call, at, self.missed, region=self.region, shortest=self.shortest)
        if missed is not None:
            self.missed[missed.key] = missed
            bound(self.missed, MAX_MISSED)
            self._touch(Kind.MISSED, missed.key)

    def _touch(self, kind: Kind, key: UUID | str | CardKey) -> None:
        self._touched[kind, key] = None

    def _touch_agent(self, user_id: UUID) -> None:
        if user_id in self.people:
            self._touch(Kind.AGENT, user_id)

    def _touch_extension(self, extension: str) -> None:
        if user_id := self.by_extension.get(extension):
            self._touch(Kind.AGENT, user_id)

    def _touch_lines_of(self, user_id: UUID) -> None:
        extension = self.people[user_id].extension
        for line in self.lines.values():
            if extension in line.agents:
                self._touch(Kind.LINE, line.number)

    def _date_status(self, user_id: UUID, at: datetime | None) -> bool:
        """Whether the status has changed."""
        status = self.status(user_id)
        changed = self._since.get(user_id, (None, None))[0] is not status
        if changed:
            self._since[user_id] = (status, at)
        return changed


# `self._fold(…)` would build the method that it calls anew each time (until Python 3.14).
_fold_of: Callable[[type], Callable[[LiveState, object], None]] = LiveState.__dict__["_fold"].dispatcher.dispatch
