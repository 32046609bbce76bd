"""What is known of a day: who came, how patient they were, what agents did. Times are seconds since it began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from queue_engine.inputs import Input
from queue_engine.reasons import LeaveReason, RefusalCause
from queue_engine.whatif.meter import Meter
from queue_engine.whatif.patience import GaveUp
from queue_engine.work import Line, WorkItem

BY_THE_LINE = frozenset({LeaveReason.TIMEOUT, LeaveReason.OVERFLOWED})
"""Who left like this was sent away by the rule of a line, and would have waited longer."""
GOES_ON = BY_THE_LINE | {
    LeaveReason.FULL,
    LeaveReason.NO_AGENTS,
    LeaveReason.EXPECTED_WAIT,
    LeaveReason.CLOSED,
    LeaveReason.LEFT_EMPTY,
}
"""Whom a line did not take, or not serve in time."""


@dataclass(frozen=True, slots=True)
class Ring:
    """How an offer ended: after so many seconds, answered (`cause` None) or not. `cut`: somebody else answered or the
    caller left, so it is known only that it had not ended by then."""

    seconds: float
    cause: RefusalCause | None
    cut: bool = False


@dataclass(slots=True)
class Caller:
    """Somebody's way through one or several lines, from the first on. `gave_up` None: they did not, and had endured
    `endured` seconds when they were answered or sent away. `talk` None: nobody answered. `wrap_up` None: it took as
    long as the line says. `rings`: of each agent who was asked for them, in that order. `instead_of`: the caller who
    left with the promise of this callback; it is called only if that one was answered by nobody."""

    came_at: float
    item: WorkItem
    gave_up: GaveUp | None = None
    endured: float = 0.0
    talk: float | None = None
    served_by: str = ""  # who talked
    wrap_up: float | None = None
    rings: dict[str, list[Ring]] = field(default_factory=dict)
    instead_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class OwnCall:
    """An agent was in a call that came from no line."""

    extension: str
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Limit:
    """After so long the line sends whoever waits away."""

    seconds: float
    reason: LeaveReason


@dataclass(slots=True)
class Day:
    """`told`: what is taken as it was, when: will, reachability, skills, settings, a supervisor's word. `stops`: when
    the core stopped, and all calls with it. `onward`: from which line for which reason people went on to which line.
    `overflows`: where a line says that they go.
    `pauses`: seconds of those that the engine made by itself. `meter`: the figures of the real day."""

    seed: int
    lines: tuple[Line, ...] = ()
    callers: list[Caller] = field(default_factory=list)
    told: list[tuple[float, Input]] = field(default_factory=list)
    own_calls: list[OwnCall] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    limits: dict[str, Limit] = field(default_factory=dict)
    onward: dict[tuple[str, LeaveReason], Counter[str]] = field(default_factory=dict)
    overflows: dict[str, str] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)
    ends: float = 0.0
    meter: Meter = field(default_factory=Meter)

    def goes_on_to(self, line: str, reason: LeaveReason) -> str | None:
        """Where most went; if nobody did, where the line says."""
        if found := self.onward.get((line, reason)):
            return found.most_common(1)[0][0]
        return self.overflows.get(line) if reason in GOES_ON else None

    def staffed(self) -> Mapping[str, float]:
        """Seconds at work of each agent."""
        meter = self.meter
        return {
            extension: meter.busy.get(extension, 0.0) + meter.idle.get(extension, 0.0)
            for extension in {**meter.busy, **meter.idle}
        }
