"""A small company for tests, and calls told as facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID

from uuid_utils.compat import uuid7

from callflow.facts import (
    CallAnswered,
    CallEnded,
    CallHeld,
    CallOffered,
    CallQueued,
    CallResumed,
    CallRinging,
    CallRouted,
    CallStarted,
    Direction,
    EndedBy,
    Fact,
    LegMeasured,
    OfferEnd,
    OfferEnded,
    Outcome,
    PartyIntroduced,
    RecordingReady,
    RecordingStarted,
    SegmentEnded,
    Target,
    TransferEnd,
    TransferEnded,
    TransferKind,
    TransferStarted,
)
from callflow.line_facts import CallLeftLine, LineEnd
from crm_core import ledger, organisation, seed
from crm_core.database import Connection
from crm_core.fact_codec import AnyFact
from crm_core.organisation import Role, User
from crm_core.projection import project
from crm_core.seed import Seed, SeedLine, SeedService, SeedUser

MORNING = datetime(2030, 1, 7, 7, 30, tzinfo=UTC)  # half past nine in Kyiv, a Monday

COMPANY = Seed(
    users=[
        SeedUser(login="olena", full_name="Олена Коваль", role=Role.AGENT, extension="1001", window="1"),
        SeedUser(login="taras", full_name="Тарас Шум", role=Role.AGENT, extension="1002", window="2"),
        SeedUser(login="iryna", full_name="Ірина Гай", role=Role.AGENT, extension="1003", window="3"),
        SeedUser(login="borys", full_name="Борис Лев", role=Role.SUPERVISOR, extension="1010"),
        SeedUser(login="admin", full_name="Адмін", role=Role.ADMIN),
        SeedUser(login="hanna", full_name="Ганна Зал", role=Role.HALL),
    ],
    lines=[SeedLine(number="7000", name="Sales", agents=["1002", "1003"])],
    services=[
        SeedService(
            code="docs", name={"uk": "Довідки", "en": "Papers"}, prefix="A", slot_minutes=15, agents=["olena", "taras"]
        ),
        SeedService(code="pay", name={"uk": "Каса", "en": "Cash"}, prefix="B", slot_minutes=10, agents=["iryna"]),
    ],
)


async def found_company(conn: Connection, **settings: str) -> dict[str, User]:
    """Set the company up; return its people by login."""
    await seed.apply(conn, Seed(users=COMPANY.users, lines=COMPANY.lines, services=COMPANY.services, settings=settings))
    return {user.login: user for user in await organisation.all_users(conn)}


async def tell(conn: Connection, *stories: Sequence[AnyFact]) -> None:
    """What the ledger writer does with a batch."""
    facts = [fact for story in stories for fact in story]
    async with conn.transaction():
        await project(conn, await ledger.write(conn, facts))


class _Told(TypedDict):
    id: UUID
    at: datetime
    call_id: UUID


@dataclass(slots=True)
class Telling:
    """One call, told fact by fact; a second passes between two facts."""

    at: datetime = MORNING
    call_id: UUID = field(default_factory=uuid7)
    facts: list[Fact] = field(default_factory=list)
    segment: UUID = field(default_factory=uuid7)
    recording: UUID = field(default_factory=uuid7)
    leg: UUID = field(default_factory=uuid7)
    transfer: UUID = field(default_factory=uuid7)

    def inbound(self, number: str, *, name: str = "", to: str = "+380441234567") -> Telling:
        return self._begin(Direction.INBOUND, number, name=name, dialled=to, trunk="kyivstar")

    def outbound(self, extension: str, number: str, *, follow_up: UUID | None = None) -> Telling:
        return self._begin(Direction.OUTBOUND, number, caller=extension, follow_up=follow_up)

    def internal(self, extension: str, dialled: str) -> Telling:
        return self._begin(Direction.INTERNAL, extension, caller=extension, dialled=dialled, internal=True)

    def to_line(self, line: str = "7000") -> Telling:
        self._add(CallRouted(**self._next(), target=Target.LINE, number=line))
        self._add(CallQueued(**self._next(), line=line))
        return self

    def leaves_line(self, reason: LineEnd, line: str = "7000", *, to: str = "", key: str = "") -> Telling:
        self._add(CallLeftLine(**self._next(), line=line, reason=reason, to=to, key=key))
        return self

    def to_extension(self, extension: str) -> Telling:
        self._add(CallRouted(**self._next(), target=Target.EXTENSION, number=extension))
        return self

    def rings(self, extension: str) -> Telling:
        self.leg = uuid7()
        self._add(CallOffered(**self._next(), leg=self.leg, extension=extension))
        self._add(CallRinging(**self._next(), leg=self.leg, extension=extension))
        return self

    def stops_ringing(self, extension: str, reason: OfferEnd = OfferEnd.NO_ANSWER) -> Telling:
        self._add(OfferEnded(**self._next(), leg=self.leg, extension=extension, reason=reason))
        return self

    def answered(self, extension: str) -> Telling:
        self.segment = uuid7()
        self._add(CallAnswered(**self._next(), segment=self.segment, leg=self.leg, extension=extension))
        return self

    def talked(self, extension: str, seconds: float) -> Telling:
        self.at += timedelta(seconds=seconds - 1)
        self._add(SegmentEnded(**self._next(), segment=self.segment, extension=extension))
        return self

    def held(self, by: str | None, seconds: float) -> Telling:
        """For so long, and taken back."""
        self._add(CallHeld(**self._next(), by=by))
        self.at += timedelta(seconds=seconds - 1)
        self._add(CallResumed(**self._next(), by=by))
        return self

    def measured(self, extension: str | None, **figures: float | None) -> Telling:
        """The leg of that extension has ended."""
        usual: dict[str, Any] = {
            "received": 3000, "lost": 0, "jitter_ms": 1.0, "round_trip_ms": None, "remote_lost": 0, "mos": 4.4,
            "remote_mos": None, "worst_mos": None, "joined_seconds": 60.0, "talk_seconds": 20.0,
            "overtalk_seconds": 3.0, "silence_seconds": 12.0,
        }  # fmt: skip
        self._add(LegMeasured(**self._next(), leg=uuid7(), extension=extension, codec="pcma", **{**usual, **figures}))
        return self

    def hands_on(
        self, by: str, target: str, kind: TransferKind = TransferKind.BLIND, *, outside: bool = False
    ) -> Telling:
        """`by` begins to hand the customer on."""
        self.transfer = uuid7()
        party = uuid7() if outside else None
        if party is not None:
            self.facts.append(PartyIntroduced(id=uuid7(), at=self.at, party=party, number=target))
        ours = None if outside else target
        self._add(TransferStarted(**self._next(), transfer=self.transfer, kind=kind, by=by, target=ours, party=party))
        return self

    def handed_on(self, end: TransferEnd = TransferEnd.COMPLETED) -> Telling:
        self._add(TransferEnded(**self._next(), transfer=self.transfer, end=end))
        return self

    def recorded(self) -> Telling:
        self._add(RecordingStarted(**self._next(), recording=self.recording))
        return self

    def recording_ready(self, seconds: float = 12.5) -> Telling:
        file = f"2030/01/07/{self.recording}.dzr"
        self._add(RecordingReady(**self._next(), recording=self.recording, file=file, seconds=seconds))
        return self

    def ended(self, outcome: Outcome = Outcome.ANSWERED, by: EndedBy = EndedBy.CALLER) -> Telling:
        self._add(CallEnded(**self._next(), outcome=outcome, ended_by=by))
        return self

    def _begin(
        self,
        direction: Direction,
        number: str,
        *,
        name: str = "",
        caller: str | None = None,
        dialled: str | None = None,
        trunk: str | None = None,
        internal: bool = False,
        follow_up: UUID | None = None,
    ) -> Telling:
        party = uuid7()
        self.facts.append(
            PartyIntroduced(id=uuid7(), at=self.at, party=party, number=number, name=name, extension=internal)
        )
        self._add(
            CallStarted(
                id=uuid7(),
                at=self.at,
                call_id=self.call_id,
                direction=direction,
                party=party,
                caller=caller,
                dialled=dialled,
                trunk=trunk,
                follow_up=follow_up,
            )
        )
        return self

    def _next(self) -> _Told:
        self.at += timedelta(seconds=1)
        return {"id": uuid7(), "at": self.at, "call_id": self.call_id}

    def _add(self, fact: Fact) -> None:
        self.facts.append(fact)


def missed_call(number: str, *, at: datetime = MORNING, rang: str | None = None) -> Telling:
    """From outside to line 7000; nobody takes it and the caller gives up."""
    telling = Telling(at).inbound(number).to_line()
    if rang:
        telling.rings(rang).stops_ringing(rang)
    return telling.ended(Outcome.ABANDONED)


def answered_call(number: str, *, by: str = "1003", at: datetime = MORNING, seconds: float = 60) -> Telling:
    """From outside to line 7000, taken by one of its agents."""
    return Telling(at).inbound(number).to_line().rings(by).answered(by).talked(by, seconds).ended()


def call_back(number: str, *, by: str = "1003", at: datetime = MORNING) -> Telling:
    """An agent calls an outside number, which answers."""
    return Telling(at).outbound(by, number).answered(by).talked(by, 30).ended()
