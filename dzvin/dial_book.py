"""The data base as the dialler's book."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from callflow.callback_facts import Tried
from callflow.dial_lists import BookAway, DueEntry, OpenList
from callflow.router import Order
from crm_core.access import NotFound
from crm_core.database import AWAY, Connection, Pool, borrowed
from crm_core.dialling import calling, lists
from crm_core.dialling.rules import Outcome

AT_MOST = 3.0  # seconds for an answer: an agent waits for it

log = structlog.get_logger("dzvin.dial_book")


@dataclass(frozen=True, slots=True)
class PostgresDialBook:
    pool: Pool
    clock: Callable[[], datetime]

    async def recover(self) -> None:
        async with self._book() as conn:
            cut = await calling.recover(conn, self.clock())
        if cut:
            log.info("calls of lists were cut", calls=cut)

    async def open_lists(self) -> Sequence[OpenList]:
        async with self._book() as conn:
            return [
                OpenList(
                    id=each.id,
                    line=each.line,
                    order=Order.PARTY_FIRST if each.party_first else Order.AGENT_FIRST,
                    points=each.points,
                    ring_seconds=float(each.ring_seconds),
                    preview_seconds=float(each.preview_seconds),
                    caller_id=each.caller_id,
                )
                for each in await lists.open_lists(conn)
            ]

    async def reserve(self, list_id: UUID, most: int) -> Sequence[DueEntry]:
        async with self._book() as conn:
            try:
                of = await lists.list_of(conn, list_id)
            except NotFound:
                return []
            return [
                DueEntry(id=each.id, number=each.e164, name=each.name, agent=each.agent, alone_until=each.alone_until)
                for each in await calling.reserve(conn, of, most, self.clock())
            ]

    async def may_dial(self, entry_id: UUID) -> bool:
        async with self._book() as conn:
            return await calling.may_dial(conn, entry_id, self.clock())

    async def begin(self, entry_id: UUID, call_id: UUID, extension: str) -> bool:
        async with self._book() as conn:
            return await calling.begin(conn, entry_id, call_id, extension, self.clock())

    async def settle(self, call_id: UUID, tried: Tried, extension: str) -> None:
        async with self._book() as conn:
            await calling.settle(conn, call_id, Outcome(tried.value), extension, self.clock())

    async def not_dialled(self, entry_id: UUID, why: Tried) -> None:
        async with self._book() as conn:
            await calling.not_dialled(conn, entry_id, Outcome(why.value), self.clock())

    async def skip(self, entry_id: UUID, extension: str, reason: str) -> None:
        async with self._book() as conn:
            await calling.skip(conn, entry_id, extension, reason, self.clock())

    async def release(self, entry_id: UUID) -> None:
        async with self._book() as conn:
            await calling.release(conn, entry_id)

    @asynccontextmanager
    async def _book(self) -> AsyncIterator[Connection]:
        try:
            async with borrowed(self.pool, at_most=AT_MOST) as conn:
                yield conn
        except AWAY as error:
            raise BookAway(repr(error)) from error
