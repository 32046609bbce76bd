"""A supervisor makes a line while the product runs, moves a caller there, and closes it."""

from __future__ import annotations

from tests.scenarios.company import LINE, Company
from tests.support.panel import Json
from tests.support.server import Server

NEW_LINE = "7100"
SETTINGS: Json = {"name": "Нова", "agents": ["1002"], "music": "hold"}


async def test_a_line_made_by_a_supervisor_takes_a_caller_who_waits_elsewhere_until_it_is_closed(
    company: Company, server: Server
) -> None:
    caller, agent = await company.phone("1001"), await company.phone("1002")
    async with server.sign_in("supervisor") as supervisor, supervisor.live() as live:
        made = await supervisor.ask("PUT", f"/api/lines/{NEW_LINE}", {"settings": SETTINGS, "revision": 0})
        assert made.json() == {"revision": 1}
        await supervisor.ask("GET", f"/api/lines/{NEW_LINE}")
        call = await caller.dial(LINE)  # nobody of that line has a phone
        waits = await live.call("queued")
        await supervisor.ask("POST", f"/api/waiting/{waits['call_id']}/move", {"line": NEW_LINE})
        incoming = await agent.rings()
        await incoming.answer()
        await call.answered()
        await call.hang_up()
        await incoming.ended()
        await live.call("ended")

        await supervisor.ask("PUT", f"/api/waiting/lines/{NEW_LINE}", {"is_open": False})
        refused = await caller.dial(NEW_LINE)
        assert await refused.refused() == 480, "not answered first: nobody pays for it"
        assert agent.log.times_rung == 1
        await supervisor.ask("PUT", f"/api/waiting/lines/{NEW_LINE}", {"is_open": True})
