"""Facts as they would come from the switchboard, told in one line each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from uuid import UUID, uuid5

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
    Direction,
    EndedBy,
    Fact,
    ForwardingChanged,
    ForwardKind,
    OfferEnd,
    OfferEnded,
    Outcome,
    PartyIntroduced,
    PhoneOffline,
    PhoneOnline,
    PhoneSettingsChanged,
    RecordingLosesSound,
    RecordingPaused,
    RecordingReady,
    RecordingResumed,
    RecordingStarted,
    SegmentEnded,
    SoundChanged,
    SoundTrouble,
    Target,
    TransferConsulting,
    TransferEnd,
    TransferEnded,
    TransferKind,
    TransferStarted,
    UnparkKind,
)
from queue_engine.facts import AgentDeclared, QueueFact, TicketCalled, TicketIssued, TicketServed, Will
from web_panel.live_entries import Line, Person

BEGIN = datetime(2030, 1, 7, 9, 30, tzinfo=UTC)
NAMESPACE = UUID("0190b0c4-0000-7000-8000-000000000000")


def named(name: str) -> UUID:
    """The same id for the same name, so that a failing test reads well."""
    return uuid5(NAMESPACE, name)


OLENA = Person(user_id=named("olena"), name="Олена Коваль", extension="1001", window="1")
IVAN = Person(user_id=named("ivan"), name="Іван Мельник", extension="1002")
MARTA = Person(user_id=named("marta"), name="Марта Шевченко", extension="1003", window="3")
SUPPORT = Line(number="7000", name="Підтримка", agents=("1003",))
SERVICE = named("service")


class Stamp(TypedDict):
    id: UUID
    at: datetime


@dataclass
class Story:
    """Each method makes the fact, a second after the one before it."""

    at: datetime = BEGIN
    _count: int = field(default=0)

    def _next(self) -> Stamp:
        self._count += 1
        self.at += timedelta(seconds=1)
        return Stamp(id=named(f"fact {self._count}"), at=self.at)

    def started(
        self,
        call: str,
        *,
        direction: Direction = Direction.INBOUND,
        number: str = "+380671234567",
        name: str = "",
        caller: str | None = None,
        dialled: str | None = "+380441234567",
    ) -> list[Fact]:
        party = named(f"party of {call}")
        return [
            PartyIntroduced(
                party=party, number=number, name=name, extension=direction is Direction.INTERNAL, **self._next()
            ),
            CallStarted(
                call_id=named(call), direction=direction, party=party, caller=caller, dialled=dialled, **self._next()
            ),
        ]

    def internal(self, call: str, caller: str, dialled: str) -> list[Fact]:
        return self.started(call, direction=Direction.INTERNAL, number=caller, caller=caller, dialled=dialled)

    def outbound(self, call: str, caller: str, number: str) -> list[Fact]:
        return self.started(call, direction=Direction.OUTBOUND, number=number, caller=caller, dialled=None)

    def routed(self, call: str, target: Target, number: str) -> Fact:
        return CallRouted(call_id=named(call), target=target, number=number, **self._next())

    def queued(self, call: str, line: str = "7000") -> Fact:
        return CallQueued(call_id=named(call), line=line, **self._next())

    def offered(self, call: str, extension: str) -> Fact:
        return CallOffered(call_id=named(call), leg=named(f"{call} {extension}"), extension=extension, **self._next())

    def offer_ended(self, call: str, extension: str, reason: OfferEnd = OfferEnd.NO_ANSWER) -> Fact:
        return OfferEnded(
            call_id=named(call), leg=named(f"{call} {extension}"), extension=extension, reason=reason, **self._next()
        )

    def answered(self, call: str, extension: str) -> Fact:
        return CallAnswered(
            call_id=named(call),
            segment=named(f"{call} segment {extension}"),
            leg=named(f"{call} {extension}"),
            extension=extension,
            **self._next(),
        )

    def segment_ended(self, call: str, extension: str) -> Fact:
        return SegmentEnded(
            call_id=named(call), segment=named(f"{call} segment {extension}"), extension=extension, **self._next()
        )

    def held(self, call: str, by: str | None) -> Fact:
        return CallHeld(call_id=named(call), by=by, **self._next())

    def resumed(self, call: str, by: str | None) -> Fact:
        return CallResumed(call_id=named(call), by=by, **self._next())

    def parked(self, call: str, by: str, orbit: str = "*701") -> Fact:
        return CallParked(call_id=named(call), orbit=orbit, by=by, **self._next())

    def unparked(self, call: str, by: str, orbit: str = "*701") -> Fact:
        return CallUnparked(call_id=named(call), orbit=orbit, kind=UnparkKind.RETRIEVED, by=by, **self._next())

    def hands_on(self, call: str, by: str, target: str, kind: TransferKind = TransferKind.BLIND) -> Fact:
        transfer = named(f"transfer of {call}")
        return TransferStarted(call_id=named(call), transfer=transfer, kind=kind, by=by, target=target, **self._next())

    def consults(self, call: str) -> Fact:
        return TransferConsulting(call_id=named(call), transfer=named(f"transfer of {call}"), **self._next())

    def handed_on(self, call: str, end: TransferEnd = TransferEnd.COMPLETED) -> Fact:
        return TransferEnded(call_id=named(call), transfer=named(f"transfer of {call}"), end=end, **self._next())

    def undisturbed(self, extension: str, on: bool) -> Fact:
        return PhoneSettingsChanged(extension=extension, do_not_disturb=on, **self._next())

    def forwards(self, extension: str, kind: ForwardKind, target: str | None) -> Fact:
        return ForwardingChanged(extension=extension, kind=kind, target=target, **self._next())

    def recorded(self, call: str, by: str | None = None) -> Fact:
        return RecordingStarted(call_id=named(call), recording=named(f"recording of {call}"), by=by, **self._next())

    def recording_pauses(self, call: str, on: bool = True) -> Fact:
        kind = RecordingPaused if on else RecordingResumed
        return kind(call_id=named(call), recording=named(f"recording of {call}"), **self._next())

    def recording_loses(self, call: str, over: bool = False) -> Fact:
        recording = named(f"recording of {call}")
        return RecordingLosesSound(call_id=named(call), recording=recording, reason="full", over=over, **self._next())

    def recording_ready(self, call: str, recording: str | None = None) -> Fact:
        of = named(recording or f"recording of {call}")
        return RecordingReady(call_id=named(call), recording=of, file="a.dzr", seconds=1.0, **self._next())

    def sounds(
        self,
        call: str,
        grade: str | None = None,
        mos: float | None = None,
        *,
        worst: str | None = None,
        trouble: SoundTrouble | None = None,
    ) -> Fact:
        return SoundChanged(call_id=named(call), grade=grade, mos=mos, trouble=trouble, worst=worst, **self._next())

    def ended(self, call: str, outcome: Outcome = Outcome.ANSWERED) -> Fact:
        return CallEnded(call_id=named(call), outcome=outcome, ended_by=EndedBy.CALLER, **self._next())

    def missed(self, call: str, number: str = "+380671234567", line: str = "7000") -> list[Fact]:
        """A caller who waits in a line and gives up."""
        return [*self.started(call, number=number), self.queued(call, line), self.ended(call, Outcome.ABANDONED)]

    def online(self, extension: str) -> Fact:
        return PhoneOnline(extension=extension, **self._next())

    def offline(self, extension: str) -> Fact:
        return PhoneOffline(extension=extension, **self._next())

    def declared(self, person: Person, will: Will, reason: str = "") -> QueueFact:
        return AgentDeclared(
            user=person.user_id, extension=person.extension, will=will, reason=reason, by=person.user_id, **self._next()
        )

    def ticket(self, number: str, *, booked: bool = False) -> QueueFact:
        return TicketIssued(
            ticket=named(f"ticket {number}"),
            service=SERVICE,
            number=number,
            starts_at=BEGIN,
            booked=booked,
            **self._next(),
        )

    def ticket_called(self, number: str, person: Person) -> QueueFact:
        return TicketCalled(
            ticket=named(f"ticket {number}"),
            service=SERVICE,
            number=number,
            window=person.window or "",
            user=person.user_id,
            **self._next(),
        )

    def ticket_served(self, number: str, person: Person) -> QueueFact:
        return TicketServed(
            ticket=named(f"ticket {number}"), service=SERVICE, number=number, user=person.user_id, **self._next()
        )
