"""Waiting for what must happen: by an event where there is one, and never longer than a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

DEADLINE = 30.0  # seconds, against a hang; generous, since the machine may be busy with other tests
LOOK_AGAIN = 0.02

T = TypeVar("T")


class NotInTime(AssertionError):
    """What was waited for did not happen; the message says what it was."""


@asynccontextmanager
async def deadline(what: str | Callable[[], str], seconds: float = DEADLINE) -> AsyncIterator[None]:
    """Raises NotInTime when the body takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise NotInTime(f"{what if isinstance(what, str) else what()} within {seconds:g} s") from None


async def until(what: str, holds: Callable[[], object], seconds: float = DEADLINE) -> None:
    """For what sends no event, such as another process: look again and again. Raises NotInTime."""
    async with deadline(what, seconds):
        while not holds():
            await asyncio.sleep(LOOK_AGAIN)


async def eventually(
    what: str, look: Callable[[], Awaitable[T]], holds: Callable[[T], object] = bool, seconds: float = DEADLINE
) -> T:
    """The first value of `look()` for which `holds`. Raises NotInTime with the last value seen."""
    seen: list[T] = []
    async with deadline(lambda: f"{what}; last seen {seen[-1:]!r}", seconds):
        while True:
            seen[:] = [await look()]
            if holds(seen[0]):
                return seen[0]
            await asyncio.sleep(LOOK_AGAIN)
