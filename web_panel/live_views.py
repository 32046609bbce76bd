"""What one kind of looker sees of the live state.

A view renders entries and keeps what it showed last, so that it can say what changed for its lookers, and nothing
more. All sockets of one view share its numbers and its encoded messages. There are three kinds:

- `StaffView` with a sight of everything, for those with the right to view statuses (R-PANEL-07, R-PANEL-15);
- `StaffView` with a sight of one's own: the own status, the own calls, the lines that the person serves, and the
  missed calls that rang the person, came to one of those lines, or are the person's to work on;
- `BoardView`: the hall board, public, numbers and windows only (R-PANEL-16).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from queue_engine.facts import Will
from web_panel.live_calls import LiveCall, Party
from web_panel.live_entries import Key, Kind
from web_panel.live_state import LiveState
from web_panel.statuses import CallState, TicketState
from web_panel.wire import (
    AgentChanged,
    AgentView,
    BoardChanged,
    BoardLineView,
    BoardSnapshot,
    CallChanged,
    CallPerson,
    CallView,
    Change,
    Gone,
    LineChanged,
    LineView,
    MissedChanged,
    MissedView,
    PartyView,
    Snapshot,
    TicketChanged,
    TicketView,
    WaitingCaller,
)

Entry = AgentView | CallView | LineView | MissedView | TicketView | tuple[BoardLineView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a signed-in person may see live, from that person's rights."""

    user_id: UUID
    everything: bool  # else only what is the person's own
    phones: bool  # statuses, calls, lines, missed calls
    hall: bool  # the waiting tickets

    @property
    def key(self) -> str:
        """Sockets with the same key share one view."""
        own = "" if self.everything else f":{self.user_id}"
        return f"staff:{self.phones:d}{self.hall:d}{own}"


@dataclass(slots=True)
class View:
    """Sequence numbers and the memory of what was shown; what is shown is the business of the two views below."""

    seq: int = 0
    shown: dict[Key, Entry] = field(default_factory=dict)

    def render(self, state: LiveState, key: Key) -> Entry | None:
        raise NotImplementedError

    def snapshot(self, state: LiveState, at: datetime) -> Snapshot | BoardSnapshot:
        raise NotImplementedError

    def everything(self, state: LiveState) -> Iterable[Key]:
        raise NotImplementedError

    def load(self, state: LiveState) -> None:
        """Start from the whole state: for a view's first looker, and after a reseed."""
        self.shown = {}
        for key in self.everything(state):
            entry = self.render(state, key)
            if entry is not None and not _is_over(entry):
                self.shown[key] = entry

    def changes(self, state: LiveState, touched: Iterable[Key]) -> Sequence[Change]:
        """What these lookers have not been shown yet, numbered."""
        changes: list[Change] = []
        for key in touched:
            entry = self.render(state, key)
            if entry == self.shown.get(key):
                continue
            if entry is None or _is_over(entry):
                was_shown = self.shown.pop(key, None) is not None
                if not was_shown:
                    continue
            else:
                self.shown[key] = entry
            self.seq += 1
            changes.append(_changed(self.seq, key, entry))
        return changes


