"""Callers and visitors wait for the same people: an agent with a visitor at the window is offered no call."""

from __future__ import annotations

import pytest

from tests.scenarios.company import LINE, Company
from tests.support.deadlines import eventually
from tests.support.panel import Json, Panel, dig
from tests.support.server import Server


async def reasons(supervisor: Panel, call_id: Json) -> Json:
    """Why each agent of the line does not have the call."""
    answer = await supervisor.client.get(f"/api/waiting/{call_id}/why")
    return dig(answer.json(), "agents", "1003", "key")


@pytest.mark.req("R-QUEUE-38")
async def test_a_visitor_at_the_window_keeps_the_line_from_ringing_until_served(
    company: Company, server: Server
) -> None:
    agent, caller = await company.phone("1003"), await company.phone("1001")
    async with server.sign_in("supervisor") as supervisor, server.sign_in("agent3") as panel, supervisor.live() as live:
        await supervisor.ask("POST", "/api/hall/tickets", {"service_code": "consultation", "name": "Ніна"})
        ticket = (await panel.ask("POST", "/api/hall/call-next")).json()
        await live.agent("1003", "busy")
        call = await caller.dial(LINE)
        waits = await live.call("queued")

        async def at_window() -> bool:
            return await reasons(supervisor, waits["call_id"]) == "at_window"

        await eventually("the window is why", at_window)
        assert agent.log.times_rung == 0
        await panel.ask("POST", f"/api/hall/tickets/{ticket['id']}/serve")
        incoming = await agent.rings()
        await incoming.answer()
        await call.answered()
        await call.hang_up()
        await incoming.ended()
        await live.call("ended")
