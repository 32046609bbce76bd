"""The card of who calls, as an agent sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from crm_core import clients
from crm_core.clients import NewClient, NewContact
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


async def test_a_ringing_call_shows_the_client_in_each_language_and_keeps_it_in_the_call(
    popping: Browser, story: Story
) -> None:
    house = popping.served.house
    person = NewContact(name="Ніна Петренко", job_title="Бухгалтер")
    async with house.services.pool.acquire() as conn:
        new = NewClient(name="ТОВ Ромашка", phones=[NUMBER], owner_id=house.users["agent"].id, contacts=[person])
        client_id = await clients.create(conn, None, new)
        await clients.mark(conn, house.users["agent"], client_id, language="en", black_listed=True)
    await house.tell(story.missed("earlier", NUMBER))
    await popping.sign_in("agent")
    await house.tell(story.started("a", number=NUMBER), story.queued("a"), story.offered("a", "1002"))
    card = await popping.sees("[data-testid=caller-card][data-state=known]")
    for language, black_list in (("en", "Black list"), ("ru", "Чёрный список"), ("uk", "Чорний список")):
        await popping.page.get_by_test_id("language").select_option(language)
        await playwright_api.expect(card.get_by_test_id("card-black-listed")).to_have_text(black_list)
    await playwright_api.expect(card.get_by_test_id("card-client")).to_have_text("ТОВ Ромашка")
    await playwright_api.expect(card.get_by_test_id("card-follow-up")).to_contain_text("×1")
    await playwright_api.expect(card).to_contain_text("Ніна Петренко · Бухгалтер")
    await house.tell(story.answered("a", "1002"))
    await popping.sees("[data-testid=my-call].busy [data-testid=caller-card][data-state=known]")


async def test_an_unknown_caller_becomes_a_client_with_one_click(popping: Browser, story: Story) -> None:
    house = popping.served.house
    await popping.sign_in("agent")
    await house.tell(story.started("a", name="Оксана"), story.queued("a"), story.offered("a", "1002"))
    await popping.sees("[data-testid=caller-card][data-state=unknown]")
    await popping.page.get_by_test_id("card-create").click()
    await popping.sees(".toast")
    await house.deliver()
    card = await popping.sees("[data-testid=caller-card][data-state=known]")
    await playwright_api.expect(card.get_by_test_id("card-client")).to_have_text("Оксана")
