"""A supervisor over those who wait, and an agent's user statuses, in the browser."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from callflow.control import Actor
from callflow.line_orders import LineSwitched
from crm_core.outbox import OutboxMessage
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import Will
from queue_engine.work import Line
from tests.web_panel.story import BEGIN, Story, named
from tests.web_panel.test_lines import AROUND, BOOK
from tests.web_panel.test_live_callbacks import promised
from tests.web_panel.test_pages_browser import CHROMIUM, Browser, browser, built, served
from web_panel.live_entries import Line as ShownLine

if TYPE_CHECKING:
    import playwright.async_api as playwright_api
else:
    playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: interop)")

__all__ = ["browser", "built", "served"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
TRAINING = {"uk": "Навчання групи", "en": "Group training", "ru": "Обучение группы"}


class Withdrawn:
    """Remembers what was withdrawn."""

    def __init__(self) -> None:
        self.withdrawn: list[UUID] = []

    def withdraw(self, actor: Actor, promise_id: UUID) -> None:
        self.withdrawn.append(promise_id)


@pytest.mark.req("R-PANEL-12")
async def test_a_supervisor_asks_why_somebody_waits_and_commands_the_wait_and_the_line(browser: Browser) -> None:
    house, story, call = browser.served.house, Story(), named("a")
    with closing(Dispatcher([Line("7000", ("1002",))])) as dispatcher:
        dispatcher.declare("1002", Will.PAUSED)
        dispatcher.enter(call, "7000")
        house.app.state["services"] = replace(house.app.state["services"], waiting=dispatcher)
        house.live.state.lines["7001"] = ShownLine(number="7001", name="Нічна", agents=("1003",))
        for fact in (*story.started("a"), story.queued("a")):
            house.live.on_fact(fact)
        await browser.sign_in("supervisor")
        await browser.page.get_by_test_id("wait-ask-why").click()
        why = browser.page.get_by_test_id("wait-why")
        await playwright_api.expect(why).to_contain_text("Іван Мельник: на паузі")
        orders = browser.page.get_by_test_id("wait-orders")
        for order in ("points:100", "agent:1002", "move:7001", "withdraw"):
            async with browser.page.expect_response(lambda answer: "/api/waiting/" in answer.url):
                await orders.select_option(order)
        line = browser.page.locator("[data-line='7000']")
        async with browser.page.expect_response(lambda answer: "/api/waiting/lines/7000" in answer.url):
            await line.get_by_test_id("line-open").click()
        assert house.control.done == [
            ("prioritise", call, 100.0),
            ("assign", call, "1002"),
            ("move", call, "7001"),
            ("withdraw", call, "", ""),
            ("switch", "7000", False, None),
        ]
        closed = LineSwitched(
            id=named("s"), at=story.at, line="7000", is_open=False, message="", user=house.users["supervisor"].id
        )
        house.live.on_fact(closed)
        await line.get_by_test_id("line-closed").wait_for()


async def test_a_supervisor_sees_a_promised_callback_before_later_callers_and_takes_it_back(browser: Browser) -> None:
    house, story, owed = browser.served.house, Story(), Withdrawn()
    house.app.state["services"] = replace(house.app.state["services"], callbacks=owed)
    for fact in (*promised("owed", BEGIN), *story.started("a"), story.queued("a")):
        house.live.on_fact(fact)
    await browser.sign_in("supervisor")
    waits = browser.page.locator("[data-line='7000'] .waiting-callers > li")
    await playwright_api.expect(waits).to_have_count(2)
    await playwright_api.expect(waits.first).to_have_attribute("data-testid", "waiting-callback")
    await playwright_api.expect(browser.page.get_by_test_id("waiting-count")).to_have_text("1")
    async with browser.page.expect_response(lambda answer: "/api/callbacks/" in answer.url):
        await waits.first.get_by_test_id("wait-orders").select_option("withdraw")
    assert owed.withdrawn == [named("owed")]


async def test_a_supervisor_changes_what_the_page_of_a_line_shows_and_nothing_else(browser: Browser) -> None:
    house = browser.served.house
    house.app.state["services"] = replace(house.app.state["services"], line_book=BOOK, line_around=AROUND)
    await browser.sign_in("supervisor", "/lines")
    await browser.page.get_by_test_id("serves-1003").check()
    await browser.page.get_by_test_id("field-wrap_up").fill("45")
    async with browser.page.expect_response(lambda answer: answer.request.method == "PATCH") as answered:
        await browser.page.get_by_test_id("keep-line").click()
    answer = await answered.value
    sent = json.loads(answer.request.post_data or "{}")
    assert (answer.status, sent["revision"]) == (200, 0)
    assert (sent["settings"]["agents"], sent["settings"]["wrap_up"]) == (["1002", "1003"], 45)
    assert sent["settings"]["ring_timeout"] is None, "as the configuration says, for it was left empty"
    assert not {"tiers", "callback", "skills"} & set(sent["settings"])


@pytest.mark.req("R-PANEL-17")
async def test_an_agent_chooses_a_user_made_status_beside_the_system_ones(browser: Browser) -> None:
    house = browser.served.house
    async with await house.signed_in("admin") as tab:
        await tab.post("/api/user-statuses", json={"key": "training", "name": TRAINING})
        await tab.put(f"/api/users/{house.users['agent'].id}/parameters", json={"uses_statuses": True})
    house.live.on_outbox(OutboxMessage(1, "user_status.changed", {"key": "training", "name": TRAINING}))
    await browser.sign_in("agent")
    menu = browser.page.get_by_test_id("will-menu").first
    async with browser.page.expect_response(lambda answer: "/api/agents/me" in answer.url):
        await menu.select_option(label="Навчання групи")
    (done,) = house.control.done
    assert done[0] == "declare"
    assert done[3:] == (Will.PAUSED, "training")
