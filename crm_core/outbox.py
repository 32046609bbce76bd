"""The outbox: what others must hear after commit, written in the transaction that makes it true.

Delivered in the order of id, deleted after delivery: a listener that dies in between hears a message again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec
import structlog

from crm_core.database import AWAY, Connection, Pool, borrowed

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

BATCH = 200
POLL_EVERY = 1.0  # seconds: a lost notification costs no more than this
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0
CHANNEL = "dzvin_outbox"

_log = structlog.get_logger()

APPEND = """
    WITH added AS (
        INSERT INTO outbox (kind, payload) SELECT $1, unnest($2::jsonb[])
    )
    SELECT pg_notify('dzvin_outbox', '')
"""


async def append(conn: Connection, kind: str, payload: Mapping[str, Json]) -> None:
    """Say `payload` to whoever listens, once the caller's transaction commits."""
    await append_all(conn, kind, [payload])


async def append_all(conn: Connection, kind: str, payloads: Sequence[Mapping[str, Json]]) -> None:
    """The same for many of one kind, in order."""
    if payloads:
        await conn.execute(APPEND, kind, [msgspec.json.encode(payload).decode() for payload in payloads])


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    id: int
    kind: str
    payload: Mapping[str, Json]


TAKE = "SELECT id, kind, payload FROM outbox ORDER BY id LIMIT $1"
DONE = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"


@dataclass(slots=True)
class Outbox:
    """Delivers messages to its subscribers for as long as `run` runs."""

    pool: Pool
    _subscribers: list[Callable[[OutboxMessage], None]] = field(default_factory=list, init=False)
    _notified: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def subscribe(self, callback: Callable[[OutboxMessage], None]) -> Callable[[], None]:
        """Call `callback` for each message, on the loop's thread. Returns what ends the subscription."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    async def run(self) -> None:
        """Deliver until cancelled; a data base that is away is waited for."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._listen()
            except AWAY as error:
                _log.warning("outbox_waits", error=repr(error), pause=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen(self) -> None:
        async with borrowed(self.pool, at_most=None) as conn:  # each statement has its own end
            await conn.add_listener(CHANNEL, self._wake)
            while True:
                self._notified.clear()
                while await self._deliver(conn) == BATCH:
                    pass
                # Not wait_for: on Python 3.11 it swallows a cancellation that arrives together with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_EVERY):
                        await self._notified.wait()

    def _wake(self, *_: object) -> None:
        self._notified.set()

    async def _deliver(self, conn: Connection) -> int:
        rows = await conn.fetch(TAKE, BATCH)
        for row in rows:
            self._tell(OutboxMessage(row["id"], row["kind"], msgspec.json.decode(row["payload"])))
        if rows:
            await conn.execute(DONE, [row["id"] for row in rows])
        return len(rows)

    def _tell(self, message: OutboxMessage) -> None:
        for callback in tuple(self._subscribers):
            try:
                callback(message)
            except Exception:  # the edge of the listener's room: one listener's fault must not stop the others
                _log.exception("outbox_listener_failed", kind=message.kind, id=message.id)
