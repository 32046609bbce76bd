"""An agent as the engine sees one: declared will beside observed facts.

Busy is computed, never stored: it follows from live legs, the item in hand and a deadline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from queue_engine.facts import Will
from queue_engine.reasons import AgentCondition
from queue_engine.work import NOTHING

UNWILLING = {Will.SIGNED_OUT: AgentCondition.SIGNED_OUT, Will.PAUSED: AgentCondition.PAUSED}
LONG_AGO = float("-inf")


@dataclass(slots=True)
class Agent:
    extension: str
    idle_since: float
    will: Will = Will.READY
    reachable: bool = False  # a phone is registered
    at_window: bool = False
    legs: int = 0  # live legs of any call
    offered: UUID | None = None  # the item that is offered
    serving: UUID | None = None  # the item that was taken
    not_before: float = LONG_AGO  # no offer before this time: the last one was not taken
    wrap_up_until: float = LONG_AGO
    timer: float | None = None  # the deadline that is noted
    misses: int = 0  # offers in a row that were not taken, and count for auto-pause
    calls: dict[str, int] = field(default_factory=dict)  # taken, by line
    talk_time: float = 0.0
    skills: Mapping[str, int] = field(default_factory=lambda: NOTHING)

    @property
    def deadline(self) -> float:
        """Rest and wrap-up are over then."""
        return max(self.not_before, self.wrap_up_until)

    @property
    def at_work(self) -> bool:
        """Whether this agent may be expected to take something in a while."""
        return self.reachable and self.will in (Will.READY, Will.ON_DEMAND)

    def refusal(self, now: float) -> AgentCondition | None:
        """Why no offer may be made now, or None when the agent is free."""
        if self.will in UNWILLING:
            return UNWILLING[self.will]
        if not self.reachable:
            return AgentCondition.UNREACHABLE
        if self.offered is not None:
            return AgentCondition.OFFERED
        if self.serving is not None:
            return AgentCondition.SERVING
        if self.at_window:
            return AgentCondition.AT_WINDOW
        if self.legs:
            return AgentCondition.BUSY
        if now < self.wrap_up_until:
            return AgentCondition.WRAP_UP
        if now < self.not_before:
            return AgentCondition.RESTING
        return None
