"""The hall in a real browser: somebody books, is called, and sees the number on the board."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.visitor import sign_in
from tests.support.server import Server

pytestmark = pytest.mark.browser


async def test_anybody_can_book_a_visit(server: Server, window: BrowserContext) -> None:
    page = await window.new_page()
    await page.goto("/booking")
    await page.get_by_test_id("field-name").fill("Богдан Ткачук")
    await page.get_by_test_id("field-phone").fill("+380501112204")
    await page.get_by_test_id("booking").locator("button[type=submit]").click()
    await expect(page.get_by_test_id("booked-number")).not_to_be_empty()
    async with server.sign_in("admin") as panel:
        event = await panel.event(lambda row: row["type"] == "electronic_queue" and row["phone"] == "+380501112204")
    assert event["number"] == (await page.get_by_test_id("booked-number").inner_text()).strip()


@pytest.mark.req("R-QUEUE-32", "R-QUEUE-33", "R-PANEL-16")
async def test_a_booked_number_is_called_to_a_window_on_the_board(server: Server, window: BrowserContext) -> None:
    name = "Степан Кравець"
    async with server.sign_in("admin") as panel:
        booked = await panel.ask(
            "POST", "/api/public/bookings",
            {"service_code": "consultation", "starts_at": soon(), "name": name, "phone": "+380931112206"},
        )  # fmt: skip
    number = booked.json()["number"]
    board = await window.new_page()
    await board.goto("/board")
    await expect(board.get_by_test_id("board")).to_be_visible()
    desk = await sign_in(window, "agent1", "/hall")
    await expect(desk.locator(f'[data-testid="ticket"][data-number="{number}"]')).to_be_visible()
    await desk.get_by_test_id("call-next").click()
    line = board.locator(f'[data-testid="board-line"][data-number="{number}"]')
    await expect(line).to_be_visible()
    await expect(line).to_contain_text("1")
    await expect(board.get_by_test_id("board")).not_to_contain_text(name)
    await expect(desk.get_by_test_id("my-ticket")).to_have_text(number)
    await desk.get_by_test_id("serve").click()
    await expect(desk.get_by_test_id("my-visitor").get_by_test_id("call-next")).to_be_visible()


def soon() -> str:
    now = datetime.now(ZoneInfo("Europe/Kyiv"))  # noqa: TID251 - a test's own wall clock
    if (now.hour, now.minute) >= (23, 55):
        pytest.skip("the company's day ends, and only numbers of today are called")
    return (now + timedelta(minutes=1)).isoformat()
