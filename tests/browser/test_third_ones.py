"""A third one in a call, by the buttons of the live page: a supervisor beside it, a conference, one more by number."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.test_call_control import called, over
from tests.browser.visitor import sign_in
from tests.scenarios.company import Company, hear_each_other
from tests.scenarios.transfers.people import take
from tests.support.server import Server

pytestmark = pytest.mark.browser


async def test_a_supervisor_listens_whispers_barges_in_and_takes_over(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page, phone = await sign_in(window, "chief"), await company.phone("1006")
        talk = await called(company)
        await page.get_by_test_id("listen").click()
        await expect(page.get_by_test_id("toast")).to_contain_text("Зараз задзвонить ваш телефон")
        supervisor = await take(phone)
        card = page.get_by_test_id("supervision")
        await expect(card).to_contain_text("Вас ніхто не чує")
        await expect(card).to_contain_text("Ганна Їжакевич")
        await expect(page.get_by_test_id("my-call")).to_have_count(0)
        for mode, hint in (("whisper", "Вас чує лише оператор"), ("barge", "Вас чують усі")):
            await page.get_by_test_id(f"supervise-{mode}").click()
            await expect(card).to_contain_text(hint)
            await expect(page.get_by_test_id(f"supervise-{mode}")).to_have_attribute("aria-pressed", "true")
        await page.get_by_test_id("take-over").click()
        await talk.callee.ended()
        await expect(card).to_have_count(0)
        await expect(page.get_by_test_id("my-call-who")).to_have_text("+380 50 333 44 66")
        await hear_each_other(talk.caller, supervisor)
        await talk.caller.hang_up()
        await supervisor.ended()


async def test_a_supervisor_leaves_and_the_agent_is_shown_nothing(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page, phone = await sign_in(window, "chief"), await company.phone("1006")
        talk = await called(company)
        assert window.browser is not None
        desk = await window.browser.new_context(base_url=server.http, locale="uk-UA")
        theirs = await sign_in(desk, "agent3")
        await expect(theirs.get_by_test_id("my-call")).to_be_visible()
        before = await theirs.get_by_test_id("calls").inner_text()
        await page.get_by_test_id("listen").click()
        supervisor = await take(phone)
        await expect(page.get_by_test_id("supervision")).to_be_visible()
        assert "Гнатюк" not in await theirs.content()
        assert (await theirs.get_by_test_id("calls").inner_text()).split("\n")[:3] == before.split("\n")[:3]
        await page.get_by_test_id("stop-supervising").click()
        await supervisor.ended()
        await expect(page.get_by_test_id("supervision")).to_have_count(0)
        await over(talk)
        await desk.close()


@pytest.mark.req("R-PHONE-28")
async def test_a_conference_of_four_by_its_buttons(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page = await sign_in(window, "agent3")
        anna, boris = await company.phone("1001"), await company.phone("1002")
        talk = await called(company)
        await page.get_by_test_id("transfer").click()
        await page.get_by_test_id("target").fill("1002")
        await page.get_by_test_id("consult").click()
        third = await take(boris)
        await page.get_by_test_id("conference").click()
        await expect(page.get_by_test_id("members")).to_have_text("Конференція: +380 50 333 44 66, Тарас Бондар")
        await page.get_by_test_id("add").click()
        await page.get_by_test_id("target").fill("1001")
        await page.get_by_test_id("invite").click()
        fourth = await take(anna)
        await expect(page.get_by_test_id("members")).to_contain_text("Олена Коваль")
        await page.get_by_test_id("my-hang-up").click()
        await talk.callee.ended()
        await expect(page.get_by_test_id("my-call")).to_have_count(0)
        await fourth.hang_up()
        await hear_each_other(talk.caller, third)
        await talk.caller.hang_up()
        await third.ended()
