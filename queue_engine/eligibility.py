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
from queue_engine.work import Line

Signature: TypeAlias = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """`key` says what stands between the item and the agent, `values` fill the sentence."""

    key: str
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


def tier_of(line: Line, extension: str) -> int:
    """The tier's number in the order of the line; 0 for whoever is in none."""
    return next((number for number, tier in enumerate(line.tiers) if extension in tier.agents), 0)


def opens_after(line: Line, extension: str, agents: Mapping[str, Agent]) -> float:
    """The wait after which the agent may be asked."""
    wait = _own_wait(line, extension)
    if wait > 0 and line.skip_empty_tiers:
        ahead = (agents[other] for other in line.agents if _own_wait(line, other) < wait)
        if not any(agent.at_work for agent in ahead):
            return 0.0
    return wait


def _own_wait(line: Line, extension: str) -> float:
    return next((tier.opens_after for tier in line.tiers if extension in tier.agents), 0.0)


def obstacle(line: Line, skills: Signature, wait: float, agent: Agent, agents: Mapping[str, Agent]) -> Obstacle | None:
    """Why the line's rules keep this item from this agent after that wait; None when nothing does."""
    if agent.extension not in line.agents:
        return Obstacle("other_line", {"line": line.number})
    opens = opens_after(line, agent.extension, agents)
    if opens > wait:
        return Obstacle("tier_closed", {"seconds": opens})
    for name, level in required(line, skills, wait).items():
        has = agent.skills.get(name, 0)
        if has < level:
            return Obstacle("skill", {"skill": name, "needed": level, "has": has})
    return None


def able(line: Line, skills: Signature, wait: float, agents: Mapping[str, Agent]) -> frozenset[str]:
    return frozenset(
        extension for extension in line.agents if obstacle(line, skills, wait, agents[extension], agents) is None
    )
