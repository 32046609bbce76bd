"""The lines of the random days, what may be set in their stead, and what is known of an agent there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from queue_engine.facts import Will
from queue_engine.reasons import AgentCondition, RefusalCause
from queue_engine.work import Line, Relaxation, Tier

AGENTS = ("1001", "1002", "1003", "1004")
GONE = frozenset({AgentCondition.SIGNED_OUT, AgentCondition.UNREACHABLE})
AWAY = GONE | {AgentCondition.WRAP_UP, AgentCondition.RESTING, AgentCondition.BUSY}
LINES = (
    Line("7000", AGENTS, wrap_up=4.0, aging=0.1, sticky_patience=6.0, resume_window=20.0),
    Line(
        "7001",
        AGENTS[:2],
        strategy="ring_all",
        retry_after=2.0,
        delays={RefusalCause.BUSY: 9.0},
        weight=1.0,
        auto_pause_after=2,
        wrap_up=3.0,
    ),
    Line("7002", AGENTS, strategy="progressive", progress_delay=3.0, max_wait=40.0, offer_grace=5.0, resume_window=9.0),
    Line(
        "7003",
        AGENTS[1:],
        strategy="random",
        tiers=(Tier(("1003",), 5.0), Tier(("1004",), 9.0)),
        skills={"english": 1},
        relaxations=(Relaxation(8.0, {"english": 0}),),
        leave_empty=GONE,
        leave_empty_after=7.0,
    ),
    Line("7004", AGENTS[::-1], strategy="top_down", wrap_up=2.0, empties_when_closed=True, auto_pause_after=3),
    Line("7005", AGENTS[3:], wrap_up=3.0, join_empty=AWAY, expected_wait_limit=0.5),
)
SEED = 3
OTHERWISE = (
    replace(LINES[0], strategy="ring_all", aging=0.0, target=10.0),
    replace(LINES[1], strategy="fewest_calls", agents=AGENTS[::-1], weight=-1.0),
    replace(LINES[3], strategy="progressive", tiers=(), leave_empty=frozenset(), relaxations=()),
    replace(LINES[4], strategy="round_robin", wrap_up=6.0, tiers=(Tier(("1002", "1001"), 3.0),)),
)
"""Settings that a line may get while people wait in it."""
NUMBERS = tuple(line.number for line in LINES)


@dataclass
class Known:
    """What the account knows of an agent."""

    reachable: bool = False
    will: Will = Will.READY
    legs: int = 0
    at_window: bool = False
    rests_until: float = float("-inf")
    wraps_until: float = float("-inf")
    skills: Mapping[str, int] = field(default_factory=dict)
    holds: UUID | None = None
    serves: UUID | None = None
    misses: int = 0
    is_to_pause: bool = False

    @property
    def at_work(self) -> bool:
        return self.reachable and self.will in (Will.READY, Will.ON_DEMAND)

    def is_free(self, now: float) -> bool:
        busy = self.legs or self.at_window or self.holds or self.serves
        return self.at_work and not busy and now >= self.rests_until and now >= self.wraps_until
