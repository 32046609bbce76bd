"""Visitors go to operators who are free by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio

from crm_core.database import Pool
from crm_core.outbox import OutboxMessage
from dzvin.visitors import Visitors
from queue_engine.facts import Will
from tests.web_panel.house import House, a_house
from tests.web_panel.story import Story
from web_panel.live_entries import Person
from web_panel.routes.live import sight_of


@dataclass
class Hall:
    house: House
    visitors: Visitors
    story: Story

    async def uses_statuses(self, login: str = "agent", *, on: bool = True) -> None:
        async with await self.house.signed_in("admin") as tab:
            user = self.house.users[login].id
            await tab.put(f"/api/users/{user}/parameters", json={"uses_statuses": on})

    def declares(self, will: Will, reason: str = "", login: str = "agent") -> None:
        user = self.house.users[login]
        fact = self.story.declared(Person(user_id=user.id, name="", extension=user.extension), will, reason)
        self.house.live.on_fact(fact)
        self.visitors.on_fact(fact)

    async def comes(self) -> str:
        """A visitor without a booking; the number."""
        async with await self.house.signed_in("hall") as desk:
            ticket = await desk.post("/api/hall/tickets", json={"service_code": "consult"})
        await self.house.deliver()
        return str(ticket.json()["number"])

    async def called(self) -> dict[str, str]:
        """Number -> login of who has that visitor."""
        await self.visitors.look()
        await self.house.deliver()
        async with self.house.services.pool.acquire() as conn:
            rows = await conn.fetch("SELECT t.number, u.login FROM ticket t JOIN app_user u ON u.id = t.called_by")
        return {row["number"]: row["login"] for row in rows}

    @contextmanager
    def panel_of(self, login: str = "agent") -> Iterator[None]:
        with self.house.live.subscribe(sight_of(self.house.users[login])):
            yield


@pytest_asyncio.fixture
async def office(pool: Pool) -> AsyncIterator[Hall]:
    house = await a_house(pool)
    async with AsyncExitStack():
        yield Hall(house, Visitors(pool, house.live, house.services.clock), Story())


@pytest.mark.req("R-QUEUE-25")
async def test_choosing_free_makes_the_system_look_for_the_next_visitor(office: Hall) -> None:
    await office.uses_statuses()
    number = await office.comes()
    with office.panel_of():
        assert await office.called() == {}, "has chosen nothing yet"
        office.declares(Will.PAUSED, "lunch")
        assert await office.called() == {}
        office.declares(Will.READY)
        assert await office.called() == {number: "agent"}


@pytest.mark.req("R-QUEUE-37", "R-QUEUE-38")
async def test_who_comes_while_an_operator_is_free_goes_to_that_one_without_another_word(office: Hall) -> None:
    await office.uses_statuses()
    with office.panel_of():
        office.declares(Will.READY)
        assert await office.called() == {}
        first = await office.comes()
        assert await office.called() == {first: "agent"}
        await office.comes()
        assert await office.called() == {first: "agent"}, "one visitor at a time"


@pytest.mark.req("R-QUEUE-40")
async def test_user_statuses_must_be_in_use_for_who_is_given_visitors(office: Hall) -> None:
    number = await office.comes()
    with office.panel_of():
        office.declares(Will.READY)
        assert await office.called() == {}
        await office.uses_statuses()
        assert await office.called() == {number: "agent"}


async def test_nobody_is_called_to_a_window_without_an_operator(office: Hall) -> None:
    await office.uses_statuses()
    office.declares(Will.READY)
    await office.comes()
    assert await office.called() == {}, "no panel is open"
    with office.panel_of():
        for fact in (*office.story.started("a"), office.story.offered("a", "1002"), office.story.answered("a", "1002")):
            office.house.live.on_fact(fact)
        assert await office.called() == {}, "is in a call"


async def test_the_longest_free_comes_first(office: Hall) -> None:
    for login in ("agent", "colleague"):
        await office.uses_statuses(login)
    with office.panel_of("agent"), office.panel_of("colleague"):
        office.declares(Will.PAUSED, "lunch", "agent")
        office.declares(Will.READY, login="colleague")
        office.declares(Will.READY, login="agent")
        first, second = await office.comes(), await office.comes()
        assert await office.called() == {first: "colleague", second: "agent"}


async def test_it_looks_when_a_ticket_is_issued_or_somebody_declares(office: Hall) -> None:
    await office.uses_statuses()
    number = await office.comes()
    with office.panel_of():
        running = asyncio.create_task(office.visitors.run())
        office.declares(Will.READY)
        office.visitors.on_outbox(OutboxMessage(1, "event.created", {}))
        async with asyncio.timeout(20), office.house.services.pool.acquire() as conn:
            while await conn.fetchval("SELECT count(*) FROM ticket WHERE number = $1 AND state = 'called'", number) < 1:
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])
