"""What a dialled number means. Pure: the dial plan is a value, routing a function of it.

The dial plan decides before anything is taken for a telephone number: extensions, lines and menus are not E.164.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from callflow.facts import Direction, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    number: str
    ring_timeout: float = 20.0
    max_wait: float = 300.0
    record: bool = False
    music: bool = False  # answer at once and play music; else the caller hears ringing until an agent answers


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPlan:
    number: str
    prompt: str
    keys: Mapping[str, str]
    timeout: float = 5.0  # seconds of silence after the prompt
    attempts: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkPlan:
    name: str
    host: str
    port: int
    record: bool | None = None  # None: by the rule for its direction
    outbound: bool = True
    prefixes: Sequence[str] = ()  # outside numbers that go this way


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
class ToTrunk:
    trunk: TrunkPlan
    number: str


@dataclass(frozen=True, slots=True)
class Refuse:
    outcome: Outcome
    status: int


Route = ToExtension | ToLine | ToMenu | ToTrunk | Refuse

UNKNOWN_NUMBER = Refuse(Outcome.UNKNOWN_NUMBER, 404)
FORBIDDEN = Refuse(Outcome.FORBIDDEN, 403)
LONGEST_NUMBER = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DialPlan:
    extensions: Container[str]
    lines: Mapping[str, LinePlan] = field(default_factory=dict)
    menus: Mapping[str, MenuPlan] = field(default_factory=dict)
    trunks: Mapping[str, TrunkPlan] = field(default_factory=dict)  # by name
    trunk_numbers: Mapping[str, str] = field(default_factory=dict)  # a number that stands for a whole trunk
    dids: Mapping[str, str] = field(default_factory=dict)  # digits of the DID -> our number

    def inside(self, number: str) -> Route:
        """Where one of our own numbers leads."""
        if number in self.extensions:
            return ToExtension(number)
        if line := self.lines.get(number):
            return ToLine(line)
        if menu := self.menus.get(number):
            return ToMenu(menu)
        if trunk := self.trunk_numbers.get(number):
            return ToTrunk(self.trunks[trunk], number)
        return UNKNOWN_NUMBER

    def from_trunk(self, number: str) -> Route:
        """A call from outside may reach a DID and nothing else: a provider never dials extensions or other trunks."""
        target = self.dids.get(digits_of(number))
        return UNKNOWN_NUMBER if target is None else self.inside(target)

    def from_phone(self, number: str) -> Route:
        """What an extension, or a trusted peer, dialled."""
        route = self.inside(number)
        return self.outside(number) if isinstance(route, Refuse) else route

    def outside(self, number: str) -> Route:
        """A telephone number, by the trunk whose prefix fits best. Who may call there: see `callflow.permissions`."""
        digits = digits_of(number)
        if not digits or len(number) > LONGEST_NUMBER or not is_dialable(number):
            return UNKNOWN_NUMBER
        fits = [
            (len(prefix), trunk)
            for trunk in self.trunks.values()
            if trunk.outbound
            for prefix in trunk.prefixes
            if number.startswith(prefix)
        ]
        if not fits:
            return UNKNOWN_NUMBER
        return ToTrunk(max(fits, key=lambda fit: fit[0])[1], number)


def digits_of(number: str) -> str:
    return "".join(character for character in number if character.isascii() and character.isdigit())


def is_dialable(number: str) -> bool:
    """`+`, digits, `*`, `#` and the separators people type; nothing that could be markup or a header."""
    return all(character in "+0123456789*#-. ()" for character in number)


def direction_of(route: Route, *, from_trunk: bool) -> Direction:
    if from_trunk:
        return Direction.INBOUND
    return Direction.OUTBOUND if isinstance(route, ToTrunk) else Direction.INTERNAL
