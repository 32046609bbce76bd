"""From the bridge to the end of wrap-up."""

from __future__ import annotations

from queue_engine.agent import Agent
from queue_engine.decisions import WrapUp
from queue_engine.floor import Floor, Service
from queue_engine.offering import let_go
from queue_engine.pool import Entry
from queue_engine.reasons import WithdrawReason
from queue_engine.waiting import withdraw

MOST_WRAP_UP = 3600.0
"""Seconds from now that a wrap-up may be extended to: an agent whose page is gone is not away for ever."""


def taken(floor: Floor, entry: Entry, extension: str, now: float) -> None:
    """The bridge stands: the agent has the item, and only now the others are let go."""
    if extension not in entry.holders:
        return  # an offer that was taken back meanwhile
    let_go(floor, entry, extension, now)
    withdraw(floor, entry, WithdrawReason.TAKEN_ELSEWHERE, now)
    floor.pool.remove(entry)
    floor.trails.pop(entry.item.item_id, None)
    agent = floor.roster.agents[extension]
    agent.serving, agent.misses = entry.item.item_id, 0
    agent.calls[entry.item.line] = agent.calls.get(entry.item.line, 0) + 1
    floor.services[extension] = Service(entry.item, now)
    floor.refresh(agent, now)


def ended(floor: Floor, agent: Agent, now: float) -> None:
    service = floor.services.pop(agent.extension, None)
    if service is None:
        return
    line = floor.roster.lines[service.item.line]
    agent.serving = None
    agent.talk_time += now - service.since
    agent.wrap_up_until = now + line.wrap_up
    if line.wrap_up > 0:
        floor.decisions.append(WrapUp(agent.extension, service.item.item_id, agent.wrap_up_until))
    floor.learn(line.number, now - service.since + line.wrap_up)
    floor.refresh(agent, now)


def wrap_up(floor: Floor, agent: Agent, until: float, now: float) -> None:
    """Until then and no longer: ended by the agent, extended, or as it was before a restart."""
    if max(agent.wrap_up_until, until) > now:
        agent.wrap_up_until = min(until, now + MOST_WRAP_UP)
        floor.decisions.append(WrapUp(agent.extension, None, agent.wrap_up_until))
    floor.refresh(agent, now)
