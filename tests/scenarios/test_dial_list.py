"""A list of numbers is called by the whole product, and goes on after the core was killed in the middle of a call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.scenarios.company import LINE, Company, hear_each_other
from tests.support.deadlines import eventually
from tests.support.panel import Json, Panel, dig
from tests.support.server import Server, running_dzvin

REACHED, CUT, NEXT = "+380503338801", "+380503338802", "+380503338803"
ALWAYS = "mon-sun 00:00-00:00"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of its own: its core is killed."""
    with running_dzvin(tmp_path_factory.mktemp("dialling") / "data") as server:
        yield server


async def a_list(panel: Panel, *numbers: str) -> str:
    """Open; called in this order."""
    new: Json = {"name": "Spring", "line": LINE, "hours": ALWAYS}
    path = f"/api/dial-lists/{(await panel.ask('POST', '/api/dial-lists', new)).json()['id']}"
    for number in numbers:
        imported = await panel.ask("POST", f"{path}/entries", {"rows": [{"number": number, "name": "Anna"}]})
        assert imported.json() == {"added": 1, "left_out": []}
    await panel.ask("POST", f"{path}/open")
    return path


@pytest.mark.req("R-ACTIVE-02")
async def test_a_list_is_called_and_goes_on_after_a_kill_with_what_was_promised(server: Server) -> None:
    async with Company(server) as company, server.sign_in("admin") as panel, server.sign_in("agent3") as desk:
        agent, provider = await company.phone("1003"), await company.provider()
        path = await a_list(panel, REACHED, CUT, NEXT)

        # The first is reached, is an event like any call, and wants to be called tomorrow.
        own = await agent.rings()
        assert (own.caller, own.caller_name) == (REACHED, "Anna")
        await own.answer()
        party = await provider.rings()
        await party.answer()
        await hear_each_other(own, party)
        await party.hang_up()
        event = await panel.event(lambda row: row["phone"] == REACHED and row["ended_at"])
        assert (event["type"], event["owner_name"]) == ("outgoing_call", "Ганна Їжакевич")
        day_after = datetime.fromisoformat(str(event["ended_at"])) + timedelta(days=2)
        promised: Json = {"disposition": "callback", "at": f"{day_after:%Y-%m-%d}T10:00:00"}
        await desk.ask("PUT", f"/api/dispositions/of-calls/{event['call_id']}", promised)

        # The second one's phone rings when the core is killed.
        own = await agent.rings()
        assert own.caller == CUT
        await own.answer()
        cut = await provider.rings()
        cut.ring()
        assert cut.invite is not None and cut.invite.request_uri.user == CUT
        server.kill_core()
        await server.next_ready()

        # It counts as one try and comes again later; the third is called; the promise stands.
        own = await agent.rings(60)
        assert own.caller == NEXT
        await own.answer()
        party = await provider.rings()
        await party.refuse(486)
        await own.ended()

        async def results() -> Json:
            return (await panel.ask("GET", f"{path}/results")).json()  # type: ignore[no-any-return]

        counted = await eventually("the calls are counted", results, lambda now: dig(now, "calls", "busy") == 1)
        assert dig(counted, "calls") == {"callback": 1, "interrupted": 1, "busy": 1}
        assert dig(counted, "entries") == {"waiting": 3}
        await panel.ask("POST", f"{path}/close")
