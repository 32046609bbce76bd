"""Whom of the free agents an item goes to: pure functions over a frozen view."""

from __future__ import annotations

from collections.abc import Sequence

from queue_engine.agent import Agent


def longest_idle(free: Sequence[Agent]) -> Agent:
    """The agent who has been free longest; ties by extension, so that the choice is the same in a replay."""
    return min(free, key=lambda agent: (agent.idle_since, agent.extension))