@dataclass(slots=True)
class StaffView(View):
    sight: Sight = field(kw_only=True)

    def everything(self, state: LiveState) -> Iterable[Key]:
        yield from ((Kind.AGENT, user_id) for user_id in state.people)
        yield from ((Kind.CALL, call_id) for call_id in state.calls)
        yield from ((Kind.LINE, number) for number in state.lines)
        yield from ((Kind.MISSED, key) for key in state.missed)
        yield from ((Kind.TICKET, ticket) for ticket in state.tickets)
        yield (Kind.BOARD, "")

    def render(self, state: LiveState, key: Key) -> Entry | None:
        match key:
            case Kind.TICKET, UUID() as ticket:
                return ticket_view(state, ticket) if self.sight.hall else None
            case Kind.BOARD, _:
                return state.board
            case Kind.AGENT, UUID() as user_id:
                return agent_view(state, user_id) if self.sight.everything or user_id == self.sight.user_id else None
            case _:
                return self._of_phones(state, key) if self.sight.phones else None

    def _of_phones(self, state: LiveState, key: Key) -> Entry | None:
        match key:
            case Kind.CALL, UUID() as call_id:
                call = state.calls.get(call_id)
                return call_view(state, call) if call and self._takes_part(state, key, call) else None
            case Kind.LINE, str(number):
                return line_view(state, number) if self._serves(state, number) else None
            case Kind.MISSED, str(missed):
                return missed_view(state, missed) if self._missed_by(state, missed) else None
            case _:
                return None

    def snapshot(self, state: LiveState, at: datetime) -> Snapshot:
        shown = self.shown.values()
        return Snapshot(
            seq=self.seq,
            at=at,
            agents=tuple(entry for entry in shown if isinstance(entry, AgentView)),
            calls=tuple(entry for entry in shown if isinstance(entry, CallView)),
            lines=tuple(entry for entry in shown if isinstance(entry, LineView)),
            missed=tuple(entry for entry in shown if isinstance(entry, MissedView)),
            tickets=tuple(entry for entry in shown if isinstance(entry, TicketView)),
            services=tuple(state.services.values()),
            board=state.board,
        )

    def _extension(self, state: LiveState) -> str | None:
        person = state.people.get(self.sight.user_id)
        return person.extension if person else None

    def _takes_part(self, state: LiveState, key: Key, call: LiveCall) -> bool:
        if self.sight.everything:
            return True
        if call.ended_at:  # nobody is in it any more: who saw it live is shown its end
            return key in self.shown
        return self._extension(state) in call.extensions()

    def _serves(self, state: LiveState, number: str | None) -> bool:
        line = state.lines.get(number) if number else None
        return self.sight.everything or (line is not None and self._extension(state) in line.agents)

    def _missed_by(self, state: LiveState, key: str) -> bool:
        """The rule of `crm_core.access` for unanswered calls and follow-ups."""
        missed = state.missed.get(key)
        if missed is None or self.sight.everything:
            return missed is not None
        owner = missed.follow_up.owner_id if missed.follow_up else None
        return owner == self.sight.user_id or self._extension(state) in missed.rung or self._serves(state, missed.line)


@dataclass(slots=True)
class BoardView(View):
    def everything(self, state: LiveState) -> Iterable[Key]:
        return ((Kind.BOARD, ""),)

    def render(self, state: LiveState, key: Key) -> Entry | None:
        return state.board if key[0] is Kind.BOARD else None

    def snapshot(self, state: LiveState, at: datetime) -> BoardSnapshot:
        return BoardSnapshot(seq=self.seq, at=at, board=state.board)


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
        since=state.status_since(user_id),
        online=person.extension in state.online,
        ready=declared is None or declared.will is Will.READY,
        reason=declared.reason if declared else "",
        calls=tuple(state.calls_of.get(person.extension, ())) if person.extension else (),
        ticket=ticket.number if ticket else None,
    )


def call_view(state: LiveState, call: LiveCall) -> CallView:
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
        recorded=call.recorded,
        event_id=call.event_id,
        outcome=call.outcome,
    )


def line_view(state: LiveState, number: str) -> LineView | None:
    line = state.lines.get(number)
    if line is None:
        return None
    callers = (state.calls[call_id] for call_id in state.waiting.get(number, ()))
    waiting = [
        WaitingCaller(
            call_id=call.call_id,
            since=call.waiting_since,
            party=party_view(call.party),
            offered_to=call.offered_to(),
        )
        for call in callers
        if call.waiting_since
    ]
    waiting.sort(key=lambda caller: caller.since)
    return LineView(
        number=number, name=line.name, agents=line.agents, free=state.free_agents(line), waiting=tuple(waiting)
    )


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


def _is_over(entry: Entry) -> bool:
    """Shown once more, then no longer."""
    return (isinstance(entry, CallView) and entry.state is CallState.ENDED) or (
        isinstance(entry, TicketView) and entry.state is TicketState.SERVED
    )


def _changed(seq: int, key: Key, entry: Entry | None) -> Change:
    match entry:
        case AgentView():
            return AgentChanged(seq=seq, agent=entry)
        case CallView():
            return CallChanged(seq=seq, call=entry)
        case LineView():
            return LineChanged(seq=seq, line=entry)
        case MissedView():
            return MissedChanged(seq=seq, missed=entry)
        case TicketView():
            return TicketChanged(seq=seq, ticket=entry)
        case None:
            return Gone(seq=seq, kind=key[0], id=str(key[1]))
        case _:
            return BoardChanged(seq=seq, board=entry)
