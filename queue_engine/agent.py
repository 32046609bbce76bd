"""An agent as the engine sees one: declared will beside observed facts.

Busy is computed, never stored: it follows from live legs, the offer in hand and a deadline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from queue_engine.facts import Will


@dataclass(slots=True)
class Agent:
    extension: str
    idle_since: float
    will: Will = Will.READY
    reachable: bool = False  # a phone is registered
    legs: int = 0  # live legs of any call
    offered: UUID | None = None  # the item in hand: offered or being served
    not_before: float = field(default=float("-inf"))  # no offer before this time

    def refusal(self, now: float) -> str | None:
        """Why no offer may be made now, or None when the agent is free."""
        if self.will is not Will.READY:
            return "paused"
        if not self.reachable:
            return "unreachable"
        if self.offered is not None:
            return "offered"
        if self.legs:
            return "busy"
        if now < self.not_before:
            return "resting"
        return None
