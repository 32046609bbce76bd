"""What an agent does with a call on the live page, by mouse and by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.visitor import sign_in
from tests.scenarios.call_control.people import hears_music
from tests.scenarios.company import DID, Company, Talk, connect, hear_each_other
from tests.support import tones
from tests.support.server import Server

pytestmark = pytest.mark.browser

CUSTOMER = "+380503334466"


async def called(company: Company, agent: str = "1003") -> Talk:
    """A customer talks with the agent of the line."""
    provider, phone = await company.provider(), await company.phone(agent)
    call = await provider.dial(DID, caller=CUSTOMER)
    incoming = await phone.rings()
    incoming.ring()
    await incoming.answer()
    await call.answered()
    return Talk(call, incoming)


async def over(talk: Talk) -> None:
    await talk.caller.hang_up()
    await talk.callee.ended()


READY = "id => document.querySelector(`[data-testid='${id}']`)?.disabled === false"
"""A control that is still being loaded, or may not be used yet, cannot have the focus."""


async def tab_to(page: Page, testid: str) -> None:
    """Reach it as somebody without a mouse does."""
    await page.wait_for_function(READY, arg=testid)
    for _ in range(60):
        if await page.evaluate("document.activeElement?.dataset.testid") == testid:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{testid} cannot be reached by the keyboard: {await page.content()}")


@pytest.mark.req("R-PHONE-26", "R-PHONE-27")
async def test_hold_and_resume_by_keyboard(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page = await sign_in(window, "agent3")
        talk = await called(company)
        await hear_each_other(talk.callee, talk.caller, (tones.NOT_IN_MUSIC, 1000))
        await tab_to(page, "hold")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("resume")).to_be_visible()
        await hears_music(talk.caller)
        await tab_to(page, "resume")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("hold")).to_be_visible()
        await hear_each_other(talk.callee, talk.caller, (tones.NOT_IN_MUSIC, 1000))
        await over(talk)


@pytest.mark.req("R-PHONE-38")
async def test_ask_a_colleague_first_then_connect(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page, boris = await sign_in(window, "agent3"), await company.phone("1002")
        talk = await called(company)
        await page.get_by_test_id("transfer").click()
        await page.get_by_test_id("target").fill("1002")
        await page.get_by_test_id("consult").click()
        other = await boris.rings()
        other.ring()
        await expect(page.get_by_test_id("handover")).to_contain_text("Дзвонимо: Тарас Бондар")
        await other.answer()
        await expect(page.get_by_test_id("handover")).to_contain_text("Ви говорите з: Тарас Бондар")
        await hear_each_other(talk.callee, other, (600, 800))
        await page.get_by_test_id("complete").click()
        await talk.callee.ended()
        await hear_each_other(talk.caller, other)
        await expect(page.get_by_test_id("my-call")).to_have_count(0)
        await talk.caller.hang_up()
        await other.ended()


@pytest.mark.req("R-PHONE-37")
async def test_transfer_at_once_by_keyboard(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page, boris = await sign_in(window, "agent3"), await company.phone("1002")
        talk = await called(company)
        await tab_to(page, "transfer")
        await page.keyboard.press("Enter")
        await page.wait_for_function("document.activeElement.tagName === 'INPUT'")  # the field has the focus
        await page.keyboard.type("1002")
        await page.keyboard.press("Enter")
        other = await boris.rings()
        await talk.callee.ended()
        await other.answer()
        await hear_each_other(talk.caller, other)
        await talk.caller.hang_up()
        await other.ended()


async def test_a_refusal_is_told_in_words(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page = await sign_in(window, "agent3")
        talk = await called(company)
        await page.get_by_test_id("transfer").click()
        await page.get_by_test_id("target").fill("1003")
        await page.get_by_test_id("transfer-now").click()
        await expect(page.get_by_test_id("toast")).to_contain_text("Це той самий номер.")
        await page.get_by_test_id("target").press("Escape")
        await expect(page.get_by_test_id("hold")).to_be_visible()
        await over(talk)


@pytest.mark.req("R-PHONE-39", "R-PHONE-40")
async def test_record_pause_and_save_by_keyboard(server: Server, window: BrowserContext) -> None:
    """`uas` leads to a trunk whose calls are not recorded by themselves."""
    async with Company(server) as company:
        page, mine = await sign_in(window, "agent3"), await company.phone("1003")
        talk = await connect(mine, await company.trunk(5070, "outside"), "uas")
        await tab_to(page, "record")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("save-recording")).to_be_visible()
        await tab_to(page, "pause-recording")
        await page.keyboard.press("Enter")
        await tab_to(page, "resume-recording")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("pause-recording")).to_be_visible()
        await tab_to(page, "save-recording")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("toast")).to_contain_text("Запис збережено")
        await expect(page.get_by_test_id("record")).to_be_visible()
        await over(talk)


async def test_park_and_retrieve_between_two_people(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page, boris = await sign_in(window, "agent3"), await company.phone("1002")
        talk = await called(company)
        await page.get_by_test_id("park").click()
        await talk.callee.ended()
        parked = page.get_by_test_id("parked-call")
        await expect(parked).to_contain_text("*701")
        await expect(parked).to_contain_text("+380 50 333 44 66")
        assert window.browser is not None
        colleague = await window.browser.new_context(base_url=server.http, locale="uk-UA")
        theirs = await sign_in(colleague, "agent2")
        await theirs.get_by_test_id("retrieve").click()
        incoming = await boris.rings()
        await incoming.answer()
        await hear_each_other(talk.caller, incoming)
        await expect(parked).to_have_count(0)
        await expect(theirs.get_by_test_id("my-call-who")).to_have_text("+380 50 333 44 66")
        await talk.caller.hang_up()
        await incoming.ended()
        await colleague.close()


@pytest.mark.req("R-PHONE-36")
async def test_a_ringing_call_is_sent_on_or_declined(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page = await sign_in(window, "agent2")
        anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
        call = await anna.dial("1002")
        (await boris.rings()).ring()
        await expect(page.get_by_test_id("my-call-who")).to_have_text("Олена Коваль")
        await page.get_by_test_id("send-on").click()
        await page.get_by_test_id("target").fill("1003")
        await page.get_by_test_id("transfer-now").click()
        incoming = await carol.rings()
        await incoming.answer()
        await call.answered()
        await call.hang_up()
        await incoming.ended()
        call = await anna.dial("1002")
        (await boris.rings()).ring()
        await page.get_by_test_id("decline").click()
        assert await call.refused() == 603


async def test_pick_up_what_rings_at_a_colleagues(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page = await sign_in(window, "agent3")
        anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
        call = await anna.dial("1002")
        rung = await boris.rings()
        rung.ring()
        await call.ringing()
        await page.get_by_test_id("pick-up-any").click()
        taken = await carol.rings()
        await taken.answer()
        await rung.cancelled()
        await call.answered()
        await hear_each_other(call, taken)
        await call.hang_up()
        await taken.ended()


@pytest.mark.req("R-PHONE-30", "R-PHONE-33")
async def test_a_number_is_typed_called_and_hung_up(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        page = await sign_in(window, "agent1")
        anna, boris = await company.phone("1001"), await company.phone("1002")
        await page.get_by_test_id("my-phone-button").click()
        await page.wait_for_function("document.activeElement.tagName === 'INPUT'")  # the field has the focus
        await page.keyboard.type("1002")
        await page.keyboard.press("Enter")
        own = await anna.rings()
        await own.answer()
        other = await boris.rings()
        await other.answer()
        await hear_each_other(own, other)
        await page.get_by_test_id("my-hang-up").click()
        await own.ended()
        await other.ended()


@pytest.mark.req("R-PHONE-60")
async def test_my_phone_is_set_by_keyboard_and_shown_to_others(server: Server, window: BrowserContext) -> None:
    async with Company(server) as company:
        await company.phone("1002")
        page = await sign_in(window, "agent2")
        async with server.sign_in("supervisor") as panel, panel.live() as live:
            await tab_to(page, "my-phone-button")
            await page.keyboard.press("Enter")
            await expect(page.get_by_test_id("my-phone")).to_be_visible()
            await tab_to(page, "do-not-disturb")
            await page.keyboard.press("Space")
            await live.agent("1002", "dnd")
            await page.keyboard.press("Space")
            await live.agent("1002", "free")
            await tab_to(page, "forward-busy")
            await page.keyboard.type("1003")
            await page.keyboard.press("Enter")
            await live.until("forwarded", lambda message: _forwards(message) == ["busy"])
            await page.get_by_test_id("lines").select_option("2")
            await expect(page.get_by_test_id("toast").last).to_contain_text("Збережено")
            await page.keyboard.press("Escape")
            await expect(page.get_by_test_id("my-phone")).to_have_count(0)
            assert await page.evaluate("document.activeElement?.dataset.testid") == "my-phone-button"
        async with server.sign_in("agent2") as mine:
            wishes = (await mine.ask("GET", "/api/phone")).json()
            assert (wishes["lines"], wishes["forwards"]["busy"]) == (2, "1003")
            await mine.ask("PUT", "/api/phone/forwards/busy", {"number": ""})
            await mine.ask("PATCH", "/api/phone", {"lines": 5})
        await server.settled()


def _forwards(message: object) -> object:
    agent = message.get("agent") if isinstance(message, dict) else None
    return agent.get("forwards") if isinstance(agent, dict) and agent.get("extension") == "1002" else None
