"""Who keeps up with the data base: what was read last stays, and trouble is the outbox's to repair."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import asyncpg

from crm_core.database import Connection
from dzvin.keeping_up import Keeper


@dataclass(slots=True)
class Reader(Keeper):
    """Reads what `answers` gives, one answer a look."""

    answers: list[asyncio.Future[int]] = field(default_factory=list)
    known: int = 0

    async def _read(self, conn: Connection) -> None:
        self.known = await self.answers.pop(0)


def reader(*answers: asyncio.Future[int]) -> Reader:
    return Reader(None, list(answers))  # type: ignore[arg-type]  # no pool is asked


async def test_an_older_look_does_not_overtake_a_newer() -> None:
    older, newer = asyncio.Future[int](), asyncio.Future[int]()
    keeper = reader(older, newer)
    looks = [asyncio.create_task(keeper.look(None)) for _ in range(2)]  # type: ignore[arg-type]  # nothing is read of it
    newer.set_result(2)
    for _ in range(5):
        await asyncio.sleep(0)
    older.set_result(1)
    await asyncio.gather(*looks)
    assert keeper.known == 2


async def test_a_data_base_that_goes_away_after_a_change_does_not_refuse_the_change() -> None:
    gone = asyncio.Future[int]()
    gone.set_exception(asyncpg.ConnectionDoesNotExistError("gone"))
    keeper = reader(gone)
    await keeper.look(None)  # type: ignore[arg-type]  # nothing is read of it
    assert keeper.known == 0
