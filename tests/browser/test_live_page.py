"""The live page in a real browser: what happens on the phones is on the screen at once."""

from __future__ import annotations

import statistics

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.visitor import Seen, seen_calls, sign_in
from tests.scenarios.company import DID, Company, connect
from tests.support.deadlines import eventually
from tests.support.phone import FakePhone
from tests.support.server import Server

pytestmark = pytest.mark.browser

CALLS = 5
STATES = ("ringing", "talking", "ended")


@pytest.mark.req("R-PANEL-10", "R-PANEL-12", "R-PANEL-13")
async def test_a_call_is_shown_ringing_talking_ended_at_once(server: Server, window: BrowserContext) -> None:
    """Each state is on the screen before the phones go on, and nobody loads the page again. How soon it is there says
    how busy the machine is: `make test PYTEST="-s tests/browser"` prints the figures, of which the goal is 200 ms."""
    async with Company(server) as company:
        anna, boris = await company.phone("1001"), await company.phone("1002")
        page = await sign_in(window, "supervisor")
        await expect(page.locator('[data-testid="agent"][data-extension="1002"]')).to_have_attribute(
            "data-status", "free"
        )
        delays: dict[str, list[float]] = {state: [] for state in STATES}
        for _ in range(CALLS):
            for state, delay in (await one_call(page, anna, boris)).items():
                delays[state].append(delay)
        for state, seconds in delays.items():
            median, worst = statistics.median(seconds) * 1000, max(seconds) * 1000
            print(f"{state}: shown after {median:.0f} ms (median), {worst:.0f} ms (worst of {CALLS})")


async def one_call(page: Page, caller: FakePhone, callee: FakePhone) -> dict[str, float]:
    """Seconds from what the phones sent to what the page showed. It says "ringing" from the caller's INVITE on."""
    before = len(await seen_calls(page))

    async def shows(state: str) -> Seen:
        async def states() -> list[Seen]:
            return [entry for entry in (await seen_calls(page))[before:] if entry.state == state]

        return (await eventually(f"the page shows {state}", states))[0]

    call = await caller.dial("1002")
    incoming = await callee.rings()
    incoming.ring()
    ringing = await shows("ringing")
    await incoming.answer()
    await call.answered()
    talking = await shows("talking")
    await call.hang_up()
    ended = await shows("ended")
    assert ringing.call == talking.call == ended.call
    return {
        "ringing": ringing.at - caller.log.sent("INVITE", call.sip_call_id)[-1].at,
        "talking": talking.at - callee.log.sent("200 INVITE", incoming.sip_call_id)[0].at,
        "ended": ended.at - caller.log.sent("BYE", call.sip_call_id)[0].at,
    }


@pytest.mark.req("R-CALL-41", "R-CALL-42", "R-CALL-45", "R-PANEL-13")
async def test_a_missed_call_appears_with_its_owner_and_a_way_to_call_back(
    server: Server, window: BrowserContext
) -> None:
    number = "+380503334455"
    async with Company(server) as company:
        provider, agent = await company.provider(), await company.phone("1003")
        page = await sign_in(window, "agent3")
        call = await provider.dial(DID, caller=number, name="Ярина Мороз")
        incoming = await agent.rings()
        incoming.ring()
        await expect(page.get_by_test_id("my-call")).to_contain_text("Ярина Мороз")
        await call.cancel()
        await incoming.cancelled()
        entry = page.locator(f'[data-testid="missed"][data-phone="{number}"]')
        await expect(entry).to_be_visible()
        await expect(entry.get_by_test_id("owner")).not_to_be_empty()
        await expect(entry.get_by_test_id("call-back")).to_be_enabled()
        await expect(page.get_by_test_id("my-call")).to_have_count(0)
        await entry.get_by_test_id("call-back").click()
        own = await agent.rings()  # one's own phone first, then the customer's
        await own.answer()
        reached = await provider.rings()
        assert reached.invite
        assert reached.invite.request_uri.user == number
        await reached.answer()
        await expect(page.get_by_test_id("my-call")).to_contain_text("+380 50 333 44 55")
        # Who hangs up before the two are joined has reached nobody.
        await expect(page.locator('[data-testid="call"][data-state="talking"]')).to_be_visible()
        await own.hang_up()
        await reached.ended()
        await expect(entry).to_have_attribute("data-state", "closed")


@pytest.mark.req("R-PANEL-14")
async def test_a_page_that_was_cut_off_shows_what_is_now(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        anna, boris = await company.phone("1001"), await company.phone("1002")
        page = await sign_in(window, "supervisor")
        await expect(page.get_by_test_id("agent").first).to_be_visible()
        await window.set_offline(True)
        talk = await connect(anna, boris, "1002")
        await window.set_offline(False)
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(page.locator('[data-testid="call"][data-state="talking"]')).to_be_visible()
        await talk.caller.hang_up()
        await expect(page.locator('[data-testid="call"][data-state="talking"]')).to_have_count(0)


async def test_a_wrong_password_is_told(server: Server, window: BrowserContext) -> None:
    page = await window.new_page()
    await page.goto("/")
    await page.get_by_test_id("field-login").fill("supervisor")
    await page.get_by_test_id("field-password").fill("no")
    await page.get_by_test_id("enter").click()
    await expect(page.get_by_test_id("sign-in-problem")).to_be_visible()


async def test_a_name_from_the_telephone_network_is_only_text(server: Server, window: BrowserContext) -> None:
    """SIP text is hostile text: markup in a display name is shown, never run."""
    async with Company(server) as company:
        provider, agent = await company.provider(), await company.phone("1003")
        page = await sign_in(window, "supervisor")
        call = await provider.dial(DID, caller="+380503334456", name="<img src=x onerror=window.hurt=1>")
        await agent.rings()
        await expect(page.get_by_test_id("call")).to_contain_text("<img src=x")
        assert await page.evaluate("window.hurt") is None
        await call.cancel()
