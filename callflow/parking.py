"""The stage in which somebody waits with music at a number from which anybody may fetch them."""

from __future__ import annotations

import asyncio
from collections import deque

from uuid_utils.compat import uuid7

from callflow.call import Call
from callflow.facts import CallParked, CallUnparked, OfferEnd, Outcome, UnparkKind
from callflow.inbox import Command, Summon, Take
from callflow.rescue import come_back, left
from callflow.router import ToExtension
from callflow.search import Search
from callflow.side import Side
from callflow.stages import Parked, Rescue, Result, Stage, Talk, Transfer
from callflow.waiting import first_of


def free_orbit(call: Call, wanted: str | None) -> str | None:
    """An orbit that nobody is parked at: the wanted one, or any."""
    exchange = call.exchange
    orbits = exchange.plan.codes.orbit_numbers()
    candidates = orbits if wanted is None else (wanted,)
    return next((orbit for orbit in candidates if orbit in orbits and exchange.live.is_free(orbit)), None)


async def park(call: Call, stage: Parked) -> Stage:
    """Until somebody fetches them or patience ends: then back to who parked them."""
    live = call.exchange.live
    if stage.waiting.is_over:
        return left(call, stage.waiting)
    if not live.is_free(stage.orbit):  # taken since
        return _back(call, stage)
    live.park(stage.orbit, call.call_id)
    call.tell(CallParked, orbit=stage.orbit, by=stage.by)
    call.music(stage.waiting.leg)
    fetching: list[Search] = []
    try:
        return await _wait(call, stage, fetching)
    finally:
        live.unpark(stage.orbit)
        for search in fetching:
            await search.stop(OfferEnd.ANSWERED_ELSEWHERE)


async def _wait(call: Call, stage: Parked, fetching: list[Search]) -> Stage:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + call.exchange.rules.park_timeout
    while True:
        # Who is fetching them need not hurry.
        patience = None if fetching else max(0.0, deadline - loop.time())
        found = [search.found for search in fetching]
        await first_of(stage.waiting.leg.ended, call.inbox.ready, *found, timeout=patience)
        if stage.waiting.is_over:
            call.tell(CallUnparked, orbit=stage.orbit, kind=UnparkKind.GONE)
            return left(call, stage.waiting)
        if (side := came(fetching)) is not None or (
            side := _obey(call, stage, fetching, call.inbox.take())
        ) is not None:
            call.tell(CallUnparked, orbit=stage.orbit, kind=UnparkKind.RETRIEVED, by=side.extension)
            return Talk(one=stage.waiting, other=side)
        if loop.time() >= deadline and not fetching:
            call.tell(CallUnparked, orbit=stage.orbit, kind=UnparkKind.TIMED_OUT)
            return _back(call, stage)


def summons(call: Call, waiting: Side, extension: str) -> Search:
    """Ring the phone of somebody who asked for `waiting` from the panel."""
    auto_answer = call.exchange.wishes.of(extension).auto_answer
    return Search(call, waiting, ToExtension(extension), forwards=False, auto_answer=auto_answer)


def came(searches: list[Search]) -> Side | None:
    """Who of those that were called has answered. Searches that found nobody are dropped."""
    for search in [each for each in searches if each.found.done()]:
        searches.remove(search)
        found = search.take()
        if isinstance(found, Side):
            return found
    return None


def _obey(call: Call, stage: Parked, fetching: list[Search], command: Command | None) -> Side | None:
    match command:
        case None:
            return None
        case Take(side=side):
            call.adopts(side)
            command.done()
            return side
        case Summon(by=by):
            fetching.append(summons(call, stage.waiting, by))
            command.done()
        case _:
            command.refuse("not_now")
    return None


def _back(call: Call, stage: Parked) -> Stage:
    rescues = deque((Rescue.RECALL, Rescue.FALLBACK, Rescue.FAREWELL))
    returning = Transfer(id=uuid7(), by=stage.by, rescues=rescues, told=True)
    return come_back(call, stage.waiting, returning, Result(Outcome.NO_ANSWER, status=480))
