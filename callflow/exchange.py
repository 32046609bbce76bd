"""What every call shares: the switchboard, the lines, the ledger, the dial plan, the rules, the other calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from uuid_utils.compat import uuid7

from callflow.caller_id import CallerIds
from callflow.facts import Direction, Fact
from callflow.flows.book import FlowBook
from callflow.line_book import LineBook
from callflow.live_calls import LiveCalls
from callflow.meeting import Meetings
from callflow.numbers import SEPARATORS
from callflow.permissions import Permissions
from callflow.ports import Clock, FactSink, FlowWebhooks, Prompts, RecordingPlaces, Regulars
from callflow.presence import Presence
from callflow.promises import Promises
from callflow.router import DialPlan, LinePlan, Route, ToLine, ToTrunk, TrunkPlan
from callflow.wishes import WishBook
from pbx.leg import Identity
from pbx.trunks.trunks import Trunks
from pbx.user_agent import UserAgent
from queue_engine.dispatcher import Dispatcher


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRules:
    """Which calls are recorded without anybody asking. What is said of a person stands above what is said of a line or
    a trunk, and that above what is said of all calls of a direction."""

    directions: frozenset[Direction] = frozenset()
    trunks: Mapping[str, bool] = field(default_factory=dict)  # for calls from there; absent: by direction
    people: Mapping[str, bool] = field(default_factory=dict)  # extension -> always, or never
    resume_after: float = 0.0  # seconds after which a pause ends by itself; 0: never

    def applies(self, direction: Direction, route: Route, trunk: str | None = None) -> bool:
        match route:
            case ToTrunk(TrunkPlan(record=bool() as told)):
                return told
            case ToLine(line):
                return line.record
            case _:
                told_of_trunk = self.trunks.get(trunk) if trunk is not None else None
                return direction in self.directions if told_of_trunk is None else told_of_trunk

    def of_people(self, *extensions: str | None) -> bool | None:
        """What is said of those who talk with each other: never, when it is so of one of them; else always; None:
        nothing is said."""
        told = [self.people[each] for each in extensions if each is not None and each in self.people]
        return all(told) if told else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRules:
    """How calls are handed on. Times in seconds."""

    redirects: bool = True  # follow a phone's 3xx, by the rules of a number that it dialled
    transfer_returns: bool = True  # a transfer that nobody takes rings the transferor again
    transfer_timeout: float = 20.0  # ringing of a transfer's target
    recall_timeout: float = 20.0  # ringing of a transferor who gets somebody back
    fallback: str = ""  # our number for whom nobody takes back; "": a prompt, and the end
    park_timeout: float = 120.0  # then a parked call goes back to who parked it
    phone_patience: float = 6.0  # until the first sign of life from a phone that is rung
    pickup_groups: tuple[frozenset[str], ...] = ()  # none: everybody may pick up for everybody

    def may_pick_up(self, who: str, rung: str) -> bool:
        return not self.pickup_groups or any(who in group and rung in group for group in self.pickup_groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    user_agent: UserAgent
    dispatcher: Dispatcher
    presence: Presence
    ledger: FactSink
    clock: Clock
    plan: DialPlan
    prompts: Prompts
    recordings: RecordingPlaces
    recording_rules: RecordingRules = RecordingRules()
    rules: CallRules = CallRules()
    wishes: WishBook = field(default_factory=WishBook)
    live: LiveCalls = field(default_factory=LiveCalls)
    promises: Promises = field(default_factory=Promises)  # callbacks that are owed
    lines: LineBook = field(default_factory=LineBook)
    flows: FlowBook = field(default_factory=FlowBook)
    regulars: Regulars | None = None  # None: callers are nobody's
    webhooks: FlowWebhooks | None = None  # None: a flow's webhooks fail
    meetings: Meetings = field(default_factory=Meetings)
    trunks: Trunks = field(default_factory=Trunks)
    caller_ids: CallerIds = field(default_factory=CallerIds)
    ring_timeout: float = 30.0  # seconds that an extension rings
    names: Mapping[str, str] = field(default_factory=dict)  # extension -> the person's name
    supervisors: frozenset[str] = frozenset()  # extensions whose phones may supervise by a code
    permissions: Permissions = field(default_factory=Permissions)

    def tell(self, kind: type[Fact], /, **values: object) -> None:
        """One more fact, of now."""
        self.ledger.append(kind(id=uuid7(), at=self.clock.now(), **values))  # type: ignore[arg-type]  # the kinds' own constructors check

    def route(self, number: str, *, by: str | None) -> Route:
        """Where `number` leads when `by` has it called: the extension that dials, transfers, forwards, redirects or
        clicks, and so pays; None for a trusted peer. Every way to a number passes here."""
        route = self.plan.from_phone(number)
        return self.permissions.refusal(by, route, self.clock.now()) or route

    def line(self, number: str) -> LinePlan | None:
        return self.plan.lines.get(number)

    def identity(self, extension: str) -> Identity:
        """Our own people under their own names."""
        return Identity(extension, self.names.get(extension, ""))


def typed(number: str) -> str:
    """A number as a person types it, without what is only for the eye: `+38 (044) 123-45-67`."""
    return number.replace("\u00a0", "").translate(SEPARATORS)
