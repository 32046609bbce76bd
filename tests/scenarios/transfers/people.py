"""What the scenarios of transfers share: three or four people, and what the database says of their calls afterwards.

Anna (1001) is who gets transferred, Boris (1002) the transferor, Carol (1003) the target.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.scenarios.company import Company, Talk, connect, hear_each_other
from tests.support.phone import FakePhone
from tests.support.phone_call import Call
from tests.support.server import Server

FALLBACK = "u00050"


@dataclass(frozen=True, slots=True)
class Trio:
    anna: FakePhone
    boris: FakePhone
    carol: FakePhone


async def a_trio(company: Company) -> Trio:
    return Trio(await company.phone("1001"), await company.phone("1002"), await company.phone("1003"))


async def talking(caller: FakePhone, callee: FakePhone, number: str, *, shown: str | None = None) -> Talk:
    talk = await connect(caller, callee, number, shown=shown)
    await hear_each_other(talk.caller, talk.callee)
    return talk


async def take(phone: FakePhone, seconds: float = 10) -> Call:
    """The next call at that phone, rung and answered."""
    call = await phone.rings(seconds)
    call.ring()
    await call.answer()
    return call


async def end(one: Call, other: Call) -> None:
    await one.hang_up()
    await other.ended()


async def last_call(server: Server, caller: str) -> dict[str, Any]:
    """The row of the last call from that extension or outside number, once it is over."""
    await server.calls_written()
    async with server.database() as conn:
        row = await conn.fetchrow(
            "SELECT c.* FROM call c JOIN party p ON p.id = c.party_id"
            " WHERE (c.caller = $1 OR p.number = $1) AND c.ended_at IS NOT NULL ORDER BY c.started_at DESC LIMIT 1",
            caller,
        )
        assert row is not None, f"no call of {caller}"
        return dict(row)


async def segments(server: Server, call_id: object) -> list[str]:
    """The extensions of the call's segments, in order; each has ended, and none before the one before it."""
    async with server.database() as conn:
        rows = await conn.fetch("SELECT * FROM segment WHERE call_id = $1 ORDER BY started_at", call_id)
    assert all(row["ended_at"] is not None for row in rows)
    assert all(one["ended_at"] <= next_["started_at"] for one, next_ in pairwise(rows))
    return [row["extension"] for row in rows]


async def transfer_facts(server: Server, call_id: object) -> list[str]:
    """The facts of that call's transfers in order, as "kind by target" or "end"."""
    async with server.database() as conn:
        rows = await conn.fetch(
            "SELECT kind, payload FROM ledger WHERE call_id = $1 AND kind LIKE 'Transfer%' ORDER BY seq", call_id
        )
    return [_told(row["kind"], json.loads(row["payload"])) for row in rows]


def _told(kind: str, payload: dict[str, Any]) -> str:
    match kind:
        case "TransferStarted":
            return f"{payload['kind']} {payload['by']} {payload.get('target') or 'outside'}"
        case "TransferEnded":
            return str(payload["end"])
        case _:
            return "consulting"


async def recordings(server: Server, call_id: object) -> list[str]:
    """The ids of the call's recordings, once all are whole."""
    await server.calls_written()
    async with server.database() as conn:
        rows = await conn.fetch("SELECT id, file FROM recording WHERE call_id = $1 ORDER BY started_at", call_id)
    assert all(row["file"] for row in rows)
    return [str(row["id"]) for row in rows]
