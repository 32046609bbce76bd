"""What a dialled number means. Pure: the dial plan is a value, routing a function of it.

The dial plan decides before anything is taken for a telephone number: extensions, lines and menus are not E.164.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from callflow.dids import Dids
from callflow.facts import Direction, Outcome
from callflow.feature_codes import FeatureCodes, ToFeature
from callflow.flows.calendar import Calendar
from callflow.numbers import LONGEST_NUMBER, NumberPlan, Rule, is_dialable
from callflow.saying import Language


class Order(StrEnum):
    """Whose phone is rung first, when we call somebody for a line."""

    AGENT_FIRST = "agent_first"
    PARTY_FIRST = "party_first"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPlan:
    """Callers may leave the line by `key` and are called back at their place. Times in seconds."""

    key: str = ""  # "": it is not offered
    after: float = 0.0  # of waiting
    order: Order = Order.AGENT_FIRST
    tries: int = 3  # that did not reach the party
    retry_after: float = 600.0
    expires: float = 28_800.0  # then the promise is broken
    ring_timeout: float = 40.0  # of the party's phone
    international: bool = False  # numbers abroad are called back too
    hours: Calendar | None = None  # in which somebody is called back; None: always


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    number: str
    ring_timeout: float = 20.0
    max_wait: float = 300.0
    record: bool = False
    music: bool = False  # answer at once and play music; else the caller hears ringing until an agent answers
    overflow: str = ""  # our number for whom the line does not take, or not serve in time; "": the call ends
    exit_keys: Mapping[str, str] = field(default_factory=dict)  # digit -> our number
    position: bool = False  # tell it, at entry and whenever it is better
    expected_wait: bool = False
    messages: Sequence[str] = ()  # prompts, in turn, when nothing better can be told
    announce_every: float = 30.0  # seconds of music between what is told
    language: Language = Language.UK
    priorities: Mapping[str, float] = field(default_factory=dict)  # a caller's number -> points of priority
    callback: CallbackPlan | None = None
    sticky: Sequence[str] = ()  # whose a caller is: "owner" of the client, "last_agent"; (): nobody asks

    @property
    def keys(self) -> bool:
        return bool(self.exit_keys) or self.callback is not None

    @property
    def tells(self) -> bool:
        return self.position or self.expected_wait or bool(self.messages) or self.callback is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPlan:
    number: str
    prompt: str
    keys: Mapping[str, str]
    timeout: float = 5.0  # seconds of silence after the prompt
    attempts: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferencePlan:
    """A number at which everybody who dials it hears everybody else."""

    number: str
    name: str = ""
    pin: str = ""  # digits that are asked for; "": of nobody
    most: int = 100  # members at once
    announce: bool = False  # a tone when somebody comes or goes
    record: bool = False
    music: bool = True  # for who is alone
    moderators: frozenset[str] = frozenset()  # extensions; they are not asked for the PIN


FAIL_OVER = frozenset({401, 402, 403, 407, 408})
"""Failures of a trunk itself, beside all 5xx: it does not know us, has no money left, or is not there."""
WITHHELD = "#31#"
"""Dialled before a number: the caller's number is not shown (as on mobile phones)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkPlan:
    """What routing and numbers need of a trunk; how it is reached is the switchboard's business."""

    name: str
    record: bool | None = None  # None: by the rule for its direction
    outbound: bool = True
    prefixes: Sequence[str] = ()  # outside numbers that go this way
    priority: int = 1  # among trunks whose prefix fits as well: the lowest first
    weight: int = 1  # share of the calls among trunks of one priority
    fail_over: frozenset[int] = FAIL_OVER  # answers after which the next trunk is tried, beside 5xx
    default: str = ""  # our number for calls to numbers that nobody knows
    called_out: Sequence[Rule] = ()  # numbers as this trunk wants them
    caller_out: Sequence[Rule] = ()
    called_in: Sequence[Rule] = ()  # numbers as it brings them
    caller_in: Sequence[Rule] = ()
    caller_id: str = ""  # shown when nobody has a number of their own; "": the extension
    caller_name: str = ""
    show_original: bool = False  # of a call from outside that goes out again: the caller's own number


@dataclass(frozen=True, slots=True)
class ToExtension:
    number: str


@dataclass(frozen=True, slots=True)
class ToLine:
    line: LinePlan


