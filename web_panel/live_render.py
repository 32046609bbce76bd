"""Entries of the live state as the browser is shown them, made once for all views.

Views differ in what they see, never in how an entry looks. So an entry is rendered once, encoded once, and as long as
it renders the same it stays the same object: a view knows by identity what its lookers have been shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from uuid import UUID

from callflow.line_book import OPEN
from queue_engine.facts import Will
from web_panel.live_callbacks import Owed
from web_panel.live_calls import LiveCall, Party
from web_panel.live_entries import CardKey, Key, Kind
from web_panel.live_meetings import Visit
from web_panel.live_state import LiveState
from web_panel.statuses import AgentStatus, CallState
from web_panel.wire import (
    AgentView,
    BoardLineView,
    CallPerson,
    CallView,
    CardView,
    GuestView,
    LineView,
    MeetingView,
    MemberView,
    MissedView,
    NoticeView,
    PartyView,
    RecordingView,
    SoundView,
    SupervisingView,
    TicketView,
    TransferView,
    WaitingCallback,
    WaitingCaller,
    encode,
)

CALLS_SHOWN = 4  # of one person: more than a phone has lines
CALLERS_SHOWN = 20  # of one line; the count is of all

Entry = (
    AgentView
    | CallView
    | LineView
    | MeetingView
    | NoticeView
    | MissedView
    | CardView
    | TicketView
    | tuple[BoardLineView, ...]
)


@dataclass(slots=True, eq=False)
class Rendered:
    entry: Entry
    _body: str | None = None

    @property
    def body(self) -> str:
        if self._body is None:
            self._body = encode(self.entry)
        return self._body

    @property
    def is_over(self) -> bool:
        """Shown once more, then no longer."""
        return isinstance(self.entry, CallView) and self.entry.state is CallState.ENDED


@dataclass(slots=True)
class Gallery:
    entries: dict[Key, Rendered] = field(default_factory=dict)
    _over: list[Key] = field(default_factory=list)

    def hang_all(self, state: LiveState) -> None:
        """Begin with the whole state."""
        self.clear()
        self.renew(state, _everything(state))

    def renew(self, state: LiveState, touched: Iterable[Key]) -> None:
        for key in self._over:
            self.entries.pop(key, None)
        self._over.clear()
        for key in touched:
            entry = _render(state, key)
            if entry is None:
                self.entries.pop(key, None)
                continue
            hanging = self.entries.get(key)
            if hanging is None or hanging.entry != entry:
                rendered = self.entries[key] = Rendered(entry)
                if rendered.is_over:
                    self._over.append(key)

    def clear(self) -> None:
        self.entries.clear()
        self._over.clear()


def _everything(state: LiveState) -> Iterator[Key]:
    yield from ((Kind.AGENT, user_id) for user_id in state.people)
    yield from ((Kind.CALL, call_id) for call_id in state.calls)
    yield from ((Kind.LINE, number) for number in state.lines)
    yield from ((Kind.MEETING, number) for number in state.meetings.by_number)
    yield from ((Kind.NOTICE, notice) for notice in state.notices)
    yield from ((Kind.MISSED, key) for key in state.missed)
    yield from ((Kind.CARD, key) for cards in state.cards.values() for key in cards)
    yield from ((Kind.TICKET, ticket) for ticket in state.tickets)
    yield (Kind.BOARD, "")


def _render(state: LiveState, key: Key) -> Entry | None:
    match key:
        case Kind.AGENT, UUID() as user_id:
            return agent_view(state, user_id)
        case Kind.CALL, UUID() as call_id:
            return call_view(state, call_id)
        case Kind.LINE, str(number):
            return line_view(state, number)
        case Kind.MEETING, str(number):
            return meeting_view(state, number)
        case Kind.NOTICE, UUID() as notice:
            return notice_view(state, notice)
        case Kind.MISSED, str(missed):
            return missed_view(state, missed)
        case Kind.CARD, CardKey() as card:
            return state.cards.get(card.call_id, {}).get(card)
        case Kind.TICKET, UUID() as ticket:
            return ticket_view(state, ticket)
        case Kind.BOARD, _:
            return state.board
        case _:
            return None


def agent_view(state: LiveState, user_id: UUID) -> AgentView | None:
    person = state.people.get(user_id)
    if person is None:
        return None
    declared = state.declared.get(user_id)
    ticket = state.tickets.get(state.serving[user_id]) if user_id in state.serving else None
    return AgentView(
        user_id=user_id,
        name=person.name,
        extension=person.extension,
        window=person.window,
        status=state.status(user_id),
        since=_since(state, user_id),
        wrap_up_until=state.wrap_ups.get(person.extension or ""),
        online=person.extension in state.online,
        ready=declared is None or declared.will is Will.READY,
        will=declared.will if declared else Will.READY,
        hand=state.hands.get(user_id),
        reason=declared.reason if declared else "",
        status_name=state.statuses.get(declared.reason) if declared else None,
        uses_statuses=person.uses_statuses,
        forwards=tuple(sorted(state.forwarded.get(person.extension or "", ()))),
        calls=tuple(islice(state.said.calls_of(person.extension), CALLS_SHOWN)) if person.extension else (),
        supervises=supervising_view(state, person.extension),
        ticket=ticket.number if ticket else None,
    )


def _since(state: LiveState, user_id: UUID) -> datetime | None:
    """A pause counts from when its reason was given, over calls in between and over a restart too."""
    declared = state.declared.get(user_id)
    if declared is not None and state.status(user_id) in (AgentStatus.PAUSED, AgentStatus.SIGNED_OUT):
        return declared.since
    return state.status_since(user_id)


def supervising_view(state: LiveState, extension: str | None) -> SupervisingView | None:
    known = state.supervisions.by_extension.get(extension or "")
    return SupervisingView(call_id=known.call_id, agent=known.agent, mode=known.mode) if known else None


def recording_view(call: LiveCall) -> RecordingView | None:
    known = call.recording
    return RecordingView(by=known.by, paused=known.paused, loses_sound=known.loses_sound) if known.id else None


def call_view(state: LiveState, call_id: UUID) -> CallView | None:
    call = state.calls.get(call_id)
    if call is None:
        return None
    return CallView(
        call_id=call.call_id,
        state=call.state,
        since=call.since,
        started_at=call.started_at,
        answered_at=call.answered_at,
        direction=call.direction,
        party=party_view(call.party),
        dialled=call.dialled,
        line=call.line,
        people=tuple(
            CallPerson(extension=extension, name=state.name_of(extension), status=status, since=since)
            for extension, (status, since) in call.extensions().items()
        ),
        recording=recording_view(call),
        sound=sound_view(call),
        held_by=tuple(extension for extension in call.held_by if extension),
        transfer=transfer_view(call),
        members=tuple(
            MemberView(
                extension=member.extension,
                name=state.name_of(member.extension) if member.extension else "",
                number=member.number,
            )
            for member in call.conference.members.values()
        ),
        orbit=call.orbit,
        conference=call.visit.conference if call.visit else None,
        secret=call.secret,
        event_id=call.event_id,
        outcome=call.outcome,
    )


def sound_view(call: LiveCall) -> SoundView | None:
    told = call.sound
    if told is None or (told.grade is None and told.trouble is None):
        return None
    return SoundView(grade=told.grade, mos=told.mos, trouble=told.trouble, worst=told.worst)


def transfer_view(call: LiveCall) -> TransferView | None:
    transfer = call.transfer
    if transfer is None:
        return None
    return TransferView(
        by=transfer.by, target=transfer.target, attended=transfer.attended, consulting=transfer.consulting
    )


def line_view(state: LiveState, number: str) -> LineView | None:
    line = state.lines.get(number)
    if line is None:
        return None
    waiting, switch = state.waiting.get(number, {}), state.switches.get(number, OPEN)
    return LineView(
        number=number,
        name=line.name,
        agents=line.agents,
        free=state.free_agents(line),
        count=len(waiting),
        waiting=tuple(waiting_view(state.calls[call_id]) for call_id in islice(waiting, CALLERS_SHOWN)),
        owed=state.callbacks.count(number),
        callbacks=tuple(callback_view(owed) for owed in state.callbacks.of_line(number, CALLERS_SHOWN)),
        is_open=switch.is_open,
        message=switch.message,
    )


def callback_view(owed: Owed) -> WaitingCallback:
    return WaitingCallback(
        id=owed.id,
        since=owed.since,
        party=party_view(owed.party),
        tries=owed.tries,
        again_at=owed.again_at,
        calling=owed.calling,
        points=owed.standing.points,
        agent=owed.standing.agent,
    )


def waiting_view(call: LiveCall) -> WaitingCaller:
    return WaitingCaller(
        call_id=call.call_id,
        since=call.waiting_since or call.started_at,
        party=party_view(call.party),
        offered_to=call.offered_to(),
        points=call.standing.points,
        agent=call.standing.agent,
    )


def meeting_view(state: LiveState, number: str) -> MeetingView | None:
    meeting = state.meetings.by_number.get(number)
    if meeting is None:
        return None
    conference = state.meetings.conference(number)
    return MeetingView(
        number=number,
        name=conference.name,
        since=meeting.since,
        locked=meeting.locked,
        recorded=meeting.recorded,
        moderators=conference.moderators,
        guests=tuple(guest_view(state, call_id, visit, meeting.speakers) for call_id, visit in meeting.visits.items()),
    )


def guest_view(state: LiveState, call_id: UUID, visit: Visit, speakers: frozenset[UUID]) -> GuestView:
    call = state.calls.get(call_id)
    return GuestView(
        call_id=call_id,
        extension=visit.extension,
        name=state.name_of(visit.extension) if visit.extension else "",
        party=party_view(call.party) if call and visit.extension is None else None,
        since=visit.since,
        muted=visit.muted,
        speaking=call_id in speakers,
        held=bool(call and call.held_by),
        moderator=visit.moderator,
    )


def notice_view(state: LiveState, notice_id: UUID) -> NoticeView | None:
    notice = state.notices.get(notice_id)
    return NoticeView(id=notice_id, at=notice.at, legs=notice.legs) if notice else None


def missed_view(state: LiveState, key: str) -> MissedView | None:
    missed = state.missed.get(key)
    if missed is None:
        return None
    return MissedView(
        key=key,
        party=party_view(missed.party),
        count=len(missed.calls),
        last_at=missed.last_at,
        line=missed.line,
        outcome=missed.outcome,
        event_id=missed.event_id,
        follow_up=missed.follow_up,
    )


def ticket_view(state: LiveState, ticket_id: UUID) -> TicketView | None:
    ticket = state.tickets.get(ticket_id)
    if ticket is None:
        return None
    return TicketView(
        id=ticket.id,
        number=ticket.number,
        service=ticket.service,
        starts_at=ticket.starts_at,
        booked=ticket.booked,
        state=ticket.state,
        window=ticket.window,
        user_id=ticket.user,
    )


def party_view(party: Party) -> PartyView:
    return PartyView(
        number=party.e164 or party.number, name=party.name, client_id=party.client_id, client_name=party.client_name
    )
