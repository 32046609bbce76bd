"""The reports in the browser: a supervisor reads a figure and looks at the calls behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.web_panel.story import Story
from tests.web_panel.test_pages_browser import CHROMIUM, Browser, browser, built, served

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
DAY = "2030-01-07"


async def open_day(browser: Browser, day: str = DAY) -> None:
    """The panel's clock is the server's: of the house it is not the story's day."""
    for name in ("since", "until"):
        field = browser.page.get_by_test_id(f"report-{name}")
        await field.fill(day)
        await field.dispatch_event("change")


async def test_a_supervisor_follows_the_figure_of_an_hour_to_its_calls_and_to_the_event(browser: Browser) -> None:
    story = Story()
    await browser.served.house.tell(story.missed("a", "+380671112233"))
    story.at += timedelta(hours=3)
    await browser.served.house.tell(story.missed("b", "+380501112233"))
    await browser.sign_in("supervisor", "/reports")
    await open_day(browser)
    rows, calls = browser.page.get_by_test_id("report-row"), browser.page.get_by_test_id("report-call")
    await playwright_api.expect(rows).to_have_attribute("data-line", "7000")
    await rows.get_by_test_id("which-abandoned").click()
    await playwright_api.expect(calls).to_have_count(2)
    await browser.page.get_by_test_id("report-interval").select_option("60")
    await playwright_api.expect(rows).to_have_count(2)
    await playwright_api.expect(calls).to_have_count(0)
    await rows.last.get_by_test_id("which-abandoned").click()
    await playwright_api.expect(calls).to_contain_text("+380 50 111 22 33")
    await calls.get_by_role("link").click()
    await browser.page.get_by_test_id("event-card").wait_for()


async def test_the_other_reports_their_tables_and_a_period_that_runs_backwards(browser: Browser) -> None:
    await browser.served.house.tell(Story().missed("a", "+380501112233"))
    await browser.sign_in("supervisor", "/reports")
    await open_day(browser)
    await browser.page.get_by_test_id("report-missed").click()
    await browser.page.get_by_test_id("which-opened").click()
    await playwright_api.expect(browser.page.get_by_test_id("report-call")).to_contain_text("Відкрито")
    async with browser.page.expect_download() as saved:
        await browser.page.get_by_test_id("report-csv").click()
    assert (await saved.value).suggested_filename == f"missed-{DAY}-{DAY}.csv"
    await browser.page.get_by_test_id("report-agents").click()
    await browser.page.get_by_test_id("report-empty").wait_for()
    until = browser.page.get_by_test_id("report-until")
    await until.fill("2030-01-01")
    await until.dispatch_event("change")
    await playwright_api.expect(browser.page.get_by_test_id("report-problem")).to_contain_text("Кінець періоду")
