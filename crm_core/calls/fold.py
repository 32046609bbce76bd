"""A call as its facts tell it: a pure fold, one `case` for each kind of fact.

*Missed* is decided once, at the end: nobody was joined with the caller. A call that a server's death interrupted stays
answered if it had been answered. Facts that come after the end, twice, or out of turn change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from callflow.facts import (
    CallAnswered,
    CallEnded,
    CallFact,
    CallHeld,
    CallOffered,
    CallQueued,
    CallResumed,
    CallRouted,
    CallStarted,
    Direction,
    OfferEnded,
    Outcome,
    SegmentEnded,
    Target,
)
from callflow.meeting_facts import MeetingJoined, MeetingLeft


@dataclass(slots=True, kw_only=True)
class CallRow:
    """A row of table `call`: the field names are its columns, in its order."""

    id: UUID
    direction: Direction
    party_id: UUID
    party_keys: list[str]
    caller: str | None
    dialled: str | None
    trunk: str | None
    sip_call_id: str
    target: Target | None = None
    target_number: str | None = None
    line: str | None = None
    rung: str | None = None
    taken_by: str | None = None
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    ended_by: str | None = None
    talk_seconds: float = 0.0
    missed: bool = False
    event_id: UUID | None = None  # None: left out by the short-number rule
    held_by: list[str] = field(default_factory=list)  # extensions; "": the outside party
    held_since: datetime | None = None
    held_seconds: float = 0.0
    follow_up_id: UUID | None = None  # whose call-back button placed it
    waiting_since: datetime | None = None  # joined the first of the lines in which it waits now


@dataclass(slots=True, kw_only=True)
class SegmentRow:
    id: UUID
    call_id: UUID
    extension: str
    started_at: datetime
    ended_at: datetime | None = None
    leg: UUID | None = None  # of the offer that was taken
    wait_seconds: float | None = None  # in lines before it; None: came through none
    held_seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class OfferRow:
    leg: UUID
    call_id: UUID
    extension: str
    offered_at: datetime
    ended_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The call's first segment has begun: somebody was reached."""

    call: CallRow
    at: datetime
    extension: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over and what it was is decided."""

    call: CallRow
    at: datetime


Turn = Answered | Ended


@dataclass(slots=True)
class CallFold:
    call: CallRow
    segments: dict[UUID, SegmentRow] = field(default_factory=dict)
    offers: dict[UUID, OfferRow] = field(default_factory=dict)

    def apply(self, fact: CallFact) -> Turn | None:
        """Take in one fact; return the turn that the call took by it, if any."""
        call = self.call
        if call.ended_at is not None:
            return None  # decided once
        match fact:
            case CallRouted(target=target, number=number):
                call.target, call.target_number = target, number
                if target is Target.LINE:
                    call.line = number

            case CallQueued(line=line, at=at):
                call.line = line
                call.waiting_since = call.waiting_since or at  # a line that overflows hands its callers' wait on

            case CallOffered(leg=leg, extension=extension, at=at):
                call.rung = extension
                self.offers[leg] = OfferRow(leg=leg, call_id=call.id, extension=extension, offered_at=at)

            case OfferEnded():
                self._end_offer(fact)

            case CallAnswered():
                return self._answer(fact)

            case MeetingJoined():
                self._begin_segment(fact.visit, fact.extension or "", fact.at)

            case SegmentEnded(segment=segment, at=at) | MeetingLeft(visit=segment, at=at):
                self._end_segment(segment, at)

            case CallHeld() | CallResumed():
                self._hold_changed(fact)

            case CallEnded():
                return self._end(fact)

            case _:
                pass  # ringing: the live panel's business
        return None

    def _end_offer(self, fact: OfferEnded) -> None:
        unknown = OfferRow(leg=fact.leg, call_id=self.call.id, extension=fact.extension, offered_at=fact.at)
        offer = self.offers.setdefault(fact.leg, unknown)
        offer.ended_at, offer.reason = fact.at, fact.reason

    def _answer(self, fact: CallAnswered) -> Answered | None:
        if fact.segment in self.segments:
            return None
        call = self.call
        self._begin_segment(fact.segment, fact.extension, fact.at)
        self._of_what(self.segments[fact.segment], fact)
        if call.answered_at is not None:
            return None  # a further segment: the call was answered before
        call.answered_at, call.taken_by = fact.at, fact.extension
        return Answered(call, fact.at, fact.extension)

    def _of_what(self, segment: SegmentRow, fact: CallAnswered) -> None:
        call = self.call
        segment.leg = fact.leg
        if call.waiting_since is not None:
            segment.wait_seconds = max(0.0, (fact.at - call.waiting_since).total_seconds())
            call.waiting_since = None

    def _begin_segment(self, segment: UUID, extension: str, at: datetime) -> None:
        self.segments.setdefault(
            segment, SegmentRow(id=segment, call_id=self.call.id, extension=extension, started_at=at)
        )

    def _hold_changed(self, fact: CallHeld | CallResumed) -> None:
        holder = {fact.by or ""}
        before = {*self.call.held_by}
        self._hold(before | holder if isinstance(fact, CallHeld) else before - holder, fact.at)

    def _hold(self, holders: set[str], at: datetime) -> None:
        """Time counts once, however many hold each other."""
        call = self.call
        if call.held_since is not None:
            call.held_seconds += max(0.0, (at - call.held_since).total_seconds())
            for segment in self.segments.values():
                if segment.ended_at is None:
                    begin = max(call.held_since, segment.started_at)
                    segment.held_seconds += max(0.0, (at - begin).total_seconds())
        call.held_by, call.held_since = sorted(holders), at if holders else None

    def _end(self, fact: CallEnded) -> Ended:
        self._hold(set(), fact.at)
        for segment_id in self.segments:
            self._end_segment(segment_id, fact.at)
        call = self.call
        call.ended_at, call.outcome, call.ended_by = fact.at, fact.outcome, fact.ended_by
        # `answered` without a segment is a call that a menu or a conference took: nobody was missed.
        call.missed = call.answered_at is None and fact.outcome is not Outcome.ANSWERED
        return Ended(call, fact.at)

    def _end_segment(self, segment_id: UUID, at: datetime) -> None:
        segment = self.segments.get(segment_id)
        if segment is None or segment.ended_at is not None:
            return
        self._hold({*self.call.held_by}, at)  # what of the hold is this segment's
        segment.ended_at = at
        self.call.talk_seconds += max(0.0, (at - segment.started_at).total_seconds())


def started(fact: CallStarted, *, party_keys: list[str], event_id: UUID | None) -> CallFold:
    """The fold of a call that has just begun."""
    return CallFold(
        CallRow(
            id=fact.call_id,
            direction=fact.direction,
            party_id=fact.party,
            party_keys=party_keys,
            caller=fact.caller,
            dialled=fact.dialled,
            trunk=fact.trunk,
            sip_call_id=fact.sip_call_id,
            started_at=fact.at,
            event_id=event_id,
            follow_up_id=fact.follow_up,
        )
    )
