"""What one kind of looker sees of the live state.

A view keeps what its lookers were shown last, so that it can say what changed for them, and nothing more. All sockets
of one view share its numbers and its messages. There are three kinds:

- `StaffView` with a sight of everything, for those with the right to view statuses (R-PANEL-07, R-PANEL-15);
- `StaffView` with a sight of one's own: the own status, the own calls with their cards and the parked ones, the lines
  that the person serves, the conferences that the person is in or moderates, and the missed calls that rang the
  person, came to one of those lines, or are the person's to work on;
- `BoardView`: the hall board, public, numbers and windows only (R-PANEL-16).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from crm_core.organisation import User
from web_panel.live_entries import CardKey, Key, Kind
from web_panel.live_render import Gallery, Rendered
from web_panel.live_state import LiveState
from web_panel.wire import (
    AgentView,
    BoardSnapshot,
    CallView,
    CardView,
    Gone,
    LineView,
    MeetingView,
    MissedView,
    NoticeView,
    Snapshot,
    TicketView,
    changed,
    encode,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a signed-in person may see live, from that person's rights."""

    user_id: UUID
    everything: bool  # else only what is the person's own
    statuses: bool = field(default=False, kw_only=True)  # other people's too ("View user statuses", R-PANEL-07)
    phones: bool  # statuses, calls, lines, missed calls
    hall: bool  # the waiting tickets
    user: User | None = field(default=None, compare=False)  # by whose rights cards are looked up; None: no cards

    @property
    def key(self) -> str:
        """Sockets with the same key share one view."""
        own = "" if self.everything else f":{self.user_id}"
        return f"staff:{self.phones:d}{self.hall:d}{self.statuses:d}{own}"


@dataclass(slots=True)
class View:
    """Sequence numbers and the memory of what was shown; what is seen is the business of the two views below."""

    seq: int = 0
    shown: dict[Key, Rendered] = field(default_factory=dict)

    def sees(self, state: LiveState, key: Key) -> bool:
        raise NotImplementedError

    def snapshot(self, state: LiveState, at: datetime) -> Snapshot | BoardSnapshot:
        raise NotImplementedError

    def load(self, state: LiveState, gallery: Gallery) -> None:
        """Start from the whole state: for a view's first looker, and after a reseed."""
        self.shown = {
            key: rendered for key, rendered in gallery.entries.items() if not rendered.is_over and self.sees(state, key)
        }

    def changes(self, state: LiveState, gallery: Gallery, touched: Iterable[Key]) -> Iterator[str]:
        """What these lookers have not been shown yet, numbered and encoded."""
        for key in touched:
            rendered = gallery.entries.get(key) if self.sees(state, key) else None
            if rendered is self.shown.get(key):
                continue
            if rendered is None or rendered.is_over:
                if self.shown.pop(key, None) is None:
                    continue
            else:
                self.shown[key] = rendered
            self.seq += 1
            if rendered is None:
                yield encode(Gone(seq=self.seq, kind=key[0], id=str(key[1])))
            else:
                yield changed(key[0], self.seq, rendered.body)


@dataclass(slots=True)
class StaffView(View):
    sight: Sight = field(kw_only=True)

    def sees(self, state: LiveState, key: Key) -> bool:
        match key:
            case Kind.TICKET, _:
                return self.sight.hall
            case Kind.BOARD, _:
                return True
            case Kind.AGENT, user_id:
                return self.sight.everything or self.sight.statuses or user_id == self.sight.user_id
            case _ if not self.sight.phones:
                return False
            case Kind.CARD, CardKey(call_id, viewer):
                if self.sight.everything:
                    return viewer is None
                return viewer == self.sight.user_id and self._takes_part(state, call_id)
            case _ if self.sight.everything:
                return True
            case Kind.CALL, UUID() as call_id:
                return self._takes_part(state, call_id)
            case Kind.LINE, str(number):
                return self._serves(state, number)
            case Kind.MEETING, str(number):
                return state.meetings.is_there(self._extension(state), number)
            case Kind.MISSED, str(missed):
                return self._missed_by(state, missed)
            case _:
                return False

    def snapshot(self, state: LiveState, at: datetime) -> Snapshot:
        entries = [rendered.entry for rendered in self.shown.values()]
        return Snapshot(
            seq=self.seq,
            at=at,
            agents=tuple(entry for entry in entries if isinstance(entry, AgentView)),
            calls=tuple(entry for entry in entries if isinstance(entry, CallView)),
            lines=tuple(entry for entry in entries if isinstance(entry, LineView)),
            meetings=tuple(entry for entry in entries if isinstance(entry, MeetingView)),
            notices=tuple(entry for entry in entries if isinstance(entry, NoticeView)),
            missed=tuple(entry for entry in entries if isinstance(entry, MissedView)),
            cards=tuple(entry for entry in entries if isinstance(entry, CardView)),
            tickets=tuple(entry for entry in entries if isinstance(entry, TicketView)),
            services=tuple(state.services.values()),
            board=state.board,
        )

    def _extension(self, state: LiveState) -> str | None:
        person = state.people.get(self.sight.user_id)
        return person.extension if person else None

    def _takes_part(self, state: LiveState, call_id: UUID) -> bool:
        call = state.calls.get(call_id)
        if call and call.ended_at:  # nobody is in it any more: who saw it live is shown its end
            return (Kind.CALL, call_id) in self.shown
        # Who is parked may be fetched by anybody with a phone.
        return state.said.takes_part(self._extension(state), call_id) or (call is not None and call.orbit is not None)

    def _serves(self, state: LiveState, number: str | None) -> bool:
        line = state.lines.get(number) if number else None
        return line is not None and self._extension(state) in line.agents

    def _missed_by(self, state: LiveState, key: str) -> bool:
        """The rule of `crm_core.access` for unanswered calls and follow-ups."""
        missed = state.missed.get(key)
        if missed is None:
            return False
        owner = missed.follow_up.owner_id if missed.follow_up else None
        return owner == self.sight.user_id or self._extension(state) in missed.rung or self._serves(state, missed.line)


@dataclass(slots=True)
class BoardView(View):
    def sees(self, state: LiveState, key: Key) -> bool:
        return key[0] is Kind.BOARD

    def snapshot(self, state: LiveState, at: datetime) -> BoardSnapshot:
        return BoardSnapshot(seq=self.seq, at=at, board=state.board)
