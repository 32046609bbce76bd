"""One heap of deadlines behind one loop timer.

A SIP transaction starts and stops several timers; most never fire. `start` and `stop` cost a dict operation and a
heap push, never an `asyncio.TimerHandle`. A stopped entry stays in the heap until it would be the next, or until
stopped entries outnumber live ones, so memory is bounded by twice the live timers.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable, Hashable

_COMPACT_ABOVE = 1024
PATIENCE = 0.5  # seconds


class _Entry:
    __slots__ = ("callback", "key")

    def __init__(self, key: Hashable, callback: Callable[[], None]) -> None:
        self.key: Hashable = key
        self.callback: Callable[[], None] | None = callback


class Timers:
    """Keyed timers: starting a key that runs replaces it. Callbacks run on the loop, late by at most its lag."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, _Entry]] = []
        self._live: dict[Hashable, _Entry] = {}
        self._count = 0
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for = float("inf")
        self.now = loop.time
        """Monotonic seconds: the clock that every deadline here is measured with."""
        self.on_fire: Callable[[Hashable], None] | None = None
        """Told the key of each timer that fires, before its callback runs."""

    def __len__(self) -> int:
        """Timers that run (what a leak check counts)."""
        return len(self._live)

    def start(self, key: Hashable, after: float, callback: Callable[[], None], *, patient: bool = False) -> None:
        """patient: it may fire up to `PATIENCE` late, together with others, so that the loop wakes once for them."""
        self.stop(key)
        entry = self._live[key] = _Entry(key, callback)
        when = self.now() + after
        if patient:
            when = PATIENCE * math.ceil(when / PATIENCE)
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, entry))
        if when < self._armed_for:
            self._arm(when)

    def stop(self, key: Hashable) -> None:
        entry = self._live.pop(key, None)
        if entry is not None:
            entry.callback = entry.key = None  # what it held is let go now, not when its time would come
            if len(self._heap) > _COMPACT_ABOVE and len(self._heap) > 2 * len(self._live):
                self._heap = [item for item in self._heap if item[2].callback is not None]
                heapq.heapify(self._heap)

    def close(self) -> None:
        """Stop every timer; nothing fires afterwards."""
        for entry in self._live.values():
            entry.callback = None
        self._live.clear()
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = when
        self._handle = self._loop.call_at(when, self._fire)

    def _fire(self) -> None:
        self._handle = None
        self._armed_for = float("inf")
        now = self.now()
        try:
            # Stopped entries that come next go too: the loop need not wake for them.
            while self._heap and (self._heap[0][0] <= now or self._heap[0][2].callback is None):
                entry = heapq.heappop(self._heap)[2]
                callback, entry.callback = entry.callback, None
                if callback is not None:
                    del self._live[entry.key]
                    if self.on_fire is not None:
                        self.on_fire(entry.key)
                    callback()
        finally:
            # A callback that raised must not silence the timers behind it.
            if self._heap and self._heap[0][0] < self._armed_for:
                self._arm(self._heap[0][0])
