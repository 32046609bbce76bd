"""Tries a flow in virtual time: every key, every branch of hours and webhooks, every way that a line may end. Pure.

The flow itself is run, with a `Visit` that chooses instead of listening: again and again, each time with one other
choice, until none is left. A path that comes to a node where another has been, with the same variables, need not be
walked to its end again: it `joins` that one. Variables that come from outside (a caller's digits, an answer of a
webhook) may have any value, so an `if` on one goes both ways.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import msgspec

from callflow.flows.calendar import Calendar, Open
from callflow.flows.checking import Surroundings
from callflow.flows.findings import Finding, found
from callflow.flows.model import Comparison, Flow, Spoken, reads
from callflow.flows.runner import MOST_STEPS, InCircles, run
from callflow.flows.speech import spoken
from callflow.flows.visit import BUSY, TIMEOUT, UNANSWERED, WRONG, FlowFunction, Over, Visit
from callflow.saying import Currency, Language

MOST_PATHS = 2000
KEY_TIME = 0.5  # seconds in which somebody presses a key
ANSWER_TIME = 0.2  # of a webhook that answers
RINGING_BUSY = 2.0
DIGITS, VALUE = "70935218467093521846709352184670", "12.50"  # what callers press and webhooks answer


class FromOutside(str):
    """A value that only the world knows; this is an example of it."""

    __slots__ = ()


class AnyAnswer(dict[str, str]):
    """Of a webhook: whatever field is asked for is there."""

    def get(self, key: object, default: object = None) -> FromOutside:
        return FromOutside(VALUE)

    __getitem__ = get


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """`at`: seconds since the call came. `chosen`: what the caller did, or what the world was like."""

    node: str
    verb: str
    at: float
    heard: tuple[str, ...] = ()
    chosen: str = ""


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """`end`: hangup, line, answered, flow, joins, dead_end, too_long or failed; `where`: the number or the node."""

    steps: tuple[Step, ...]
    end: str
    where: str
    seconds: float


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    paths: tuple[Path, ...]
    findings: tuple[Finding, ...]

    @property
    def longest(self) -> float:
        return max((path.seconds for path in self.paths), default=0.0)


def simulate(flow: Flow, around: Surroundings) -> Simulation:
    """Of a flow that is data."""
    read = {variable for node in flow.nodes.values() for variable in reads(node)}
    world = World(around=around, language=flow.language, read=frozenset(read))
    paths, cut = _explore(lambda visit: run(flow, visit), world, ends="dead_end")
    findings = _troubles(paths, cut)
    taken = world.taken
    visited = {name for name, _ in taken}
    for name in [each for each in flow.nodes if each in visited]:
        for exit_name, target in flow.nodes[name].exits():
            if target and (name, exit_name) not in taken:
                findings.append(found("never_taken", name, exit=exit_name))
    return Simulation(paths=paths, findings=tuple(findings))


def simulate_function(function: FlowFunction, around: Surroundings, language: Language) -> Simulation:
    """Of a flow in Python; it may await nothing but the verbs."""
    paths, cut = _explore(function, World(around=around, language=language), ends="hangup")
    return Simulation(paths=paths, findings=tuple(_troubles(paths, cut)))


def _troubles(paths: Sequence[Path], cut: bool) -> list[Finding]:
    findings = []
    for path in paths:
        match path.end:
            case "dead_end":
                findings.append(found("dead_end", path.steps[-1].node if path.steps else ""))
            case "too_long":
                findings.append(found("too_long", steps=MOST_STEPS))
            case "failed":
                findings.append(found("failed", path.steps[-1].node if path.steps else "", reason=path.where))
    if cut:
        findings.append(found("too_many_paths", paths=MOST_PATHS))
    return list({(each.key, *each.parameters.values(), each.node): each for each in findings}.values())


def _explore(function: FlowFunction, world: World, ends: str) -> tuple[tuple[Path, ...], bool]:
    """All paths; and whether there are more of them than may be tried."""
    paths: list[Path] = []
    ahead: deque[list[int]] = deque([[]])
    while ahead and len(paths) < MOST_PATHS:
        given = ahead.popleft()
        visit = Tried(world, given)
        visit.end = ends
        _walk(function, visit)
        paths.append(Path(steps=tuple(visit.steps), end=visit.end, where=visit.where, seconds=round(visit.now, 1)))
        for place in range(len(given), len(visit.choices)):
            before = [choice for choice, _ in visit.choices[:place]]
            ahead.extend([*before, other] for other in range(1, visit.choices[place][1]))
    return tuple(paths), bool(ahead)


def _walk(function: FlowFunction, visit: Tried) -> None:
    """Its verbs never wait, so one `send` brings it to its end."""
    walking = function(visit)
    assert isinstance(walking, Coroutine)
    try:
        walking.send(None)
    except (StopIteration, Over):
        return
    except InCircles:
        visit.end = "too_long"
        return
    except Exception as failure:
        visit.end, visit.where = "failed", f"{type(failure).__name__}: {failure}"[:200]
        return
    walking.close()
    visit.end, visit.where = "failed", "it awaits something that is no verb"


@dataclass(slots=True, kw_only=True)
class World:
    """What all paths share. `read`: variables that make a difference."""

    around: Surroundings
    language: Language
    read: frozenset[str] = frozenset()
    known: set[object] = field(default_factory=set)  # nodes, and how the variables were
    taken: set[tuple[str, str]] = field(default_factory=set)  # nodes and exits


class Tried(Visit):
    """One path: `given` are its first choices, by their places among what could be chosen; then always the first."""

    def __init__(self, world: World, given: Sequence[int]) -> None:
        super().__init__("", {"caller": "+380441234567", "dialled": "+380447654321"}, world.language)
        self.steps: list[Step] = []
        self.choices: list[tuple[int, int]] = []  # what was chosen, of how many
        self.now = 0.0
        self.end = self.where = ""
        self._world = world
        self._around = world.around
        self._given = given
        self._node = ""
        self._open = {"caller", "dialled"}  # variables of which only the world knows the value

    def enters(self, node: str) -> None:
        self._node = node
        if len(self.choices) < len(self._given):
            return  # another path was here before, with this one
        read = self._world.read
        values = frozenset((name, value) for name, value in self.variables.items() if name in read)
        state = (node, values, frozenset(self._open & read))
        if state in self._world.known:
            self._over("joins", node)
        self._world.known.add(state)

    def leaves(self, node: str, by: str) -> None:
        self._world.taken.add((node, by))

    def set(self, variable: str, value: str) -> None:
        is_open = isinstance(value, FromOutside) or self._is_open(value)
        super().set(variable, value)
        (self._open.add if is_open else self._open.discard)(variable)

    def test(self, variable: str, comparison: Comparison, value: str) -> bool:
        if variable not in self._open and not self._is_open(value):
            return super().test(variable, comparison, value)
        return self._choose("if", ["then", "else"]) == "then"

    async def answer(self) -> None:
        self._step("answer")

    async def play(self, *prompts: str, barge: bool = True) -> None:
        self._hear("play", prompts)

    async def say(self, what: Spoken, value: str, currency: Currency = Currency.UAH) -> None:
        shown = "00:00" if what is Spoken.TIME and not value else value
        self._hear("say", spoken(what, shown, currency, self.language))

    async def menu(
        self, prompts: Sequence[str], keys: Collection[str], *, seconds: float = 5.0, attempts: int = 3
    ) -> str:
        chosen = self._choose("menu", [*keys, TIMEOUT, WRONG], prompts)
        once = self._length(prompts)
        if chosen == TIMEOUT:
            self.now += attempts * (once + seconds)
        else:
            self.now += (attempts if chosen == WRONG else 1) * (once + KEY_TIME)
        return chosen

    async def gather(
        self,
        prompts: Sequence[str],
        *,
        least: int = 1,
        most: int = 32,
        seconds: float = 5.0,
        attempts: int = 2,
    ) -> str:
        chosen = self._choose("gather", ["digits", TIMEOUT], prompts)
        if chosen == TIMEOUT:
            self.now += attempts * (self._length(prompts) + seconds)
            return ""
        self.now += self._length(prompts) + most * KEY_TIME + (seconds if most > least else 0.0)
        return FromOutside(DIGITS[:least])

    async def hours(self, calendar: Calendar) -> Open:
        could = [Open.OPEN] if calendar.opens else []
        holiday = [Open.HOLIDAY] if calendar.holidays else []
        return Open(self._choose("hours", [*could, Open.CLOSED, *holiday]))

    async def enqueue(self, line: str) -> str:
        if self._choose("enqueue", ["answered", UNANSWERED]) == "answered":
            self._over("line", line)
        self.now += self._around.line(line) or 0.0
        return UNANSWERED

    async def dial(self, number: str, *, seconds: float = 30.0) -> str:
        chosen = self._choose("dial", ["answered", UNANSWERED, BUSY])
        if chosen == "answered":
            self._over("answered", number)
        self.now += RINGING_BUSY if chosen == BUSY else seconds
        return chosen

    async def voicemail(self, prompts: Sequence[str], *, seconds: float = 120.0) -> None:
        self._hear("voicemail", prompts)
        self.now += seconds

    async def callback(self, prompts: Sequence[str], *, seconds: float = 5.0, line: str = "") -> bool:
        accepted = self._choose("callback", ["accepted", "declined"], prompts) == "accepted"
        self.now += self._length(prompts) + (KEY_TIME if accepted else seconds)
        return accepted

    async def record(self, on: bool) -> None:
        self._step("record")

    async def webhook(self, url: str, body: Mapping[str, str], *, seconds: float = 3.0) -> Mapping[str, str] | None:
        if self._choose("webhook", ["answers", "fails"]) == "fails":
            self.now += seconds
            return None
        self.now += ANSWER_TIME
        return AnyAnswer()

    async def transfer(self, flow: str) -> NoReturn:
        self._step("flow")
        self._over("flow", flow)

    async def hangup(self) -> NoReturn:
        self._step("hangup")
        self._over("hangup", "")

    def _is_open(self, text: str) -> bool:
        """It may have been made of such a value."""
        return any(self.variables[name] in text for name in self._open if self.variables[name])

    def _over(self, end: str, where: str) -> NoReturn:
        self.end, self.where = end, where
        raise Over

    def _hear(self, verb: str, prompts: Sequence[str]) -> None:
        self._step(verb, prompts)
        self.now += self._length(prompts)

    def _length(self, prompts: Sequence[str]) -> float:
        return sum(self._around.prompt(prompt) or 0.0 for prompt in prompts)

    def _choose(self, verb: str, options: Sequence[str], heard: Sequence[str] = ()) -> str:
        place = len(self.choices)
        choice = self._given[place] if place < len(self._given) else 0
        self.choices.append((choice, len(options)))
        self._step(verb, heard, options[choice])
        return options[choice]

    def _step(self, verb: str, heard: Sequence[str] = (), chosen: str = "") -> None:
        if len(self.steps) >= MOST_STEPS:
            self._over("too_long", self._node)
        self.steps.append(
            Step(node=self._node, verb=verb, at=round(self.now, 1), heard=tuple(heard), chosen=str(chosen))
        )
