"""The ladder's page in Debian's Chromium: how a supervisor gets there, reads a message, and what hostile text does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web_panel.story import Story, named
from tests.web_panel.test_call_ladder import CALL, HOSTILE, a_ladder
from tests.web_panel.test_pages_browser import (
    Browser,
    browser,
    built,
    pytestmark,
    served,
    story,
)
from web_panel.call_ladder import LadderDifference

if TYPE_CHECKING:
    import playwright.async_api as playwright_api
else:
    playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: interop)")

__all__ = ["browser", "built", "pytestmark", "served", "story"]


async def test_from_the_event_card_to_a_message_of_the_ladder(browser: Browser, story: Story) -> None:
    house = browser.served.house
    await house.tell(story.missed("call"))
    house.traces.kept[CALL] = a_ladder()
    await browser.sign_in("supervisor", "/events")
    await (await browser.sees("[data-testid=event]")).click()
    await browser.page.get_by_test_id("signalling").click()
    await browser.sees("[data-testid=message]", count=12)
    await playwright_api.expect(browser.page.get_by_test_id("verdict")).to_contain_text("збіглося")
    await browser.page.get_by_role("button", name="0.610, 1002 → Dzvin: 180 1001 (INVITE)").click()
    await playwright_api.expect(browser.page.get_by_test_id("message-text")).to_contain_text("CSeq: 1 INVITE")
    assert f"/calls/{CALL}" in browser.page.url


async def test_the_ladder_of_a_live_call_is_one_click_away_and_is_refreshed(browser: Browser, story: Story) -> None:
    house = browser.served.house
    await browser.sign_in("supervisor")
    await house.tell(story.started("call"), story.queued("call"))
    house.traces.kept[CALL] = a_ladder(live=True)
    await browser.page.get_by_test_id("signalling").click()
    await browser.sees("[data-testid=message]", count=12)
    house.traces.kept[CALL] = a_ladder(difference=LadderDifference(row=4, what="dialog", noted="a", replayed="b"))
    await browser.page.get_by_test_id("refresh").click()
    verdict = browser.page.get_by_test_id("verdict")
    await playwright_api.expect(verdict).to_have_attribute("data-same", "false")
    await playwright_api.expect(verdict).to_contain_text("dialog")
    await browser.sees(".message.differs")
    await browser.sees("[data-testid=refresh]", count=0)


async def test_messages_are_chosen_with_the_keyboard(browser: Browser) -> None:
    browser.served.house.traces.kept[CALL] = a_ladder()
    await browser.sign_in("supervisor", f"/calls/{CALL}")
    first = browser.page.get_by_test_id("message").first
    await first.focus()
    await browser.page.keyboard.press("Enter")
    await playwright_api.expect(first).to_have_attribute("aria-pressed", "true")
    await playwright_api.expect(browser.page.get_by_test_id("message-text")).to_contain_text("INVITE sip:1002")
    await browser.page.keyboard.press("Tab")
    await browser.page.keyboard.press("Space")
    await playwright_api.expect(first).to_have_attribute("aria-pressed", "false")


async def test_hostile_sip_text_is_text(browser: Browser) -> None:
    """A name, a reason phrase, a header and a difference that would be a script if anything obeyed them."""
    difference = LadderDifference(row=0, what=HOSTILE, noted=HOSTILE, replayed=f"</text></svg>{HOSTILE}")
    browser.served.house.traces.kept[CALL] = a_ladder(name=HOSTILE, difference=difference, missing=7)
    await browser.sign_in("supervisor", f"/calls/{CALL}")
    await browser.page.get_by_test_id("message").first.click()
    await playwright_api.expect(browser.page.get_by_test_id("message-text")).to_contain_text(f"Subject: {HOSTILE}")
    await playwright_api.expect(browser.page.locator(".lane-name").nth(1)).to_contain_text("<img src=x")
    await playwright_api.expect(browser.page.get_by_test_id("verdict")).to_contain_text(f"</text></svg>{HOSTILE}")
    await browser.sees("img[src=x]", count=0)
    await browser.sees(".ladder .gap")


async def test_a_call_without_a_trace_says_so_in_every_language(browser: Browser) -> None:
    await browser.sign_in("supervisor", f"/calls/{named('nothing')}")
    page = browser.page.get_by_test_id("no-trace")
    for language, text in (("uk", "Сигналізація дзвінка"), ("en", "Signalling of the call"), ("ru", "Сигнализация")):
        await browser.page.get_by_test_id("language").select_option(language)
        await playwright_api.expect(page).to_contain_text(text)


async def test_an_agent_is_not_led_there(browser: Browser, story: Story) -> None:
    house = browser.served.house
    house.traces.kept[CALL] = a_ladder()
    await house.tell(story.started("call"), story.queued("call"), story.offered("call", "1002"))
    await browser.sign_in("agent")
    await browser.sees("[data-testid=call]")
    await browser.sees("[data-testid=signalling]", count=0)
    await browser.page.goto(f"{browser.served.address}/calls/{CALL}")
    await browser.page.get_by_test_id("me").wait_for()
    await browser.sees("[data-testid=message]", count=0)


@pytest.mark.parametrize("language", ["uk", "en", "ru"])
async def test_the_page_fits_a_screen_of_1280_in_every_language(browser: Browser, language: str) -> None:
    browser.served.house.traces.kept[CALL] = a_ladder(
        missing=7, difference=LadderDifference(row=8, what="transaction 1, <: state", noted="CONFIRMED", replayed="-")
    )
    await browser.sign_in("supervisor", f"/calls/{CALL}")
    await browser.page.get_by_test_id("language").select_option(language)
    await browser.page.get_by_test_id("message").nth(4).click()
    await browser.page.get_by_test_id("message-text").wait_for()
    assert await browser.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
