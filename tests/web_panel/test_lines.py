"""Settings of lines and skills of agents, over HTTP and on the live panel."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from callflow.line_book import Kept, LineBook
from callflow.line_orders import LineSwitched, WaitOrder, WaitOrdered
from callflow.line_rules import Around
from callflow.line_settings import LineSettings
from callflow.router import LinePlan
from crm_core.outbox import OutboxMessage
from tests.web_panel.house import House
from tests.web_panel.story import BEGIN, Story, named
from web_panel.live_render import line_view

OWN = LineSettings(name="Sales", agents=("1002",))
BOOK = LineBook(own={"7000": Kept(settings=OWN)})
AROUND = Around(
    is_extension=lambda number: number in ("1001", "1002", "1003"),
    is_target=lambda number: number == "7000",
    strategy=lambda name: "" if name == "longest_idle" else "no",
    is_free=lambda number: number.startswith("7"),
)


@pytest.fixture
def around(house: House) -> House:
    house.app.state["services"] = replace(house.services, line_book=BOOK, line_around=AROUND)
    return house


def settings(**changes: object) -> dict[str, object]:
    return {**msgspec.to_builtins(OWN), **changes}


async def test_a_supervisor_reads_and_changes_a_line(around: House) -> None:
    async with await around.signed_in("supervisor") as tab:
        (line,) = (await tab.get("/api/lines")).json()
        assert (line["number"], line["revision"], line["is_open"]) == ("7000", 0, True)
        given = {"settings": {**line["settings"], "agents": ["1003"], "wrap_up": 30}, "revision": 0}
        changed = await tab.put("/api/lines/7000", json=given)
        again = await tab.put("/api/lines/7000", json=given)
        added = await tab.put("/api/lines/7001", json={"settings": {"name": "Night"}, "revision": 0})
        unknown = await tab.get("/api/lines/7002")
    assert (changed.status_code, changed.json()) == (200, {"revision": 1})
    assert (again.status_code, again.json()["error"]) == (409, "settings_changed"), "somebody else's word"
    assert (added.status_code, unknown.status_code) == (200, 404)
    async with around.services.pool.acquire() as conn:
        kept = await conn.fetch("SELECT number, settings->'agents' AS agents FROM line_setting ORDER BY number")
    assert [(row["number"], row["agents"]) for row in kept] == [("7000", '["1003"]'), ("7001", "[]")]


@pytest.mark.parametrize(
    ("number", "changes", "field"),
    [
        ("7000", {"agents": ["1009"]}, "agents"),
        ("7000", {"strategy": "os:abort"}, "strategy"),
        ("7000", {"tiers": [{"agents": ["1003"], "opens_after": 5}]}, "tiers.0.agents"),
        ("7000", {"overflow": "999"}, "overflow"),
        ("8000", {}, "number"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_field(
    around: House, number: str, changes: dict[str, object], field: str
) -> None:
    async with await around.signed_in("supervisor") as tab:
        answer = await tab.put(f"/api/lines/{number}", json={"settings": settings(**changes), "revision": 0})
    assert (answer.status_code, answer.json().get("field")) == (400, field)


async def test_a_value_out_of_range_or_a_key_that_nobody_knows_is_refused(around: House) -> None:
    async with await around.signed_in("supervisor") as tab:
        for changes in ({"wrap_up": -1}, {"teleports": True}, {"delays": {"tired": 4}}):
            answer = await tab.put("/api/lines/7000", json={"settings": settings(**changes), "revision": 0})
            assert answer.status_code == 400, changes


async def test_a_supervisor_changes_some_settings_and_the_others_stay(around: House) -> None:
    async with await around.signed_in("supervisor") as tab:
        changed = await tab.patch("/api/lines/7000", json={"settings": {"wrap_up": 30}, "revision": 0})
        older = await tab.patch("/api/lines/7000", json={"settings": {"wrap_up": 40}, "revision": 4})
        nowhere = await tab.patch("/api/lines/7002", json={"settings": {"wrap_up": 30}, "revision": 0})
    assert (changed.status_code, changed.json()) == (200, {"revision": 1})
    assert (older.status_code, nowhere.status_code) == (409, 404)
    async with around.services.pool.acquire() as conn:
        kept = msgspec.json.decode(await conn.fetchval("SELECT settings FROM line_setting"), type=LineSettings)
    assert kept == msgspec.structs.replace(OWN, wrap_up=30)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"wrap_up": -1}, "wrap_up"),
        ({"teleports": True}, "teleports"),
        ({"agents": ["1009"]}, "agents"),
        ({"name": 1}, "name"),
    ],
)
async def test_some_settings_that_cannot_be_are_refused_with_the_field(
    around: House, changes: dict[str, object], field: str
) -> None:
    async with await around.signed_in("supervisor") as tab:
        answer = await tab.patch("/api/lines/7000", json={"settings": changes, "revision": 0})
    assert (answer.status_code, answer.json().get("field")) == (400, field)


async def test_a_line_follows_the_configuration_again(around: House) -> None:
    theirs = {"7000": Kept(settings=LineSettings(name="Theirs"), revision=1), "7001": Kept(settings=OWN, revision=1)}
    book = LineBook(own=BOOK.own, kept=theirs)
    around.app.state["services"] = replace(around.services, line_book=book, line_around=AROUND)
    async with await around.signed_in("supervisor") as tab:
        for number in ("7000", "7001"):
            await tab.put(f"/api/lines/{number}", json={"settings": settings(), "revision": 0})
        older = await tab.delete("/api/lines/7000", params={"revision": 0})
        restored = await tab.delete("/api/lines/7000", params={"revision": 1})
        again = await tab.delete("/api/lines/7000", params={"revision": 0})
        added = await tab.delete("/api/lines/7001", params={"revision": 1})
    assert [answer.status_code for answer in (older, restored, again, added)] == [409, 204, 204, 409]
    assert added.json()["error"] == "line_not_configured"
    async with around.services.pool.acquire() as conn:
        assert [row["number"] for row in await conn.fetch("SELECT number FROM line_setting")] == ["7001"]
        assert await conn.fetchval("SELECT name FROM line WHERE number = '7000'") == "Sales"
        assert await conn.fetchval("SELECT count(*) FROM outbox WHERE kind = 'line.changed'") == 3


async def test_a_supervisor_says_what_an_agent_can_do_and_which_lines_they_serve(around: House) -> None:
    async with await around.signed_in("supervisor") as tab:
        before = (await tab.get("/api/lines/agents/1002")).json()
        given = {"skills": {"english": 2}, "lines": [], "revision": 0}
        changed = await tab.put("/api/lines/agents/1002", json=given)
        again = await tab.put("/api/lines/agents/1002", json=given)
        nowhere = await tab.put("/api/lines/agents/1002", json={**given, "lines": ["9999"], "revision": 1})
        stranger = await tab.get("/api/lines/agents/9999")
    assert before == {"extension": "1002", "skills": {}, "lines": ["7000"], "revision": 0}
    assert [answer.status_code for answer in (changed, again, nowhere, stranger)] == [200, 409, 400, 404]
    async with around.services.pool.acquire() as conn:
        assert await conn.fetchval("SELECT settings->>'agents' FROM line_setting WHERE number = '7000'") == "[]"


async def test_an_agent_changes_no_line_and_no_skill(around: House) -> None:
    async with await around.signed_in("agent") as tab:
        line = await tab.put("/api/lines/7000", json={"settings": settings(), "revision": 0})
        skills = await tab.put("/api/lines/agents/1002", json={"skills": {"english": 9}, "revision": 0})
    assert (line.status_code, skills.status_code) == (403, 403)


async def test_the_panel_shows_a_changed_line_a_closed_one_and_what_was_said_of_who_waits(house: House) -> None:
    story, user = Story(), house.users["supervisor"].id
    state = house.live.state
    house.live.on_outbox(OutboxMessage(1, "line.changed", {"line": "7001", "name": "Night", "agents": ["1003"]}))
    for fact in (*story.started("a"), story.queued("a")):
        house.live.on_fact(fact)

    def tell(**said: object) -> WaitOrdered:
        stamp = {"id": named(str(said)), "at": BEGIN, "call_id": named("a"), "user": user, "line": "7000"}
        return WaitOrdered(**stamp, **said)  # type: ignore[arg-type]  # by name

    house.live.on_fact(tell(order=WaitOrder.PRIORITISED, points=5.0))
    house.live.on_fact(tell(order=WaitOrder.ASSIGNED, agent="1002"))
    house.live.on_fact(LineSwitched(id=named("s"), at=BEGIN, line="7000", is_open=False, message="outage", user=user))
    sales, night = line_view(state, "7000"), line_view(state, "7001")
    assert sales is not None and night is not None
    assert (night.name, night.agents, night.is_open) == ("Night", ("1003",), True)
    assert (sales.is_open, sales.message) == (False, "outage")
    assert [(each.points, each.agent) for each in sales.waiting] == [(5.0, "1002")]


def test_a_plan_is_what_the_book_gives_the_dial_plan() -> None:
    assert isinstance(BOOK["7000"], LinePlan)
