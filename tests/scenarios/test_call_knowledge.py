"""What the CRM makes of calls by its parameters and its clients, proved by calls and seen over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.scenarios.company import DID, Company, connect
from tests.support.deadlines import eventually
from tests.support.panel import Panel, Row
from tests.support.phone import FakePhone
from tests.support.server import Server

SHORT = "77"


async def given_up(caller: FakePhone, callee: FakePhone, number: str, *, shown: str | None = None) -> None:
    """A call that rings and is missed."""
    call = await caller.dial(number, caller=shown)
    incoming = await callee.rings()
    incoming.ring()
    await call.ringing()
    await call.cancel()
    await incoming.cancelled()


@pytest.mark.req("R-CALL-17", "R-CALL-40", "R-CALL-43")
async def test_a_missed_client_is_known_however_the_number_is_written_until_answered(
    company: Company, server: Server
) -> None:
    customer = "+380503337721"
    async with server.sign_in("admin") as panel:
        contact: Row = {"name": "Ніна Гай", "phones": ["(050) 333-77-21"]}
        await panel.ask("POST", "/api/clients", {"name": "ТОВ Сальвія", "contacts": [contact]})
        provider, agent = await company.provider(), await company.phone("1003")
        await given_up(provider, agent, DID, shown="380503337721")  # the provider leaves out the plus

        async def owed() -> list[Row]:
            return [row for row in await panel.follow_ups() if row["e164"] == customer]

        async def unanswered() -> list[Row]:
            return await panel.events(view="unanswered", text="050 333 77 21")

        (follow_up,) = await eventually("a follow-up", owed)
        (missed,) = await unanswered()
        assert (follow_up["event_id"], follow_up["phone"]) == (missed["id"], missed["phone"])
        for row in (follow_up, missed):
            assert (row["client_name"], row["contact_name"]) == ("ТОВ Сальвія", "Ніна Гай")
        talk = await connect(provider, agent, DID, shown=customer)
        await talk.caller.hang_up()
        await talk.callee.ended()
        await eventually("the call is answered for", unanswered, lambda rows: not rows)
        await eventually("nothing is owed any more", owed, lambda rows: not rows)
        kinds = [row["type"] for row in await panel.events(text=customer)]
    assert kinds == ["incoming_call", "missed_incoming_call"]


@asynccontextmanager
async def _shortest(panel: Panel, length: str) -> AsyncIterator[None]:
    await panel.ask("PUT", "/api/settings/min_number_length", {"value": length})
    try:
        yield
    finally:
        await panel.ask("PUT", "/api/settings/min_number_length", {"value": "0"})


@pytest.mark.req("R-CALL-31", "R-CALL-32", "R-CALL-33", "R-CALL-34", "R-CALL-35", "R-CALL-36")
async def test_calls_of_short_numbers_leave_no_trace_unless_the_rule_lets_them(
    company: Company, server: Server
) -> None:
    """The call of a long number behind the others says that the CRM has seen them all."""
    async with server.sign_in("admin") as panel:
        anna, agent, provider = await company.phone("1001"), await company.phone("1003"), await company.provider()
        known = {row["id"] for row in await panel.events()}
        owed = {row["id"] for row in await panel.follow_ups()}

        async def new() -> list[Row]:
            return [row for row in await panel.events() if row["call_id"] and row["id"] not in known]

        async def told(marker: str) -> list[str]:
            """Whose calls became events before the marker's did."""
            await given_up(provider, agent, DID, shown=marker)
            await panel.event(lambda row: row["e164"] == marker and row["ended_at"])
            return sorted(str(row["phone"]) for row in await new() if row["e164"] != marker)

        async with _shortest(panel, "5"):
            await given_up(provider, agent, DID, shown=SHORT)
            await given_up(anna, agent, "1003")
            assert await told("+380503337722") == []
            assert [row["phone"] for row in await panel.follow_ups() if row["id"] not in owed] == ["+380503337722"]
        known |= {row["id"] for row in await new()}
        async with _shortest(panel, "4"):
            await given_up(provider, agent, DID, shown=SHORT)
            await given_up(anna, agent, "1003")
            assert await told("+380503337723") == ["1001"]
        known |= {row["id"] for row in await new()}
        async with _shortest(panel, ""):
            await given_up(provider, agent, DID, shown=SHORT)
            assert await told("+380503337724") == [SHORT]
