"""What a person at the panel does and sees."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.async_api import BrowserContext, Page, expect

# Watches the states of calls as they are drawn: a change counts when the browser is about to paint it. Times are wall
# time in seconds, by a clock that a page shares with the phones of the test.
WATCH_CALLS = """
window.seen = [];
const states = new Map();
const look = () => {
  const at = (performance.timeOrigin + performance.now()) / 1000;
  for (const call of document.querySelectorAll('[data-testid="call"]')) {
    const { callId, state } = call.dataset;
    if (states.get(callId) === state) continue;
    states.set(callId, state);
    window.seen.push({ call: callId, state, at });
  }
};
new MutationObserver(() => requestAnimationFrame(look)).observe(document, {
  subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"],
});
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A state of a call, and when the page showed it (wall time in seconds)."""

    call: str
    state: str
    at: float


async def sign_in(window: BrowserContext, login: str, path: str = "/") -> Page:
    """Open the panel and sign in by its form."""
    page = await window.new_page()
    await page.add_init_script(WATCH_CALLS)
    await page.goto(path)
    await page.get_by_test_id("field-login").fill(login)
    await page.get_by_test_id("field-password").fill(f"{login}-pass-1")
    await page.get_by_test_id("enter").click()
    await expect(page.get_by_test_id("me")).to_be_visible()
    return page


async def seen_calls(page: Page) -> list[Seen]:
    return [Seen(**entry) for entry in await page.evaluate("window.seen")]
