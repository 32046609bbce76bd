"""Callbacks that are owed: for the core that starts, and for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from callflow.callback_facts import CallbackBroken, CallbackKept, CallbackPromised, CallbackTried
from callflow.facts import PartyIntroduced
from callflow.line_orders import WaitOrder, WaitOrdered
from crm_core.access import Right, require
from crm_core.database import Connection
from crm_core.fact_codec import AnyFact
from crm_core.organisation import User

MOST_OWED = 5_000
MOST_SHOWN = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedCallback:
    """`number` is "" for somebody who was erased."""

    id: UUID
    line: str
    number: str
    name: str
    joined_at: datetime
    promised_at: datetime
    expires_at: datetime
    tries: int = 0
    again_at: datetime | None = None


OWED = """
    SELECT c.id, c.line, p.number, p.name, c.joined_at, c.promised_at, c.expires_at, c.tries, c.again_at
      FROM callback c JOIN party p ON p.id = c.party_id
     WHERE c.ended_at IS NULL AND p.erased_at IS NULL
     ORDER BY c.joined_at LIMIT $1
"""


async def owed(conn: Connection, unwritten: Iterable[AnyFact] = ()) -> list[OwedCallback]:
    """In the order of their places, at most 5,000. `unwritten`: what the spool held before this was called, since that
    may promise, try and end callbacks of which the data base does not know yet."""
    open_ = _Open({row["id"]: OwedCallback(**dict(row)) for row in await conn.fetch(OWED, MOST_OWED)})
    for fact in unwritten:
        open_.apply(fact)
    return sorted(open_.callbacks.values(), key=lambda each: (each.joined_at, each.id))[:MOST_OWED]


@dataclass(slots=True)
class _Open:
    callbacks: dict[UUID, OwedCallback]
    parties: dict[UUID, PartyIntroduced] = field(default_factory=dict)

    def apply(self, fact: AnyFact) -> None:
        match fact:
            case PartyIntroduced(party=party):
                self.parties[party] = fact
            case CallbackPromised(promise=promise, party=party) if party in self.parties:
                who = self.parties[party]
                self.callbacks[promise] = OwedCallback(
                    id=promise,
                    line=fact.line,
                    number=who.number,
                    name=who.name,
                    joined_at=fact.joined_at,
                    promised_at=fact.at,
                    expires_at=fact.expires_at,
                )
            case CallbackTried(promise=promise) if promise in self.callbacks:
                self.callbacks[promise] = replace(self.callbacks[promise], tries=fact.tries, again_at=fact.again_at)
            case WaitOrdered(call_id=promise, order=WaitOrder.MOVED, to=line) if promise in self.callbacks:
                self.callbacks[promise] = replace(self.callbacks[promise], line=line)
            case CallbackKept(promise=promise) | CallbackBroken(promise=promise):
                self.callbacks.pop(promise, None)
            case _:
                pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRow:
    """One that is owed. `last_try`: what the last try came to; None: there was none."""

    id: UUID
    line: str
    call_id: UUID
    phone: str
    name: str
    joined_at: datetime
    promised_at: datetime
    expires_at: datetime
    tries: int
    last_try: str | None
    again_at: datetime | None


WAITING = """
    SELECT c.id, c.line, c.call_id, p.number AS phone, p.name, c.joined_at, c.promised_at, c.expires_at, c.tries,
           c.last_try, c.again_at
      FROM callback c JOIN party p ON p.id = c.party_id
     WHERE c.ended_at IS NULL AND p.erased_at IS NULL ORDER BY c.joined_at, c.id LIMIT $1
"""


async def waiting(conn: Connection, user: User) -> list[CallbackRow]:
    """Those that are owed, in the order of their places, at most 1000. Raises Forbidden."""
    require(user, Right.SUPERVISE)
    return [CallbackRow(**dict(row)) for row in await conn.fetch(WAITING, MOST_SHOWN)]
