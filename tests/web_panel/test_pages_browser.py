"""The pages in Debian's Chromium, against the real application: what a person sees and does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from callflow.facts import RecordingReady, SoundTrouble
from tests.support.chromium import ARGUMENTS, PATIENCE
from tests.support.network import free_port
from tests.web_panel.house import PASSWORD, House
from tests.web_panel.story import Story, named
from web_panel.frontend_build import build_frontend

if TYPE_CHECKING:
    import playwright.async_api as playwright_api
else:
    playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed (extra: interop)")

playwright_api.expect.set_options(timeout=PATIENCE)

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HALL = "**/api/hall/tickets"
HOSTILE = "<img src=x onerror=alert(1)>"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]


@pytest.fixture(scope="module")
def built() -> None:
    if not build_frontend(ROOT):
        pytest.skip("the front end cannot be built here: no Node.js")


@dataclass
class Served:
    """The house behind a real port; it can be closed and opened again."""

    house: House
    address: str = ""
    _port: int = field(default_factory=free_port)  # nobody else gets it while it is closed
    _running: tuple[uvicorn.Server, asyncio.Task[None]] | None = None

    async def open(self) -> None:
        listener = socket.create_server(("127.0.0.1", self._port), reuse_port=False)
        self.address = f"http://127.0.0.1:{self._port}"
        server = uvicorn.Server(
            uvicorn.Config(self.house.app, log_config=None, ws="websockets-sansio", timeout_graceful_shutdown=1)
        )
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]  # signals are pytest's
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        self._running = server, task

    async def close(self) -> None:
        if self._running:
            server, task = self._running
            server.should_exit = True
            await task
            self._running = None


@pytest.fixture
async def served(house: House, built: None) -> AsyncIterator[Served]:
    served = Served(house)
    await served.open()
    yield served
    await served.close()


@dataclass
class Browser:
    served: Served
    page: playwright_api.Page
    errors: list[str] = field(default_factory=list)

    def heard(self, message: playwright_api.ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.errors.append(message.text)

    async def sign_in(self, login: str, path: str = "/") -> None:
        await self.page.goto(f"{self.served.address}{path}?language=uk")
        await self.page.get_by_test_id("field-login").fill(login)
        await self.page.get_by_test_id("field-password").fill(PASSWORD)
        await self.page.keyboard.press("Enter")
        await self.page.get_by_test_id("me").wait_for()

    async def sees(self, selector: str, *, count: int = 1) -> playwright_api.Locator:
        found = self.page.locator(selector)
        await playwright_api.expect(found).to_have_count(count)
        return found


@pytest.fixture
async def browser(served: Served, tmp_path: Path) -> AsyncIterator[Browser]:
    async with playwright_api.async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "chromium", executable_path=CHROMIUM, args=[*ARGUMENTS, *QUIET],
            viewport={"width": 1280, "height": 860},
        )  # fmt: skip
        context.set_default_timeout(PATIENCE)
        browser = Browser(served, context.pages[0])
        browser.page.on("pageerror", lambda error: browser.errors.append(str(error)))
        browser.page.on(
            "console",
            lambda message: browser.errors.append(message.text) if "Content Security" in message.text else None,
        )
        yield browser
        await context.close()
        assert browser.errors == []


@pytest.fixture
def story() -> Story:
    return Story()


async def test_a_wrong_password_is_told_and_a_right_one_opens_the_panel(browser: Browser) -> None:
    await browser.page.goto(f"{browser.served.address}/?language=uk")
    await browser.page.get_by_test_id("field-login").fill("supervisor")
    await browser.page.get_by_test_id("field-password").fill("wrong")
    await browser.page.keyboard.press("Enter")
    problem = browser.page.get_by_test_id("sign-in-problem")
    await playwright_api.expect(problem).to_have_text("Неправильний користувач або пароль.")
    await browser.page.get_by_test_id("field-password").fill(PASSWORD)
    await browser.page.keyboard.press("Enter")
    await browser.sees("[data-testid=agent]", count=4)


@pytest.mark.req("R-PANEL-09", "R-PANEL-10", "R-PANEL-12", "R-PANEL-13")
async def test_a_call_is_seen_from_ringing_to_its_end_without_reloading(browser: Browser, story: Story) -> None:
    house = browser.served.house
    await browser.sign_in("supervisor")
    row = f"[data-testid=call][data-call-id='{named('a')}']"
    await house.tell(story.internal("a", "1002", "1003"), story.offered("a", "1003"))
    await browser.sees(f"{row}[data-state=ringing]")
    await browser.sees("[data-testid=agent][data-extension='1003'][data-status=offered]")
    await house.tell(story.answered("a", "1003"))
    await browser.sees(f"{row}[data-state=talking]")
    await browser.sees("[data-testid=agent][data-status=busy]", count=2)
    await house.tell(story.segment_ended("a", "1003"), story.ended("a"))
    await browser.sees(f"{row}[data-state=ended]")
    await browser.sees("[data-testid=agent][data-status=busy]", count=0)


async def test_how_a_call_sounds_stands_beside_it_in_each_language(browser: Browser, story: Story) -> None:
    """Its worst leg by name; a trouble before any score."""
    house = browser.served.house
    await browser.sign_in("supervisor")
    await house.tell(story.internal("a", "1002", "1003"), story.answered("a", "1003"))
    await house.tell(story.sounds("a", "poor", 2.52, worst="1003"))
    mark = await browser.sees("[data-testid=sound]")
    for language, text in (("en", "Poor sound"), ("ru", "Звук плохой"), ("uk", "Звук поганий")):
        await browser.page.get_by_test_id("language").select_option(language)
        await playwright_api.expect(mark).to_contain_text(text)
    title = await mark.get_attribute("title") or ""
    assert house.live.state.name_of("1003") in title
    assert "2,5" in title
    await house.tell(story.sounds("a", "poor", 2.52, worst="1002", trouble=SoundTrouble.ONE_WAY))
    await playwright_api.expect(mark).to_contain_text("Чути лише в один бік")
    await house.tell(story.sounds("a"))
    await browser.sees("[data-testid=sound]", count=0)


async def test_my_ringing_phone_is_shown_and_read_aloud_with_hostile_names_as_text(
    browser: Browser, story: Story
) -> None:
    await browser.sign_in("agent")
    await browser.served.house.tell(story.started("a", name=HOSTILE), story.queued("a"), story.offered("a", "1002"))
    who = browser.page.get_by_test_id("my-call-who")
    await playwright_api.expect(who).to_have_text(HOSTILE)
    await playwright_api.expect(browser.page.get_by_test_id("heard")).to_contain_text("Вхідний дзвінок")
    await browser.sees("[data-testid=waiting-caller]")
    await browser.sees("img[src=x]", count=0)


async def test_a_missed_call_is_called_back_with_one_click(browser: Browser, story: Story) -> None:
    house = browser.served.house
    await browser.sign_in("agent")
    await house.tell(story.missed("a"), story.missed("b"))
    missed = await browser.sees("[data-testid=missed][data-state=open]")
    await playwright_api.expect(missed).to_contain_text("×2")
    await missed.get_by_test_id("call-back").click()
    await browser.page.get_by_test_id("toast").wait_for()
    await house.deliver()
    await browser.sees("[data-testid=missed][data-state=claimed]")
    assert [command[0] for command in house.control.done] == ["call"]


async def test_a_follow_up_is_postponed_to_a_day_and_hour_of_the_companys_clock(browser: Browser, story: Story) -> None:
    house = browser.served.house
    await browser.sign_in("agent")
    await house.tell(story.missed("a"))
    missed = await browser.sees("[data-testid=missed][data-state=open]")
    await missed.get_by_test_id("postpone").click()
    await missed.get_by_test_id("postpone-until").fill("2030-07-08T10:15")
    await missed.get_by_test_id("postpone-confirm").click()
    await browser.page.get_by_test_id("toast").wait_for()
    async with house.services.pool.acquire() as conn:
        due = await conn.fetchval("SELECT due_at FROM task WHERE kind = 'follow_up'")
    assert due.isoformat() == "2030-07-08T07:15:00+00:00"  # summer time in Kyiv


async def test_ready_and_paused_are_one_click_away(browser: Browser) -> None:
    await browser.sign_in("agent")
    await browser.page.get_by_test_id("paused").click()
    house = browser.served.house
    async with asyncio.timeout(PATIENCE / 1000):
        while not house.control.done:
            await asyncio.sleep(0.01)
    assert [str(part) for part in house.control.done[0][3:]] == ["paused", "break"]


@pytest.mark.req("R-OTHER-19")
async def test_the_language_changes_without_reloading_and_is_remembered(browser: Browser) -> None:
    await browser.sign_in("supervisor")
    title = browser.page.locator("#agents-title")
    for language, text in (("en", "People"), ("ru", "Люди"), ("uk", "Люди"), ("en", "People")):
        await browser.page.get_by_test_id("language").select_option(language)
        await playwright_api.expect(title).to_have_text(text)
        assert await browser.page.evaluate("document.documentElement.lang") == language
    await browser.page.goto(f"{browser.served.address}/")
    await playwright_api.expect(title).to_have_text("People")


@pytest.mark.req("R-PANEL-14")
async def test_a_lost_connection_is_shown_and_heals_with_the_state_as_it_now_is(browser: Browser, story: Story) -> None:
    house = browser.served.house
    await browser.sign_in("supervisor")
    await house.tell(story.started("a"), story.queued("a"))
    await browser.sees("[data-testid=call]")
    await browser.served.close()
    await browser.page.get_by_test_id("connection-lost").wait_for()
    for fact in [story.offered("a", "1002"), story.answered("a", "1002"), *story.started("b")]:
        house.live.on_fact(fact)
    await browser.served.open()
    await browser.sees("[data-testid=connection-lost]", count=0)
    await browser.sees("[data-testid=call][data-state=talking]")
    await browser.sees("[data-testid=call]", count=2)


async def test_signing_out_elsewhere_brings_the_sign_in_page(browser: Browser) -> None:
    await browser.sign_in("agent")
    async with browser.served.house.services.pool.acquire() as conn:
        await conn.execute("DELETE FROM session")
    await browser.page.get_by_test_id("sign-in").wait_for()


@pytest.mark.req("R-CALL-37", "R-CALL-38", "R-CALL-20", "R-CALL-24")
async def test_the_journal_shows_kinds_a_card_and_a_recording(browser: Browser, story: Story) -> None:
    house = browser.served.house
    await house.tell(story.missed("m"), story.missed("n"))
    await house.tell(
        story.started("a", number="+380501112233"), story.offered("a", "1002"), story.answered("a", "1002")
    )
    recording = named("recording of a")
    await house.tell(story.recorded("a"), story.segment_ended("a", "1002"), story.ended("a"))
    ready = RecordingReady(
        id=named("ready"), at=story.at, call_id=named("a"), recording=recording, file="a.dzr", seconds=4.0
    )
    await house.tell(ready)
    await browser.sign_in("supervisor", "/events")
    await browser.sees("[data-testid=event]", count=3)
    await browser.page.get_by_test_id("view-unanswered_grouped").click()
    await playwright_api.expect(await browser.sees("[data-testid=event]")).to_contain_text("×2")
    await browser.page.get_by_test_id("view-standard").click()
    await browser.page.get_by_test_id("by-phone").click()
    await browser.sees("[data-testid=by-phone][aria-pressed=true]")
    await browser.sees("[data-testid=event]", count=3)
    await browser.page.get_by_test_id("view-answered").click()
    await (await browser.sees("[data-testid=event][data-type=incoming_call]")).click()
    await browser.sees(f"[data-recording-id='{recording}'] audio")
    await browser.page.get_by_test_id("content").fill("Домовилися на п’ятницю")
    await browser.page.get_by_test_id("keep-content").click()
    await browser.page.get_by_test_id("toast").wait_for()
    await browser.page.reload()
    await playwright_api.expect(browser.page.get_by_test_id("content")).to_have_value("Домовилися на п’ятницю")


@pytest.mark.req("R-QUEUE-21", "R-QUEUE-32", "R-QUEUE-33", "R-PANEL-16")
async def test_from_the_desk_to_the_board(browser: Browser) -> None:
    house = browser.served.house
    await browser.sign_in("hall", "/hall")
    await browser.page.get_by_test_id("field-name").fill("Юрій")
    await browser.page.get_by_test_id("issue").click()
    await playwright_api.expect(browser.page.get_by_test_id("issued")).to_contain_text("Ваш номер в черзі")
    await playwright_api.expect(browser.page.get_by_test_id("issued-number")).to_have_text("A-001")
    await browser.page.evaluate("window.print = () => { window.paper = document.body.className }")
    await browser.page.get_by_test_id("print").click()
    await browser.page.wait_for_function("window.paper !== undefined")
    await browser.page.emulate_media(media="print")
    paper = await browser.sees(".ticket-paper")
    await playwright_api.expect(paper).to_contain_text("Ваш номер в черзі")
    await playwright_api.expect(paper).to_contain_text("A-001")
    await browser.page.emulate_media(media="screen")
    await house.deliver()
    await playwright_api.expect(await browser.sees("[data-testid=ticket][data-number='A-001']")).to_contain_text("Юрій")
    board = await browser.page.context.new_page()
    await board.goto(f"{browser.served.address}/board?language=uk")
    await board.get_by_text("Очікуйте на виклик").wait_for()
    async with await house.signed_in("agent", address="127.0.0.1") as operator:
        await operator.post("/api/hall/call-next")
    await house.deliver()
    line = board.get_by_test_id("board-line")
    await playwright_api.expect(line).to_have_attribute("data-number", "A-001")
    await playwright_api.expect(line).to_contain_text("2")
    assert "Юрій" not in await board.content()


async def test_of_two_answers_the_later_asked_for_is_shown_whichever_comes_first(browser: Browser) -> None:
    """Somebody takes a ticket while the list is asked for."""
    house, page = browser.served.house, browser.page
    answered, may_come, has_come = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold(route: playwright_api.Route) -> None:
        answer = await route.fetch()  # nobody waits yet
        answered.set()
        await may_come.wait()
        await route.fulfill(response=answer)
        has_come.set()

    await page.route(HALL, hold, times=1)
    async with await house.signed_in("hall", address="127.0.0.1") as desk, asyncio.timeout(PATIENCE / 1000):
        await browser.sign_in("hall", "/hall")
        await answered.wait()
        await desk.post("/api/hall/tickets", json={"service_code": "consult"})
        await house.deliver()
        await browser.sees("[data-testid=ticket]")
        may_come.set()
        await has_come.wait()
    await page.evaluate("fetch('/health')")  # what came before it is on the page
    await browser.sees("[data-testid=ticket]")


@pytest.mark.req("R-QUEUE-11", "R-QUEUE-16", "R-QUEUE-19")
async def test_a_visitor_books_on_the_page_and_is_told_what_is_missing(browser: Browser) -> None:
    await browser.page.goto(f"{browser.served.address}/booking?language=uk")
    await browser.page.get_by_test_id("field-starts_at").fill("2030-01-08")
    await browser.page.get_by_test_id("field-name").fill("Тарас Шевчук")
    await browser.page.get_by_test_id("book").click()
    problem = browser.page.get_by_test_id("booking-problem")
    await playwright_api.expect(problem).to_have_text("Телефон: Заповніть це поле.")
    await playwright_api.expect(browser.page.get_by_test_id("field-phone")).to_be_focused()
    await browser.page.get_by_test_id("field-phone").fill("067 123 45 67")
    await browser.page.get_by_test_id("book").click()
    await playwright_api.expect(browser.page.get_by_test_id("booked-number")).to_have_text("A-001")
    await playwright_api.expect(browser.page.get_by_test_id("booked")).to_contain_text("09:00")
