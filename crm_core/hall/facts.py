"""What happens in the hall is born in the data base: its ledger row and outbox row commit with what they tell."""

from __future__ import annotations

import msgspec

from crm_core import ledger, outbox
from crm_core.database import Connection
from queue_engine.facts import QueueFact

TICKET_ISSUED, TICKET_CALLED, TICKET_SERVED = "ticket.issued", "ticket.called", "ticket.served"
"""Kinds of the outbox."""


async def tell(conn: Connection, kind: str, fact: QueueFact) -> None:
    """The payload of the outbox message is the fact: numbers and windows, no names."""
    await ledger.write(conn, [fact])
    await outbox.append(conn, kind, msgspec.to_builtins(fact))
