"""Debian's Chromium, driven by Playwright, in front of the running product."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

pytest.importorskip("playwright.async_api", reason="playwright is not installed (pip install playwright)")

from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from tests.support.chromium import ARGUMENTS, CHROMIUM, PATIENCE
from tests.support.leaks import nothing_left
from tests.support.server import ACCEPTANCE, Server, running_dzvin

expect.set_options(timeout=PATIENCE)

CHIEF = """
[[extensions]]
number = "1006"
password = "pw-1006"

[[users]]
login = "chief"
full_name = "Марія Гнатюк"
role = "supervisor"
password = "chief-pass-1"
extension = "1006"
"""
"""A supervisor who has a phone."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("browser")
    file = folder / "company.toml"
    file.write_text(ACCEPTANCE.read_text() + CHIEF)
    with running_dzvin(folder / "data", config=file) as server:
        yield server


@pytest.fixture
async def browser(server: Server) -> AsyncIterator[Browser]:
    """Closed before the server is looked at: an open page is a connection that the server rightly holds."""
    if CHROMIUM is None:
        pytest.skip("no Chromium (Debian: apt-get install chromium)")
    async with nothing_left(server), async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def window(browser: Browser, server: Server) -> AsyncIterator[BrowserContext]:
    """A window of its own: nobody is signed in. A script that fails on the page fails the test."""
    context = await browser.new_context(
        base_url=server.http, locale="uk-UA", timezone_id="Europe/Kyiv", viewport={"width": 1280, "height": 800}
    )
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context
    await context.close()
    assert not errors, f"errors on the page: {errors}"
