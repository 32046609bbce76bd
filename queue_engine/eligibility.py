"""Which agents may take an item at all, by the line's rules: tiers that open and skills that relax by wait.

An item passes from stage to stage as it waits: in between nothing changes, so items of one line, one stage and the same
skills are alike and are looked at together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from queue_engine.agent import Agent
from queue_engine.reasons import Why
from queue_engine.work import Line

Signature: TypeAlias = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """`key` says what stands between the item and the agent, `values` fill the sentence."""

    key: Why
    values: Mapping[str, str | int | float] = field(default_factory=dict)


def signature(skills: Mapping[str, int]) -> Signature:
    return tuple(sorted(skills.items()))


def thresholds(line: Line) -> tuple[float, ...]:
    """The waits at which something changes, in order."""
    waits = {tier.opens_after for tier in line.tiers} | {step.after for step in line.relaxations}
    return tuple(sorted(wait for wait in waits if wait > 0))


def stage(steps: tuple[float, ...], joined_at: float, now: float) -> int:
    """How many thresholds are behind the item."""
    return bisect_right(steps, now, key=lambda wait: joined_at + wait)


def waited(steps: tuple[float, ...], stage: int) -> float:
    """The wait that counts in that stage."""
    return steps[stage - 1] if stage else 0.0


def required(line: Line, skills: Signature, wait: float) -> dict[str, int]:
    levels = {**line.skills}
    for name, level in skills:
        levels[name] = max(level, levels.get(name, 0))
    for step in line.relaxations:
        if step.after <= wait:
            for name, level in step.skills.items():
                levels[name] = min(level, levels.get(name, 0))
    return levels


def tier_waits(line: Line) -> dict[str, float]:
    """For each agent of the line the wait after which their tier opens; 0 for whoever is in none."""
    waits = {extension: tier.opens_after for tier in reversed(line.tiers) for extension in tier.agents}
    return {extension: waits.get(extension, 0.0) for extension in line.agents}


def first_at_work(waits: Mapping[str, float], agents: Mapping[str, Agent]) -> float:
    """The wait of the first tier in which somebody is at work."""
    return min((wait for extension, wait in waits.items() if agents[extension].at_work), default=float("inf"))


def obstacle(levels: Mapping[str, int], wait: float, agent: Agent, opens_after: float) -> Obstacle | None:
    """Why the line's rules keep an item that needs these levels from its agent after that wait; None when nothing
    does."""
    if opens_after > wait:
        return Obstacle(Why.TIER_CLOSED, {"seconds": opens_after})
    for name, level in levels.items():
        has = agent.skills.get(name, 0)
        if has < level:
            return Obstacle(Why.SKILL, {"skill": name, "needed": level, "has": has})
    return None