@dataclass(frozen=True, slots=True)
class ToMenu:
    menu: MenuPlan


@dataclass(frozen=True, slots=True)
class ToFlow:
    """To the flow that has this number when the call gets there."""

    number: str


@dataclass(frozen=True, slots=True)
class ToConference:
    conference: ConferencePlan


@dataclass(frozen=True, slots=True)
class ToTrunk:
    """`trunk` is the first choice; `tiers` are all that may carry the call, those of one tier as good as each other."""

    trunk: TrunkPlan
    number: str
    tiers: tuple[tuple[TrunkPlan, ...], ...] = ()
    withheld: bool = False  # the caller asks not to be shown


@dataclass(frozen=True, slots=True)
class Refuse:
    outcome: Outcome
    status: int


Route = ToExtension | ToLine | ToMenu | ToFlow | ToConference | ToTrunk | ToFeature | Refuse

UNKNOWN_NUMBER = Refuse(Outcome.UNKNOWN_NUMBER, 404)
FORBIDDEN = Refuse(Outcome.FORBIDDEN, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class DialPlan:
    extensions: Container[str]
    lines: Mapping[str, LinePlan] = field(default_factory=dict)
    menus: Mapping[str, MenuPlan] = field(default_factory=dict)
    conferences: Mapping[str, ConferencePlan] = field(default_factory=dict)
    flows: Container[str] = frozenset()  # those that are published now
    trunks: Mapping[str, TrunkPlan] = field(default_factory=dict)  # by name
    trunk_numbers: Mapping[str, str] = field(default_factory=dict)  # a number that stands for a whole trunk
    dids: Dids = field(default_factory=Dids)
    codes: FeatureCodes = field(default_factory=FeatureCodes)
    numbers: NumberPlan = field(default_factory=NumberPlan)

    def inside(self, number: str) -> Route:
        """Where one of our own numbers leads."""
        if number in self.extensions:
            return ToExtension(number)
        if line := self.lines.get(number):
            return ToLine(line)
        if menu := self.menus.get(number):
            return ToMenu(menu)
        if number in self.flows:
            return ToFlow(number)
        if conference := self.conferences.get(number):
            return ToConference(conference)
        if name := self.trunk_numbers.get(number):
            trunk = self.trunks[name]
            return ToTrunk(trunk, number, ((trunk,),))
        return UNKNOWN_NUMBER

    def from_trunk(self, number: str, trunk: str = "") -> Route:
        """A call from outside may reach a DID and nothing else: a provider never dials extensions or other trunks."""
        target = self.dids.lead(self.numbers.spellings(number), trunk)
        if target is None and trunk in self.trunks:
            target = self.trunks[trunk].default or None
        return UNKNOWN_NUMBER if target is None else self.inside(target)

    def from_phone(self, number: str) -> Route:
        """What an extension, or a trusted peer, dialled."""
        route = self.inside(number)
        if isinstance(route, Refuse):
            return self.codes.read(number, self.extensions) or self.outside(number)
        return route

    def outside(self, number: str) -> Route:
        """A telephone number, by the trunks whose prefix fits: the longest prefix first, then by priority.

        Who may call there: see `callflow.permissions`.
        """
        withheld = number.startswith(WITHHELD)
        number = number.removeprefix(WITHHELD)
        if len(number) > LONGEST_NUMBER or not is_dialable(number) or not any(map(str.isdigit, number)):
            return UNKNOWN_NUMBER
        tiers = self._tiers(number)
        if not tiers:
            return UNKNOWN_NUMBER
        return ToTrunk(tiers[0][0], number, tiers, withheld)

    def _tiers(self, number: str) -> tuple[tuple[TrunkPlan, ...], ...]:
        fits: list[tuple[int, int, TrunkPlan]] = []
        for trunk in self.trunks.values():
            lengths = [len(prefix) for prefix in trunk.prefixes if trunk.outbound and number.startswith(prefix)]
            if lengths:
                fits.append((-max(lengths), trunk.priority, trunk))
        fits.sort(key=lambda fit: fit[:2])
        return tuple(tuple(fit[2] for fit in tier) for _, tier in groupby(fits, key=lambda fit: fit[:2]))


def direction_of(route: Route, *, from_trunk: bool) -> Direction:
    if from_trunk:
        return Direction.INBOUND
    return Direction.OUTBOUND if isinstance(route, ToTrunk) else Direction.INTERNAL
