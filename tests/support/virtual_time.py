"""A loop whose clock jumps to the next deadline: 32 seconds of retransmissions pass in a millisecond.

Only for tests without real sockets or threads: while nothing is ready, time moves instead of being waited for.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import selectors
from collections.abc import Callable, Coroutine
from typing import ParamSpec

P = ParamSpec("P")


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        elif not ready and timeout is None:
            raise RuntimeError("everything waits and no timer runs: the test would hang")
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9  # a timer is never a hair early

    def time(self) -> float:
        return self._jumping.now


def virtual_time(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Decorates an async test: it runs in a loop of its own, where `asyncio.sleep(32)` takes no time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            problems: list[dict[str, object]] = []
            runner.get_loop().set_exception_handler(lambda _, context: problems.append(context))
            runner.run(test(*args, **kwargs))
        assert not problems, problems

    # pytest would await what looks like a coroutine function.
    del run.__wrapped__
    setattr(run, "__signature__", inspect.signature(test))  # noqa: B010 - mypy knows no such attribute; so that fixtures are still found
    return run
