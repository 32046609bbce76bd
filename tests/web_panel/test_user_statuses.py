"""The dictionary of user statuses: kept by an administrator, chosen by agents, shown on the panel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from callflow.agent_commands import AgentCommands
from callflow.facts import Fact
from crm_core import organisation
from crm_core.outbox import OutboxMessage
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import AgentDeclared, QueueFact, Will
from queue_engine.work import Line, WorkItem
from tests.web_panel.house import House
from tests.web_panel.story import named
from web_panel.live_render import agent_view
from web_panel.live_views import Sight
from web_panel.routes.live import sight_of

TRAINING = {"uk": "Навчання", "en": "In training", "ru": "Обучение"}
AT_HOME = {"uk": "Вдома", "en": "At home", "ru": "Дома"}


@dataclass
class Office:
    """Real commands over a real queue engine; what was told, and shown."""

    house: House
    dispatcher: Dispatcher
    told: list[Fact | QueueFact] = field(default_factory=list)

    def append(self, fact: Fact | QueueFact) -> None:
        self.told.append(fact)
        self.house.live.on_fact(fact)

    def now(self) -> datetime:
        return self.house.services.clock()

    @property
    def agent(self) -> UUID:
        return self.house.users["agent"].id

    async def uses(self, login: str = "agent", **parameters: bool) -> None:
        async with await self.house.signed_in("admin") as tab:
            answer = await tab.put(f"/api/users/{self.house.users[login].id}/parameters", json=parameters)
        assert answer.status_code == 204

    async def chooses(self, **said: str) -> httpx.Response:
        async with await self.house.signed_in("agent") as tab:
            return await tab.put("/api/agents/me", json=said)


@pytest_asyncio.fixture
async def office(house: House) -> AsyncIterator[Office]:
    office = Office(house, Dispatcher([Line("7000", ("1002",))]))
    office.dispatcher.reachable("1002", True)

    house.app.state["services"] = replace(house.services, agents=AgentCommands(office.dispatcher, office, office))
    yield office
    office.dispatcher.close()


async def added(house: House, key: str, name: dict[str, str], will: str = "paused") -> httpx.Response:
    async with await house.signed_in("admin") as tab:
        answer = await tab.post("/api/user-statuses", json={"key": key, "name": name, "will": will})
    house.live.on_outbox(OutboxMessage(1, "user_status.changed", {"key": key, "name": name}))
    return answer


async def statuses(house: House) -> dict[str, dict[str, object]]:
    async with await house.signed_in("agent") as tab:
        return {each["key"]: each for each in (await tab.get("/api/user-statuses")).json()}


@pytest.mark.req("R-PANEL-01", "R-PANEL-03")
async def test_the_dictionary_lists_system_entries_and_user_made_ones(house: House) -> None:
    assert (await added(house, "training", TRAINING)).status_code == 204
    found = await statuses(house)
    system = {key: each["will"] for key, each in found.items() if each["system"]}
    assert system == {
        "free": "ready", "busy": "paused", "offline": "signed_out", "online": None, "calling": None, "waiting": None
    }  # fmt: skip
    assert (found["training"]["name"], found["training"]["system"]) == (TRAINING, False)


@pytest.mark.req("R-PANEL-01")
async def test_user_made_entries_are_renamed_and_retired_and_system_ones_stay(house: House) -> None:
    await added(house, "training", TRAINING)
    other = {**TRAINING, "en": "Learning"}
    async with await house.signed_in("admin") as tab:
        changed = await tab.put("/api/user-statuses/training", json={"name": other, "will": "paused", "retired": True})
        system = await tab.put("/api/user-statuses/free", json={"name": other, "will": "paused"})
        nobody = await tab.put("/api/user-statuses/nothing", json={"name": other})
        again = await tab.post("/api/user-statuses", json={"key": "training", "name": TRAINING})
        nameless = await tab.post("/api/user-statuses", json={"key": "walk", "name": {"uk": "Прогулянка"}})
    assert [each.status_code for each in (changed, system, nobody, again, nameless)] == [204, 409, 404, 409, 400]
    found = await statuses(house)
    assert (found["training"]["name"], found["training"]["retired"]) == (other, True)
    assert found["free"]["name"] == {"uk": "Вільний", "en": "Free", "ru": "Свободен"}
    async with house.services.pool.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM audit WHERE object_kind = 'user_status'") == 2


async def test_only_an_administrator_keeps_the_dictionary(house: House) -> None:
    for login in ("agent", "supervisor"):
        async with await house.signed_in(login) as tab:
            answer = await tab.post("/api/user-statuses", json={"key": "training", "name": TRAINING})
        assert answer.status_code == 403


@pytest.mark.req("R-PANEL-05")
async def test_statuses_take_effect_only_while_use_user_statuses_is_on(office: Office) -> None:
    await added(office.house, "training", TRAINING)
    refused = await office.chooses(status="training")
    assert (refused.status_code, refused.json()["error"]) == (409, "statuses_not_used"), "off by default"
    assert (office.told, office.dispatcher.will("1002")) == ([], Will.READY)
    await office.uses(uses_statuses=True)
    assert (await office.chooses(status="training")).status_code == 204
    assert office.dispatcher.will("1002") is Will.PAUSED


@pytest.mark.req("R-PANEL-02", "R-PANEL-08", "R-PANEL-17")
async def test_a_chosen_status_is_told_to_the_queue_and_shown_by_its_name(office: Office) -> None:
    await added(office.house, "training", TRAINING)
    await added(office.house, "at_home", AT_HOME, "ready")
    await office.uses(uses_statuses=True)
    await office.chooses(status="training")
    shown = agent_view(office.house.live.state, office.agent)
    assert shown is not None
    assert (shown.will, shown.reason, shown.status_name) == (Will.PAUSED, "training", TRAINING)
    place = office.dispatcher.put(WorkItem(named("caller"), "7000", asyncio.get_running_loop().time()))
    assert place.offers == {}, "nobody rings who is in training"
    await office.chooses(status="at_home")
    assert list(place.offers) == ["1002"], "who works at home is ready"
    shown = agent_view(office.house.live.state, office.agent)
    assert shown is not None and (shown.will, shown.status_name) == (Will.READY, AT_HOME)


@pytest.mark.req("R-PANEL-03", "R-PANEL-17")
async def test_system_statuses_are_chosen_beside_user_made_ones_and_computed_ones_are_not(office: Office) -> None:
    await office.uses(uses_statuses=True)
    chosen = {key: (await office.chooses(status=key)).status_code for key in ("busy", "online", "nothing", "free")}
    assert chosen == {"busy": 204, "online": 404, "nothing": 404, "free": 204}
    assert [(fact.will, fact.reason) for fact in office.told if isinstance(fact, AgentDeclared)] == [
        (Will.PAUSED, "busy"),
        (Will.READY, ""),
    ]


async def test_a_retired_status_is_chosen_no_more_and_a_will_needs_no_status(office: Office) -> None:
    await added(office.house, "training", TRAINING)
    await office.uses(uses_statuses=True)
    async with await office.house.signed_in("admin") as tab:
        await tab.put("/api/user-statuses/training", json={"name": TRAINING, "retired": True})
    answers = [
        await office.chooses(status="training"),
        await office.chooses(will="paused", reason="lunch"),
        await office.chooses(will="ready", status="free"),
        await office.chooses(),
    ]
    assert [answer.status_code for answer in answers] == [404, 204, 400, 400]


async def test_a_supervisor_chooses_for_an_agent_by_the_agents_own_parameter(office: Office) -> None:
    async with await office.house.signed_in("supervisor") as tab:
        refused = await tab.put(f"/api/agents/{office.agent}", json={"status": "busy"})
        await office.uses(uses_statuses=True)
        done = await tab.put(f"/api/agents/{office.agent}", json={"status": "busy"})
    assert (refused.status_code, done.status_code) == (409, 204)
    assert office.dispatcher.will("1002") is Will.PAUSED


async def test_a_new_name_is_shown_at_once_for_who_has_that_status(office: Office) -> None:
    await added(office.house, "training", TRAINING)
    await office.uses(uses_statuses=True)
    await office.chooses(status="training")
    other = {**TRAINING, "en": "Learning"}
    with office.house.live.subscribe(Sight(user_id=office.agent, everything=True, phones=True, hall=True)) as socket:
        await anext(socket)
        office.house.live.on_outbox(OutboxMessage(2, "user_status.changed", {"key": "training", "name": other}))
        assert "Learning" in await anext(socket)


@pytest.mark.req("R-PANEL-06", "R-PANEL-05")
async def test_the_panel_knows_for_whom_statuses_are_in_use_and_that_it_is_off_by_default(office: Office) -> None:
    before = agent_view(office.house.live.state, office.agent)
    await office.uses(uses_statuses=True)
    after = agent_view(office.house.live.state, office.agent)
    assert before is not None and after is not None
    assert (before.uses_statuses, after.uses_statuses) == (False, True)


@pytest.mark.req("R-PANEL-07", "R-PANEL-15")
async def test_view_user_statuses_shows_the_statuses_of_others_and_is_off_by_default(office: Office) -> None:
    async def sees() -> set[str]:
        async with office.house.services.pool.acquire() as conn:
            user = next(user for user in await organisation.all_users(conn) if user.login == "agent")
        with office.house.live.subscribe(sight_of(user)) as socket:
            snapshot = await anext(socket)
        return {name for name in ("Олена Коваль", "Іван Мельник", "Марта Шевченко") if f'"{name}"' in snapshot}

    assert await sees() == {"Іван Мельник"}
    await office.uses(sees_statuses=True)
    assert await sees() == {"Олена Коваль", "Іван Мельник", "Марта Шевченко"}
