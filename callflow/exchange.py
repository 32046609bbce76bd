"""What every call flow shares: the switchboard, the lines, the ledger, the dial plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from callflow.facts import Direction
from callflow.permissions import Permissions
from callflow.ports import Clock, FactSink, Prompts, RecordingPlaces
from callflow.presence import Presence
from callflow.router import DialPlan, LinePlan, Route, ToLine, ToTrunk, TrunkPlan
from pbx.user_agent import UserAgent
from queue_engine.dispatcher import Dispatcher


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRules:
    """Which calls are recorded without anybody asking."""

    directions: frozenset[Direction] = frozenset()

    def applies(self, direction: Direction, route: Route) -> bool:
        match route:
            case ToTrunk(TrunkPlan(record=bool() as told)):
                return told
            case ToLine(line):
                return line.record
            case _:
                return direction in self.directions


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
    ring_timeout: float = 30.0  # seconds that an extension rings
    names: Mapping[str, str] = field(default_factory=dict)  # extension -> the person's name
    permissions: Permissions = field(default_factory=Permissions)

    def route(self, number: str, *, by: str | None) -> Route:
        """Where `number` leads when `by` has it called: the extension that dials, transfers, forwards, redirects or
        clicks, and so pays; None for a trusted peer. Every way to a number passes here."""
        route = self.plan.from_phone(number)
        return self.permissions.refusal(by, route, self.clock.now()) or route

    def line(self, number: str) -> LinePlan | None:
        return self.plan.lines.get(number)
