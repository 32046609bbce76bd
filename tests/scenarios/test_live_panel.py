"""What an open panel is told, and when."""

from __future__ import annotations

import pytest

from tests.scenarios.company import DID, LINE, Company, connect
from tests.support.panel import Json, Row, dig
from tests.support.server import Server


@pytest.mark.req("R-PANEL-09", "R-PANEL-10", "R-PANEL-12", "R-PANEL-13")
async def test_it_follows_a_call_and_its_people(company: Company, server: Server) -> None:
    async with server.sign_in("supervisor") as panel, panel.live() as live:
        anna, boris = await company.phone("1001"), await company.phone("1002")
        await live.agent("1002", "free")
        call = await anna.dial("1002")
        incoming = await boris.rings()
        incoming.ring()
        ringing = await live.call("ringing")
        await incoming.answer()
        await call.answered()
        talking = await live.call("talking")
        await call.hang_up()
        ended = await live.call("ended")
        assert ringing["call_id"] == talking["call_id"] == ended["call_id"]
        assert ended["outcome"] == "answered"
        agents = [message["agent"] for message in live.messages if message["type"] == "agent.changed"]
    statuses: dict[Json, list[Json]] = {}
    for agent in agents:
        statuses.setdefault(str(dig(agent, "extension")), []).append(dig(agent, "status"))
    assert statuses["1001"][:3] == ["free", "calling", "busy"]
    assert statuses["1002"][:3] == ["free", "offered", "busy"]


@pytest.mark.req("R-PANEL-11", "R-PANEL-13")
async def test_it_shows_who_waits_in_a_line(company: Company, server: Server) -> None:
    async with server.sign_in("supervisor") as panel, panel.live() as live:
        caller = await company.phone("1001")
        call = await caller.dial(LINE)
        waiting = await live.until("somebody waits", lambda message: _waiting(message) == 1)
        assert dig(waiting, "line", "waiting", 0, "party", "number") == "1001"
        await call.cancel()
        await live.until("nobody waits", lambda message: _waiting(message) == 0)


@pytest.mark.req("R-PANEL-14")
async def test_a_panel_that_connects_late_sees_what_is(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    talk = await connect(anna, boris, "1002")
    async with server.sign_in("supervisor") as panel, panel.live() as live:
        calls, people = live.snapshot["calls"], live.snapshot["agents"]
        assert isinstance(calls, list)
        assert isinstance(people, list)
        assert [(dig(call, "state"), dig(call, "dialled")) for call in calls] == [("talking", "1002")]
        agents = {dig(agent, "extension"): dig(agent, "status") for agent in people}
        assert (agents["1001"], agents["1002"], agents["1003"]) == ("busy", "busy", "offline")
        await talk.caller.hang_up()
        await live.call("ended")


@pytest.mark.req("R-CALL-42")
async def test_a_missed_call_appears_with_its_follow_up(company: Company, server: Server) -> None:
    number = "+380502229001"
    provider, agent = await company.provider(), await company.phone("1003")
    async with server.sign_in("supervisor") as panel, panel.live() as live:
        call = await provider.dial(DID, caller=number, name="Ніна")
        incoming = await agent.rings()
        incoming.ring()
        await call.ringing()
        await call.cancel()
        await incoming.cancelled()

        told = await live.until(
            "a missed call with an owner", lambda message: dig(message, "missed", "follow_up", "owner_id")
        )
        assert dig(told, "missed", "party", "number") == number


async def test_who_is_offered_a_call_gets_the_card_of_who_calls(company: Company, server: Server) -> None:
    number = "+380502229002"
    provider, agent = await company.provider(), await company.phone("1003")
    async with server.sign_in("agent3") as panel, panel.live() as live:
        await panel.ask("POST", "/api/clients", {"name": "ТОВ Ромашка", "phones": [number]})
        call = await provider.dial(DID, caller=number)
        incoming = await agent.rings()
        incoming.ring()
        told = await live.until("the card", lambda message: dig(message, "card", "state") == "known")
        assert (dig(told, "card", "number"), dig(told, "card", "clients", 0, "name")) == (number, "ТОВ Ромашка")
        await call.cancel()
        await incoming.cancelled()


def _waiting(message: Row) -> int:
    waiting = dig(message, "line", "waiting")
    return len(waiting) if isinstance(waiting, list) else -1


async def test_click_to_call_rings_ones_own_phone_first(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    async with server.sign_in("agent1") as panel:
        placed = (await panel.ask("POST", "/api/calls", {"number": "1002"})).json()
        own = await anna.rings()
        assert boris.log.times_rung == 0
        await own.answer()
        incoming = await boris.rings()
        await incoming.answer()
        await own.audio.listen(0.3)
        await panel.ask("DELETE", f"/api/calls/{placed['call_id']}")
        await own.ended()
        await incoming.ended()
