"""Why somebody waits, over HTTP: the engine's reasons in the reader's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest_asyncio

from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import Will
from queue_engine.work import Line
from tests.web_panel.house import House

CALL = UUID(int=7)


@pytest_asyncio.fixture
async def dispatcher(house: House) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher([Line("7000", ("1001", "1002"))])
    dispatcher.reachable("1001", True)
    dispatcher.declare("1001", Will.PAUSED)
    dispatcher.enter(CALL, "7000")
    house.app.state["services"] = replace(house.services, waiting=dispatcher)
    yield dispatcher
    dispatcher.close()


async def test_a_supervisor_reads_why_a_call_is_with_nobody(house: House, dispatcher: Dispatcher) -> None:
    async with await house.signed_in("supervisor") as tab:
        found = (await tab.get(f"/api/waiting/{CALL}/why", headers={"Accept-Language": "en"})).json()
    assert (found["line"], found["position"]) == ("7000", 1)
    assert {extension: why["text"] for extension, why in found["agents"].items()} == {
        "1001": "paused",
        "1002": "the phone cannot be reached",
    }


async def test_a_supervisor_reads_why_an_agent_has_nothing_to_do(house: House, dispatcher: Dispatcher) -> None:
    async with await house.signed_in("supervisor") as tab:
        found = (await tab.get("/api/waiting/agents/1001/why", headers={"Accept-Language": "uk"})).json()
    assert found["state"]["text"] == "на паузі"
    assert found["items"][str(CALL)]["key"] == "paused"


async def test_nobody_knows_of_a_call_that_does_not_wait(house: House, dispatcher: Dispatcher) -> None:
    async with await house.signed_in("supervisor") as tab:
        unknown = await tab.get(f"/api/waiting/{UUID(int=8)}/why")
        stranger = await tab.get("/api/waiting/agents/9999/why")
    assert (unknown.status_code, stranger.status_code) == (404, 404)


async def test_an_agent_may_not_read_it(house: House, dispatcher: Dispatcher) -> None:
    async with await house.signed_in("agent") as tab:
        assert (await tab.get(f"/api/waiting/{CALL}/why")).status_code == 403


async def test_a_supervisor_commands_those_who_wait_and_a_line(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        answers = [
            await tab.post(f"/api/waiting/{CALL}/move", json={"line": "7001"}),
            await tab.put(f"/api/waiting/{CALL}/points", json={"points": 5}),
            await tab.put(f"/api/waiting/{CALL}/agent", json={"agent": "1002"}),
            await tab.delete(f"/api/waiting/{CALL}/agent"),
            await tab.post(f"/api/waiting/{CALL}/withdraw", json={"to": "1001", "message": "sorry"}),
        ]
        switched = await tab.put("/api/waiting/lines/7000", json={"is_open": False, "message": "outage"})
        nonsense = await tab.put(f"/api/waiting/{CALL}/points", json={"points": "many"})
    assert [answer.status_code for answer in answers] == [204] * 5
    assert (switched.status_code, switched.json()) == (200, {"is_open": False, "message": "outage"})
    assert nonsense.status_code == 400
    assert house.control.done == [
        ("move", CALL, "7001"),
        ("prioritise", CALL, 5.0),
        ("assign", CALL, "1002"),
        ("assign", CALL, ""),
        ("withdraw", CALL, "1001", "sorry"),
        ("switch", "7000", False, "outage"),
    ]


async def test_what_waits_no_more_and_a_line_that_is_none_are_not_found(house: House) -> None:
    async with await house.signed_in("supervisor") as tab:
        for reason in ("unknown_call", "unknown_line"):
            house.control.refuse = reason
            answer = await tab.post(f"/api/waiting/{CALL}/move", json={"line": "7001"})
            assert (answer.status_code, answer.json()["error"]) == (404, reason)
