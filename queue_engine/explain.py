"""Why: for each item and each agent the reasons, as keys and values. The panel has the sentences, in three languages.

The reasons come from the same functions as the decisions, so they cannot say anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from queue_engine.agent import Agent
from queue_engine.eligibility import stage
from queue_engine.facts import Will
from queue_engine.floor import Choice, Floor
from queue_engine.pool import Entry, rank
from queue_engine.reasons import AgentCondition, Why
from queue_engine.waiting import keeper

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Reason:
    """`key` names the sentence, `values` fill it. Times in it are seconds from now."""

    key: Why
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemStory:
    item_id: UUID
    line: str
    position: int | None  # None while somebody's phone rings for it
    waited: float
    score: float
    kept_for: str | None  # the only agent who may take it now
    agents: Mapping[str, Reason]  # of everybody who serves the line
    choice: Choice | None  # the last time that somebody was asked


@dataclass(frozen=True, slots=True)
class AgentStory:
    extension: str
    lines: tuple[str, ...]
    state: Reason
    items: Mapping[UUID, Reason]  # of the first item of each kind in the agent's lines: why it is not theirs


def item(floor: Floor, item_id: UUID, now: float) -> ItemStory | None:
    entry = floor.pool.entries.get(item_id)
    if entry is None:
        return None
    line = floor.line(entry)
    return ItemStory(
        item_id,
        line.number,
        floor.pool.position(entry),
        now - entry.item.joined_at,
        -rank(entry.key, line, now)[0],
        keeper(floor, entry, now),
        {extension: why(floor, entry, floor.roster.agents[extension], now) for extension in line.agents},
        floor.choices.get(item_id),
    )


def agent(floor: Floor, extension: str, now: float) -> AgentStory | None:
    known = floor.roster.agents.get(extension)
    if known is None:
        return None
    lines = tuple(sorted(floor.roster.lines_of[extension]))
    firsts = [
        floor.pool.entries[keys[0][3]]
        for buckets in (*(floor.pool.open.get(number, {}) for number in lines), *floor.pool.kept.values())
        for bucket, keys in buckets.items()
        if bucket[0] in lines
    ]
    state = state_of(known, now) or Reason(Why.FREE)
    return AgentStory(extension, lines, state, {e.item.item_id: why(floor, e, known, now) for e in firsts})


def passed_over(floor: Floor, item_id: UUID, now: float) -> dict[str, str]:
    """For each agent of the line who cannot take it now: the key of the reason."""
    entry = floor.pool.entries.get(item_id)
    if entry is None or entry.holders:
        return {}
    reasons = {e: why(floor, entry, floor.roster.agents[e], now) for e in floor.line(entry).agents}
    return {extension: reason.key.value for extension, reason in reasons.items() if reason.key is not Why.NEXT}


def why(floor: Floor, entry: Entry, agent: Agent, now: float) -> Reason:
    """Why this agent does not have this item; "ringing" when they are asked now, "next" when nothing is in the way."""
    if agent.extension in entry.holders:
        return Reason(Why.RINGING)
    if entry.item.not_before > now:
        return Reason(Why.NOT_YET, {"seconds": entry.item.not_before - now})
    line = floor.line(entry)
    kept = keeper(floor, entry, now)
    if kept is not None and kept != agent.extension:
        return Reason(Why.KEPT, {"extension": kept})
    if kept is None:
        if agent.extension not in line.agents:
            return Reason(Why.OTHER_LINE, {"line": line.number})
        reached = stage(floor.roster.steps[line.number], entry.item.joined_at, now)
        if found := floor.roster.obstacle(line.number, entry.skills, reached, agent.extension):
            return Reason(found.key, found.values)
    if state := state_of(agent, now):
        return state
    if entry.holders and entry.bucket is None:
        return Reason(Why.OTHERS_RING)
    ready = any(floor.roster.agents[holder].will is Will.READY for holder in entry.holders)
    return Reason(Why.ON_DEMAND) if agent.will is Will.ON_DEMAND and ready else Reason(Why.NEXT)


def state_of(agent: Agent, now: float) -> Reason | None:
    """What keeps the agent from anything at all."""
    condition = agent.refusal(now)
    if condition in (AgentCondition.WRAP_UP, AgentCondition.RESTING):
        until = agent.wrap_up_until if condition is AgentCondition.WRAP_UP else agent.not_before
        return Reason(Why(condition.value), {"seconds": until - now})
    return None if condition is None else Reason(Why(condition.value))
