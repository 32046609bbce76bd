"""One heap of deadlines: keyed, bounded, on time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast
from weakref import ref

import pytest

from pbx.timers import PATIENCE, Timers
from tests.support.virtual_time import virtual_time


async def test_timers_fire_in_the_order_of_their_deadlines() -> None:
    timers = Timers(asyncio.get_running_loop())
    fired: list[str] = []
    done = asyncio.Event()

    def last() -> None:
        fired.append("late")
        done.set()

    timers.start("late", 0.03, last)
    timers.start("early", 0.01, lambda: fired.append("early"))
    await asyncio.wait_for(done.wait(), 5)
    assert fired == ["early", "late"]
    assert len(timers) == 0


async def test_a_stopped_timer_never_fires_and_a_restarted_one_fires_once() -> None:
    timers = Timers(asyncio.get_running_loop())
    fired: list[int] = []
    done = asyncio.Event()

    def again() -> None:
        fired.append(2)
        done.set()

    timers.start("stopped", 0.0, lambda: fired.append(0))
    timers.stop("stopped")
    timers.start("again", 0.0, lambda: fired.append(1))
    timers.start("again", 0.01, again)
    await asyncio.wait_for(done.wait(), 5)
    assert fired == [2]


async def test_a_callback_that_raises_does_not_silence_the_timers_behind_it() -> None:
    loop = asyncio.get_running_loop()
    errors: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    timers = Timers(loop)
    done = asyncio.Event()

    def fail() -> None:
        raise RuntimeError("a bug of ours")

    timers.start("bad", 0.0, fail)
    timers.start("good", 0.0, done.set)
    await asyncio.wait_for(done.wait(), 5)
    assert [str(context["exception"]) for context in errors] == ["a bug of ours"]


async def test_memory_is_bounded_by_the_live_timers() -> None:
    timers = Timers(asyncio.get_running_loop())
    for number in range(20_000):
        timers.start(number, 1000.0, pytest.fail)
        timers.stop(number)
    assert len(timers) == 0
    assert len(timers._heap) <= 1100
    timers.close()


@virtual_time
async def test_the_loop_does_not_wake_for_stopped_timers() -> None:
    loop = CountingLoop()
    timers = Timers(cast(asyncio.AbstractEventLoop, loop))
    fired: list[int] = []
    for after in (1, 2, 3, 10):
        timers.start(after, after, lambda after=after: fired.append(after))  # type: ignore[misc]
    timers.stop(2)
    timers.stop(3)
    began = loop.time()
    await asyncio.sleep(11)
    assert fired == [1, 10]
    assert loop.wakes == [began + 1, began + 10]


@virtual_time
async def test_patient_timers_fire_together_and_never_early() -> None:
    loop = CountingLoop()
    timers = Timers(cast(asyncio.AbstractEventLoop, loop))
    began = PATIENCE * (loop.time() // PATIENCE + 1)
    await asyncio.sleep(began - loop.time())
    fired: dict[float, float] = {}
    for after in (1.4, 1.1, 1.3):
        timers.start(after, after, lambda after=after: fired.update({after: loop.time() - began}), patient=True)  # type: ignore[misc]
    await asyncio.sleep(2)
    assert fired == {1.1: 1.5, 1.3: 1.5, 1.4: 1.5}
    assert loop.wakes == [began + 1.5]


async def test_what_a_stopped_timer_held_is_let_go_at_once() -> None:
    timers = Timers(asyncio.get_running_loop())
    key = Key()
    held = ref(key)
    timers.start(key, 1000.0, pytest.fail)
    timers.stop(key)
    del key
    assert held() is None
    timers.close()


class Key:
    """Somebody whose timer runs."""


class CountingLoop:
    """The running loop, with a note of what it was asked to wake for."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.wakes: list[float] = []

    def time(self) -> float:
        return self._loop.time()

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self.wakes.append(when)
        return self._loop.call_at(when, callback)
