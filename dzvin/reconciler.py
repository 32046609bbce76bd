"""Looks once a second whether the engine's idea of each agent is what can be observed.

Every change is told to the engine when it happens, so nothing may ever differ. What does is a fault of ours: an agent
who gets no calls, or calls that nobody can take. It is counted, told in the log and put right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from queue_engine.dispatcher import Dispatcher

EVERY = 1.0  # seconds

log = structlog.get_logger("dzvin.reconciler")


class Seen(NamedTuple):
    reachable: bool  # a phone is registered and may ring
    legs: int  # live ones


class Reconciler:
    """`observe(extension)` reads registrations and live legs now."""

    def __init__(self, dispatcher: Dispatcher, observe: Callable[[str], Seen]) -> None:
        self._dispatcher = dispatcher
        self._observe = observe
        self._suspected: dict[str, tuple[Seen, Seen]] = {}
        self.ghost_seconds = 0.0

    def look(self, passed: float) -> None:
        """`passed`: seconds since the last look. What differs in two looks in a row has differed all the time between
        them; a change that is on its way just now has not."""
        suspected: dict[str, tuple[Seen, Seen]] = {}
        for extension in sorted(self._dispatcher.agents):
            believed, seen = Seen(*self._dispatcher.believes(extension)), self._observe(extension)
            if believed == seen:
                continue
            if self._suspected.get(extension) != (believed, seen):
                suspected[extension] = (believed, seen)
                continue
            self.ghost_seconds += passed
            log.error("ghost agent", extension=extension, believed=believed._asdict(), seen=seen._asdict())
            self._dispatcher.reachable(extension, seen.reachable)
            self._dispatcher.legs(extension, seen.legs)
        self._suspected = suspected

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(EVERY)
            last, before = loop.time(), last
            self.look(last - before)
