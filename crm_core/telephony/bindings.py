"""Where phones are: registrations kept over a restart.

`save` only remembers; what changed is written within 50 ms, or within 0.3 s of the write before when everybody
registers at once. A data base that is away costs lateness: the newest state of each address waits, so the memory is
bounded by the number of addresses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import msgspec
import structlog

from crm_core.database import AWAY, Connection, Pool, borrowed

WRITE_AFTER = 0.03  # seconds: changes that follow at once share the write
WRITE_EVERY = 0.25  # seconds from one write to the next: a write costs the same for one phone and for fifty
LAST_WRITE_TIMEOUT = 3.0
BATCH = 500  # addresses of record
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBinding:
    """One contact of an address of record. `expires_at` is seconds since 1970, since a clock must outlive a restart."""

    contact: str
    sip_call_id: str
    cseq: int
    expires_at: float
    received: str = ""  # the flow it registered on
    path: str = ""
    user_agent: str = ""
    q: float = 1.0
    instance: str = ""
    reg_id: int = 0


FORGET = "DELETE FROM sip_binding WHERE aor = ANY($1::text[])"
REMEMBER = """
    INSERT INTO sip_binding SELECT * FROM jsonb_populate_recordset(NULL::sip_binding, $1::jsonb)
    ON CONFLICT (aor, contact) DO NOTHING
"""
LOAD = "SELECT * FROM sip_binding ORDER BY aor, contact"


@dataclass(slots=True)
class PostgresBindings:
    """Implements `pbx.ports.BindingStore` (the composition root converts the bindings)."""

    pool: Pool
    _changed: dict[str, tuple[StoredBinding, ...]] = field(default_factory=dict, init=False)
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def save(self, aor: str, bindings: tuple[StoredBinding, ...]) -> None:
        """These are the address's bindings now; none = forget it. Never waits."""
        self._changed[aor] = bindings
        self._wake.set()

    async def load(self) -> dict[str, tuple[StoredBinding, ...]]:
        """Every address with its bindings, lapsed ones too: the registrar knows the time."""
        found: dict[str, tuple[StoredBinding, ...]] = {}
        for row in await self.pool.fetch(LOAD):
            binding = StoredBinding(**{each.name: row[each.name] for each in fields(StoredBinding)})
            found[row["aor"]] = (*found.get(row["aor"], ()), binding)
        return found

    async def run(self) -> None:
        """Write until cancelled, and then, for at most 3 s, what is left."""
        try:
            await self._write_for_ever()
        finally:
            await self._write_the_rest()

    async def _write_for_ever(self) -> None:
        pause, loop = FIRST_PAUSE, asyncio.get_running_loop()
        last = -WRITE_EVERY
        while True:
            await self._wake.wait()
            await asyncio.sleep(max(WRITE_AFTER, last + WRITE_EVERY - loop.time()))
            last = loop.time()
            try:
                while self._changed:
                    await self._write_some()
                self._wake.clear()
                pause = FIRST_PAUSE
            except AWAY as error:
                _log.warning("bindings_wait", error=repr(error), addresses=len(self._changed))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _write_the_rest(self) -> None:
        try:
            async with asyncio.timeout(LAST_WRITE_TIMEOUT):
                while self._changed:
                    await self._write_some()
        except AWAY as error:  # phones will register again
            _log.warning("bindings_not_written", error=repr(error), addresses=len(self._changed))

    async def _write_some(self) -> None:
        batch = dict(list(self._changed.items())[:BATCH])
        async with borrowed(self.pool) as conn:
            await _write(conn, batch)
        for aor, bindings in batch.items():
            if self._changed.get(aor) is bindings:  # else it changed while we wrote
                del self._changed[aor]


async def _write(conn: Connection, batch: Mapping[str, tuple[StoredBinding, ...]]) -> None:
    rows = [
        {"aor": _storable(aor), **{name: _storable(value) for name, value in msgspec.to_builtins(binding).items()}}
        for aor, bindings in batch.items()
        for binding in bindings
    ]
    async with conn.transaction():
        await conn.execute(FORGET, [_storable(aor) for aor in batch])
        await conn.execute(REMEMBER, msgspec.json.encode(rows).decode())


def _storable(value: str | float) -> str | float:
    """PostgreSQL takes no NUL, UTF-8 no lone surrogate; a contact that holds either never rings anyway."""
    if not isinstance(value, str):
        return value
    return value.replace("\0", "").encode(errors="replace").decode()
