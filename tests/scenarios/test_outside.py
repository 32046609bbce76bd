"""Calls to ordinary telephone numbers, by the provider that also brings the customers."""

from __future__ import annotations

import pytest

from tests.scenarios.company import DID, Company, connect, hear_each_other
from tests.support.deadlines import eventually
from tests.support.panel import Row
from tests.support.server import Server

CUSTOMER = "+380503337701"


@pytest.mark.req("R-PHONE-01", "R-CALL-06", "R-CALL-15", "R-CALL-19")
async def test_an_ordinary_number_is_called_through_the_provider(company: Company, server: Server) -> None:
    async with server.sign_in("admin") as panel:
        anna, provider = await company.phone("1001"), await company.provider()
        talk = await connect(anna, provider, CUSTOMER)
        assert talk.callee.invite
        assert talk.callee.invite.request_uri.user == CUSTOMER
        await hear_each_other(talk.caller, talk.callee)
        await talk.caller.hang_up()
        await talk.callee.ended()
        event = await panel.event(lambda row: row["phone"] == CUSTOMER and row["ended_at"])
    assert (event["type"], event["e164"], event["owner_name"]) == ("outgoing_call", CUSTOMER, "Олена Коваль")


@pytest.mark.req("R-CALL-09", "R-CALL-41", "R-CALL-42", "R-CALL-45")
async def test_calling_a_missed_customer_back_closes_the_follow_up(company: Company, server: Server) -> None:
    """From the panel: the follow-up's call-back rings the agent's own phone, then the customer."""
    customer = "+380503337702"
    async with server.sign_in("agent3") as panel:
        provider, agent = await company.provider(), await company.phone("1003")
        call = await provider.dial(DID, caller=customer)
        incoming = await agent.rings()
        incoming.ring()
        await call.ringing()
        await call.cancel()
        await incoming.cancelled()

        async def owed() -> list[Row]:
            return [row for row in await panel.follow_ups() if row["phone"] == customer]

        follow_up = (await eventually("a follow-up", owed))[0]
        await panel.ask("POST", "/api/calls", {"number": customer, "follow_up": follow_up["id"]})
        own = await agent.rings()
        await own.answer()
        reached = await provider.rings()
        await reached.answer()
        await hear_each_other(own, reached)
        await own.hang_up()
        await reached.ended()
        await eventually("nothing is owed any more", owed, lambda rows: not rows)
        event = await panel.event(lambda row: row["phone"] == customer and row["type"] == "missed_call_answer")
    assert event["answers_event_id"] == follow_up["event_id"]
