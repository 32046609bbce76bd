"""Whom of the free agents an item goes to: pure functions over a frozen view.

The nine are the union of Asterisk's app_queue and FreeSWITCH's mod_callcenter. A strategy of one's own has the same
shape and is named "module:function" in the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from queue_engine.work import Line, WorkItem


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent who is free, may take the item, and serves the line."""

    extension: str
    position: int  # in the line's list of agents
    opens_after: float  # of the agent's tier
    penalty: int
    idle_since: float
    calls: int  # of this line, since the engine began
    talk_time: float  # seconds of all lines, since the engine began


@dataclass(frozen=True, slots=True)
class View:
    """`candidates` in the order of the line, never empty. `asked` did not take this item before. `last` is whom the
    line asked last. `draw` is in [0, 1)."""

    item: WorkItem
    line: Line
    now: float
    candidates: tuple[Candidate, ...]
    asked: frozenset[str]
    last: int  # position in the line, -1: nobody yet
    draw: float


Strategy: TypeAlias = Callable[[View], Sequence[str]]
"""Extensions of whom to ask, all at the same time: some of the candidates, at least one."""


def longest_idle(view: View) -> Sequence[str]:
    """The agent who has been free longest; ties by extension, so that the choice is the same in a replay."""
    return (min(view.candidates, key=lambda agent: (agent.idle_since, agent.extension)).extension,)


def ring_all(view: View) -> Sequence[str]:
    return tuple(agent.extension for agent in view.candidates)


def round_robin(view: View) -> Sequence[str]:
    """The next after the one who was asked last, whoever that was asked for."""
    later = (agent for agent in view.candidates if agent.position > view.last)
    return (next(later, view.candidates[0]).extension,)


def fewest_calls(view: View) -> Sequence[str]:
    return (min(view.candidates, key=lambda agent: (agent.calls, agent.idle_since, agent.extension)).extension,)


def least_talk_time(view: View) -> Sequence[str]:
    return (min(view.candidates, key=lambda agent: (agent.talk_time, agent.idle_since, agent.extension)).extension,)


def at_random(view: View) -> Sequence[str]:
    return (view.candidates[int(view.draw * len(view.candidates))].extension,)


def weighted_random(view: View) -> Sequence[str]:
    """Who has a penalty of one is asked half as often as who has none, with two a third as often, and so on."""
    weights = [1.0 / (1 + max(0, agent.penalty)) for agent in view.candidates]
    left = view.draw * sum(weights)
    for agent, weight in zip(view.candidates, weights, strict=True):
        left -= weight
        if left < 0:
            return (agent.extension,)
    return (view.candidates[-1].extension,)


def top_down(view: View) -> Sequence[str]:
    """The first of the line who has not let this item pass; from the top again when all have."""
    fresh = (agent for agent in view.candidates if agent.extension not in view.asked)
    return (next(fresh, view.candidates[0]).extension,)


def progressive(view: View) -> Sequence[str]:
    """Like top-down, but the engine lets the earlier ones ring on and asks for one more after each delay."""
    return top_down(view)


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "ring_all": ring_all,
        "longest_idle": longest_idle,
        "round_robin": round_robin,
        "fewest_calls": fewest_calls,
        "least_talk_time": least_talk_time,
        "random": at_random,
        "weighted_random": weighted_random,
        "top_down": top_down,
        "progressive": progressive,
    }
)
RINGS_ON = ("ring_all", "progressive")
"""These ask further agents for an item that is offered already."""
