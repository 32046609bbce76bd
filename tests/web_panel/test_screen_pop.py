"""The card of who calls, on the websocket of who is offered the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from callflow.facts import Fact
from crm_core import outbox
from tests.web_panel.asgi_socket import AsgiSocket
from tests.web_panel.house import House, cookie
from tests.web_panel.story import Story, named
from web_panel.screen_pop import MOST, ScreenPop

NUMBER = "+380671234567"


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
async def popping(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """Its look-ups may take as long as a busy machine needs: nothing here asks again for those that were cut."""
    monkeypatch.setattr("web_panel.screen_pop.PATIENCE", 30.0)
    async with ScreenPop(house.services.pool, house.live) as pop:
        house.pop = pop
        yield house
        house.pop = None


@asynccontextmanager
async def desk(house: House, login: str) -> AsyncIterator[tuple[httpx.AsyncClient, AsgiSocket]]:
    async with (
        await house.signed_in(login) as tab,
        AsgiSocket(house.app, "/api/live", cookie=cookie(tab)) as socket,
    ):
        await socket.receive_type("snapshot")
        yield tab, socket


async def card_of(socket: AsgiSocket, state: str) -> dict[str, Any]:
    """The next card in that state."""
    while True:
        card: dict[str, Any] = (await socket.receive_type("card.changed"))["card"]
        if card["state"] == state:
            return card


async def a_client(tab: httpx.AsyncClient, name: str = "Ромашка", **more: object) -> str:
    made = await tab.post("/api/clients", json={"name": name, "phones": [NUMBER], **more})
    assert made.status_code == 201, made.text
    client_id: str = made.json()["id"]
    return client_id


def signalled(house: House, *told: Fact | list[Fact]) -> None:
    """Facts as they are spooled: nothing of them has reached the data base yet."""
    assert house.pop
    for fact in [fact for each in told for fact in (each if isinstance(each, list) else [each])]:
        house.live.on_fact(fact)
        house.pop.on_fact(fact)


async def test_who_is_offered_a_call_gets_the_card_before_the_crm_has_the_call(popping: House, story: Story) -> None:
    async with desk(popping, "agent") as (tab, socket):
        client_id = await a_client(tab, contacts=[{"name": "Ніна", "job_title": "Бухгалтер"}])
        marked = await tab.patch(f"/api/clients/{client_id}", json={"language": "en", "black_listed": True})
        assert marked.status_code == 204
        signalled(popping, story.started("a"), story.queued("a"), story.offered("a", "1002"))
        card = await card_of(socket, "known")
    (client,) = card["clients"]
    assert (card["call_id"], card["number"], client["name"]) == (str(named("a")), NUMBER, "Ромашка")
    assert (client["contact_name"], client["job_title"]) == ("Ніна", "Бухгалтер")
    assert (client["language"], client["black_listed"]) == ("en", True)


async def test_the_card_holds_the_open_follow_up_the_last_calls_the_tasks_and_the_tickets(
    popping: House, story: Story
) -> None:
    async with desk(popping, "agent") as (tab, socket):
        client_id = await a_client(tab)
        await popping.tell(story.missed("earlier", NUMBER))
        await open_work(popping, UUID(client_id))
        signalled(popping, story.started("a"), story.offered("a", "1002"))
        card = await card_of(socket, "known")
    assert card["follow_up"]["missed_count"] == 1
    assert [call["type"] for call in card["calls"]] == ["missed_incoming_call"]
    assert [task["title"] for task in card["tasks"]] == ["Надіслати рахунок"]
    assert [ticket["number"] for ticket in card["tickets"]] == ["A-7"]


async def open_work(house: House, client_id: UUID) -> None:
    """A task for the agent and a ticket, both of that client."""
    async with house.services.pool.acquire() as conn:
        event = (
            "INSERT INTO event (id, type, started_at, client_id, content) VALUES ($1, 'electronic_queue', $2, $3, $4)"
        )
        await conn.execute(event, named("visit"), house.clock.now, client_id, "Надіслати рахунок")
        await conn.execute(
            "INSERT INTO task (id, kind, event_id, client_id, assignee_id, opened_at)"
            " VALUES ($1, 'task', $2, $3, $4, $5)",
            *(named("task"), named("visit"), client_id, house.users["agent"].id, house.clock.now),
        )
        service = await conn.fetchrow("SELECT id, project_id FROM service")
        assert service
        await conn.execute(
            "INSERT INTO ticket (id, event_id, service_id, project_id, booked, day, number, starts_at, ends_at,"
            " company_count, language) VALUES ($1, $2, $3, $4, true, '2030-01-07', 'A-7', $5, $5, 1, 'uk')",
            *(named("ticket"), named("visit"), service["id"], service["project_id"], house.clock.now),
        )


async def test_a_card_shows_only_what_its_viewer_may_see(popping: House, story: Story) -> None:
    """The missed call rang the agent. The colleague, who serves no line, sees neither it nor what is owed for it."""
    async with desk(popping, "agent") as (tab, agents), desk(popping, "colleague") as (_, colleagues):
        await a_client(tab)
        await popping.tell(story.missed("earlier", NUMBER))
        signalled(popping, story.started("a"), story.offered("a", "1002"), story.offered("a", "1003"))
        sees, sees_not = await card_of(agents, "known"), await card_of(colleagues, "known")
    assert sees["clients"] == sees_not["clients"]
    assert (sees["follow_up"] is not None, len(sees["calls"])) == (True, 1)
    assert (sees_not["follow_up"], sees_not["calls"], sees_not["tasks"]) == (None, [], [])


async def test_nobody_else_gets_the_card_and_it_goes_with_the_offer(popping: House, story: Story) -> None:
    async with desk(popping, "agent") as (_, agents), desk(popping, "colleague") as (_, colleagues):
        signalled(popping, story.started("a"), story.offered("a", "1002"))
        await card_of(agents, "unknown")
        assert {key.viewer for key in popping.live.state.cards[named("a")]} == {popping.users["agent"].id}
        signalled(popping, story.offer_ended("a", "1002"), story.offered("a", "1003"))
        gone = await agents.receive_type("gone")
        while gone["kind"] != "card":
            gone = await agents.receive_type("gone")
        await card_of(colleagues, "unknown")
    assert gone["id"] == str(named("a"))


async def test_a_supervisor_who_is_offered_a_call_gets_the_whole_card(popping: House, story: Story) -> None:
    async with desk(popping, "supervisor") as (_, socket):
        await popping.tell(story.missed("earlier", NUMBER))
        signalled(popping, story.started("a"), story.offered("a", "1001"))
        card = await card_of(socket, "unknown")
    assert (len(card["calls"]), card["follow_up"] is not None) == (1, True)


async def test_a_number_of_several_clients_is_given_to_one_by_one_click(popping: House, story: Story) -> None:
    async with desk(popping, "agent") as (tab, socket):
        await a_client(tab, "Завод")
        chosen = await a_client(tab, "Контора")
        await popping.tell(story.started("a"), story.queued("a"), story.offered("a", "1002"))
        several = await card_of(socket, "several")
        assert {client["name"]: client["confidence"] for client in several["clients"]} == {"Завод": 0.5, "Контора": 0.5}
        event = popping.live.state.calls[named("a")].event_id
        assert (await tab.put(f"/api/events/{event}/client", json={"client_id": chosen})).status_code == 204
        await popping.deliver()
        known = await card_of(socket, "known")
    assert [client["name"] for client in known["clients"]] == ["Контора"]


async def test_an_unknown_caller_becomes_a_client_while_the_call_runs(popping: House, story: Story) -> None:
    async with desk(popping, "agent") as (tab, socket):
        await popping.tell(story.started("a"), story.queued("a"), story.offered("a", "1002"))
        await card_of(socket, "unknown")
        event = popping.live.state.calls[named("a")].event_id
        made = await tab.post("/api/clients", json={"name": "Нова", "event_id": str(event)})
        assert made.status_code == 201
        await popping.deliver()
        known = await card_of(socket, "known")
    assert [client["name"] for client in known["clients"]] == ["Нова"]


async def test_who_opens_the_panel_during_the_call_gets_its_card(popping: House, story: Story) -> None:
    signalled(popping, story.started("a"), story.offered("a", "1002"))
    async with desk(popping, "agent") as (_, socket):
        await card_of(socket, "unknown")


async def test_a_hidden_number_and_a_colleague_have_no_card(popping: House, story: Story) -> None:
    async with desk(popping, "agent"):
        signalled(popping, story.started("a", number="anonymous"), story.offered("a", "1002"))
        signalled(popping, story.internal("b", "1003", "1002"), story.offered("b", "1002"))
        assert popping.pop
        assert popping.pop.waiting == 0


class _Away:
    """The pool of a data base that is away, as asyncpg says it."""

    async def acquire(self, *, timeout: float) -> None:
        raise ConnectionRefusedError

    async def release(self, conn: object) -> None: ...


async def test_with_the_data_base_away_the_bare_number_comes_and_the_card_follows(house: House, story: Story) -> None:
    away: Any = _Away()
    async with ScreenPop(away, house.live) as pop:
        house.pop = pop
        async with desk(house, "agent") as (_, socket):
            signalled(house, story.started("a"), story.offered("a", "1002"))
            late = await card_of(socket, "late")
            assert (late["number"], late["clients"], late["calls"]) == (NUMBER, [], [])
            pop._pool = house.services.pool  # it is back, and the CRM says that it has the call
            async with house.services.pool.acquire() as conn:
                await outbox.append(conn, "call.linked", {"call_id": str(named("a"))})
            await house.deliver()
            await card_of(socket, "unknown")
        house.pop = None


async def test_an_answer_for_a_call_that_is_over_is_dropped(popping: House, story: Story) -> None:
    async with desk(popping, "agent"):
        signalled(popping, story.started("a"), story.offered("a", "1002"), story.ended("a"))
        assert popping.pop
        while popping.pop.waiting:
            await asyncio.sleep(0)
        assert popping.live.state.cards == {}


async def test_look_ups_that_wait_are_bounded(house: House, story: Story) -> None:
    """A data base that hangs: the calls above the bound keep the bare number."""
    hangs = asyncio.Event()

    class Hangs(_Away):
        async def acquire(self, *, timeout: float) -> None:
            await hangs.wait()
            raise TimeoutError

    pool: Any = Hangs()
    async with ScreenPop(pool, house.live) as pop:
        house.pop = pop
        async with desk(house, "agent"):
            for number in range(MOST):
                signalled(house, story.started(f"call {number}"), story.offered(f"call {number}", "1002"))
            assert pop.waiting == MOST
            hangs.set()
            while pop.waiting:
                await asyncio.sleep(0)
        house.pop = None


async def test_a_client_is_marked_by_who_may_write_clients_only(house: House) -> None:
    async with await house.signed_in("agent") as agent, await house.signed_in("hall") as hall:
        client_id = await a_client(agent)
        assert (await hall.patch(f"/api/clients/{client_id}", json={"black_listed": True})).status_code == 403
        wrong = await agent.patch(f"/api/clients/{client_id}", json={"language": "xx"})
        assert wrong.status_code == 400
        assert (await agent.patch(f"/api/clients/{named('no')}", json={"language": "uk"})).status_code == 404
        await agent.patch(f"/api/clients/{client_id}", json={"language": "uk"})
        await agent.patch(f"/api/clients/{client_id}", json={"black_listed": True})
        await agent.patch(f"/api/clients/{client_id}", json={"language": ""})
    async with house.services.pool.acquire() as conn:
        row = await conn.fetchrow("SELECT language, black_listed FROM client WHERE id = $1", UUID(client_id))
        audited = await conn.fetchval("SELECT count(*) FROM audit WHERE action = 'marked client'")
    assert row
    assert (row["language"], row["black_listed"], audited) == (None, True, 3)
