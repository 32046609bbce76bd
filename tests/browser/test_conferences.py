"""What a moderator does with a conference on the live page, and a customer's secret entry."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.test_call_control import called, over, tab_to
from tests.browser.visitor import sign_in
from tests.scenarios.company import Company
from tests.support.server import Server

pytestmark = pytest.mark.browser


@pytest.mark.req("R-PHONE-28")
async def test_a_supervisor_mutes_locks_and_removes(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page = await sign_in(window, "supervisor")
        members = []
        for extension in ("1001", "1002"):
            phone = await company.phone(extension, registered=False)
            members.append(await phone.dial("conf"))
            await members[-1].answered()
        card = page.get_by_test_id("meeting")
        await expect(card.get_by_test_id("guest")).to_have_count(2)
        await expect(card).to_contain_text("Нарада")
        await expect(card).to_contain_text("Олена Коваль")
        await expect(page.get_by_test_id("call").first).to_contain_text("Нарада")
        members[1].audio.play(700)
        await expect(card.get_by_test_id("guest").nth(1)).to_have_attribute("data-speaking", "true")
        await expect(card.get_by_test_id("guest").nth(0)).to_have_attribute("data-speaking", "false")
        await card.get_by_role("button", name="Вимкнути мікрофон: Тарас Бондар").click()
        await expect(card.get_by_test_id("guest").nth(1)).to_contain_text("Без мікрофона")
        await card.get_by_test_id("lock-conference").click()
        await expect(card).to_contain_text("Закрито")
        late = await (await company.phone("1003", registered=False)).dial("conf")
        assert await late.refused() == 486
        await card.get_by_role("button", name="Вилучити з конференції: Тарас Бондар").click()
        await members[1].ended()
        await expect(card.get_by_test_id("guest")).to_have_count(1)
        await card.get_by_test_id("end-conference").click()
        await members[0].ended()
        await expect(page.get_by_test_id("meetings")).to_have_count(0)


async def test_secret_entry_by_keyboard(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page = await sign_in(window, "agent3")
        talk = await called(company)
        await tab_to(page, "secret-entry")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("secret")).to_be_visible()
        await tab_to(page, "secret-entry")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("secret")).to_have_count(0)
        await over(talk)
