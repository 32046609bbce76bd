"""What waits, and for which line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from queue_engine.reasons import AgentCondition, RefusalCause

NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tier:
    """Agents who are asked only once somebody has waited `opens_after` seconds."""

    agents: tuple[str, ...]
    opens_after: float


@dataclass(frozen=True, slots=True)
class Relaxation:
    """From `after` seconds of waiting these levels are enough; level 0 asks for the skill no more."""

    after: float
    skills: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """A waiting line and the agents who serve it. Times in seconds.

    `agents` are extensions in the order of a top-down or round-robin strategy. A bound of 0 means no bound.
    """

    number: str
    agents: tuple[str, ...]
    ring_timeout: float = 20.0
    retry_after: float = 5.0  # an agent who did not take an offer is left alone that long
    offer_grace: float = 0.0  # an offer of which nobody tells the end is taken back that long after the ringing

    # Whom: one of `queue_engine.strategy.STRATEGIES`, or "module:function" of one's own.
    strategy: str = "longest_idle"
    progress_delay: float = 10.0  # ring progressively: one more agent is rung each time that long
    penalties: Mapping[str, int] = field(default_factory=lambda: NOTHING)  # agent -> penalty, for weighted random
    tiers: tuple[Tier, ...] = ()  # whoever is in none is asked from the start
    skip_empty_tiers: bool = True  # a tier opens at once while nobody of those before it is at work
    skills: Mapping[str, int] = field(default_factory=lambda: NOTHING)  # what an agent needs: name -> level
    relaxations: tuple[Relaxation, ...] = ()
    sticky_patience: float = 0.0  # an item waits that long for its own agent, if that one is at work

    # In which order: by score, then by due time.
    weight: float = 0.0  # added to the priority of each item
    aging: float = 0.0  # points of priority for each second of waiting
    target: float = 0.0  # due = joined + target

    # After an offer or a service.
    delays: Mapping[RefusalCause, float] = field(default_factory=lambda: MappingProxyType({}))  # else `retry_after`
    auto_pause_after: int = 0  # offers in a row not taken
    auto_pause_causes: frozenset[RefusalCause] = frozenset({RefusalCause.NO_ANSWER})
    wrap_up: float = 0.0

    # Who may come in, and stay. Empty: all agents are in one of these conditions; no conditions: never.
    max_length: int = 0
    max_wait: float = 0.0
    join_empty: frozenset[AgentCondition] = frozenset()
    leave_empty: frozenset[AgentCondition] = frozenset()
    leave_empty_after: float = 0.0
    expected_wait_limit: float = 0.0
    empties_when_closed: bool = False  # else those who wait are served to the end
    resume_window: float = 0.0  # who gave up and comes again within it has the old place

    # What the call does by itself, and not the engine: for who asks how another day would have been.
    goes_on_after: float = 0.0  # seconds of waiting; 0: nobody knows
    goes_on_to: str = ""  # the number for whom the line does not take or not serve in time


class ItemKind(StrEnum):
    CALL = "call"
    CALLBACK = "callback"
    TICKET = "ticket"
    PLANNED = "planned"


ABSENT = frozenset({ItemKind.CALLBACK, ItemKind.PLANNED})
"""Nobody waits on the telephone: we call them. No bound of a line sends such an item away, and one agent at a time is
asked for it."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """Something that waits in a line since `joined_at` (monotonic seconds)."""

    item_id: UUID
    line: str
    joined_at: float
    kind: ItemKind = ItemKind.CALL
    priority: float = 0.0  # higher is served earlier
    skills: Mapping[str, int] = field(default_factory=lambda: NOTHING)  # beside those of the line
    sticky: str | None = None  # the agent who knows it
    key: str | None = None  # the party, by which somebody who comes again is known
    not_before: float = float("-inf")  # a callback that is tried again later
    prepares: float = 0.0  # seconds that an offer may last before the agent's phone rings: the party is called first

    @property
    def is_absent(self) -> bool:
        return self.kind in ABSENT
