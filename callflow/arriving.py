"""What a line knows of who comes into it: by what they are known again, how urgent they are, and whose they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from callflow.router import LinePlan
from callflow.side import Side
from queue_engine.work import WorkItem

if TYPE_CHECKING:
    from callflow.call import Call

KNOWN_WITHIN = 0.1  # seconds: whose a caller is comes from the data base, and nobody waits for that


async def work_item(call: Call, waiting: Side, line: LinePlan, joined_at: float) -> WorkItem:
    kept, call.keeps = call.keeps, None
    if kept is not None and kept.line == line.number:
        return kept
    party = party_of(call, waiting)
    return WorkItem(
        call.call_id,
        line.number,
        joined_at,
        priority=_points(call, line, party),
        sticky=await _own_agent(call, line, party) if waiting.extension is None else None,
        key=party,
    )


def party_of(call: Call, waiting: Side) -> str | None:
    """An extension, a number as E.164 where it is one; None for a withheld one: such callers are not told apart."""
    number = waiting.extension or waiting.shown.number
    if not any(map(str.isdigit, number)):
        return None
    return number if waiting.extension else call.exchange.plan.numbers.e164(number) or number


def _points(call: Call, line: LinePlan, party: str | None) -> float:
    numbers = call.exchange.plan.numbers
    return next((points for each, points in line.priorities.items() if party in (each, numbers.e164(each))), 0.0)


async def _own_agent(call: Call, line: LinePlan, party: str | None) -> str | None:
    regulars = call.exchange.regulars
    if regulars is None or not line.sticky or party is None:
        return None
    try:
        async with asyncio.timeout(KNOWN_WITHIN):
            return await regulars.agent_of(party, line.sticky)
    except TimeoutError:
        return None
