"""In Chromium: whose call it was is found by search, a call is registered by hand, a key is made and revoked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from crm_core import clients
from crm_core.clients import NewClient
from tests.web_panel.story import Story
from tests.web_panel.test_pages_browser import Browser, browser, built, pytestmark, served, story
from web_panel.screen_pop import ScreenPop

if TYPE_CHECKING:
    import playwright.async_api as playwright_api
else:
    playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: interop)")

__all__ = ["browser", "built", "pytestmark", "served", "story"]

NUMBER = "+380671234567"


@pytest.fixture
async def popping(browser: Browser) -> AsyncIterator[Browser]:
    house = browser.served.house
    async with ScreenPop(house.services.pool, house.live) as pop:
        house.pop = pop
        yield browser
        house.pop = None


async def _client(browser: Browser, name: str, *phones: str) -> None:
    async with browser.served.house.services.pool.acquire() as conn:
        await clients.create(conn, None, NewClient(name=name, phones=phones))


async def test_a_known_number_is_given_to_another_client_from_the_card_of_the_call(
    popping: Browser, story: Story
) -> None:
    house, page = popping.served.house, popping.page
    await _client(popping, "ТОВ Ромашка", NUMBER)
    await _client(popping, "ПП Волошка", "044 555 66 77")
    await popping.sign_in("agent")
    await house.tell(story.started("a", number=NUMBER), story.queued("a"), story.offered("a", "1002"))
    await house.tell(story.answered("a", "1002"))
    card = await popping.sees("[data-testid=my-call].busy [data-testid=caller-card][data-state=known]")
    await card.get_by_test_id("other-client").click()
    await card.get_by_test_id("client-search").fill("волош")
    await playwright_api.expect(card.get_by_test_id("found-client")).to_contain_text("044 555 66 77")
    await page.keyboard.press("Enter")  # sends nothing
    await card.get_by_test_id("found-client").click()
    await popping.sees(".toast")
    await house.deliver()
    await playwright_api.expect(page.get_by_test_id("card-client")).to_have_text("ПП Волошка")


@pytest.mark.req("R-CALL-46")
async def test_a_call_is_registered_by_hand_and_its_card_opens(browser: Browser) -> None:
    page = browser.page
    await _client(browser, "ПП Волошка", "044 555 66 77")
    await browser.sign_in("agent", "/events")
    await page.get_by_test_id("register-call").click()
    await page.get_by_test_id("taken-register").click()
    await playwright_api.expect(page.get_by_test_id("field-phone")).to_be_focused()  # neither number nor client
    await page.get_by_test_id("taken-choose").click()
    await page.get_by_test_id("client-search").fill("0445")
    await page.get_by_test_id("found-client").click()
    await playwright_api.expect(page.get_by_test_id("taken-client")).to_have_text("ПП Волошка")
    await page.get_by_test_id("field-content").fill("З мобільного: чекає на рахунок")
    await page.get_by_test_id("taken-register").click()
    card = await browser.sees("[data-testid=event-card]")
    await playwright_api.expect(card).to_contain_text("ПП Волошка")
    await playwright_api.expect(card.get_by_test_id("content")).to_have_value("З мобільного: чекає на рахунок")
    await playwright_api.expect(await browser.sees("[data-testid=event]")).to_have_attribute(
        "data-type", "outgoing_call"
    )


async def test_a_key_is_shown_once_and_revoked_after_a_question(browser: Browser) -> None:
    page = browser.page
    await browser.sign_in("admin", "/keys")
    await page.get_by_test_id("field-name").fill("Бухгалтерія")
    await page.get_by_test_id("scope-read_crm").check()
    await page.get_by_test_id("make-key").click()
    await playwright_api.expect(page.get_by_test_id("key-secret").locator("code")).to_contain_text("dzvin_")
    await page.reload()
    await playwright_api.expect(await browser.sees("[data-testid=key]")).to_contain_text("Бухгалтерія")
    await browser.sees("[data-testid=key-secret]", count=0)
    await page.get_by_test_id("revoke").click()
    await page.get_by_test_id("revoke-sure").click()
    await browser.sees("[data-testid=key]", count=0)
