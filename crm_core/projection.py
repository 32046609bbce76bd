"""From new ledger rows to what is derived from them: the one place that knows which room reads which fact."""

from __future__ import annotations

from collections.abc import Sequence

from callflow.facts import (
    CallFact,
    ForwardingChanged,
    PartyIntroduced,
    PhoneOffline,
    PhoneOnline,
    PhoneSettingsChanged,
)
from callflow.line_orders import LineSwitched
from crm_core import callbacks, settings
from crm_core.calls import projection as calls
from crm_core.clients import parties
from crm_core.database import Connection
from crm_core.events import telephony as events
from crm_core.fact_codec import AnyFact
from crm_core.telephony import switches, wills, wishes, wrap_ups
from queue_engine.facts import AgentDeclared, WrapUpSet


async def project(conn: Connection, facts: Sequence[AnyFact]) -> None:
    """Inside the transaction that wrote `facts` to the ledger. Kinds that nobody reads project nothing."""
    if not facts:
        return
    parameters = await settings.load(conn)
    await parties.introduce(
        conn, [fact for fact in facts if isinstance(fact, PartyIntroduced)], region=parameters.region
    )
    await callbacks.begin(conn, facts)
    await calls.project(conn, [fact for fact in facts if isinstance(fact, CallFact)], parameters)
    await callbacks.end(conn, facts, parameters)
    await events.phones_changed(conn, [fact for fact in facts if isinstance(fact, PhoneOnline | PhoneOffline)])
    for fact in facts:
        match fact:
            case AgentDeclared():
                await wills.declare(conn, fact)
            case WrapUpSet():
                await wrap_ups.keep(conn, fact)
            case LineSwitched():
                await switches.switch(conn, fact)
            case PhoneSettingsChanged():
                await wishes.change(conn, fact)
            case ForwardingChanged():
                await wishes.forward(conn, fact)
            case _:
                pass
