"""JsSIP in Debian's Chromium, on a page of the panel's own origin (see `jssip/phone.js`).

Its sound is the browser's own, over ICE and DTLS-SRTP.
"""

from __future__ import annotations

import asyncio
import importlib.util
from array import array
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import parse
from tests.interop.capabilities import Capability, Digits, Transport
from tests.interop.foreign_phone import ITS, STARTS_WITHIN, ForeignCall, ForeignPhone, Setting
from tests.interop.phones import jssip_bundle
from tests.support.chromium import ARGUMENTS, CHROMIUM
from tests.support.deadlines import DEADLINE, deadline
from tests.support.message_log import MessageLog
from tests.support.tones import RATE

if TYPE_CHECKING:
    from playwright.async_api import Page, WebSocket

Event = dict[str, object]
SETTLING = 0.4  # seconds of sound that are not judged
SPEAKS_AT_ONCE = "--autoplay-policy=no-user-gesture-required"
NO_OTHER = "a browser has WebSockets only"


@dataclass(slots=True)
class JsSipCall(ForeignCall):
    phone: JsSipPhone
    number: int

    @property
    def digits(self) -> list[str]:  # type: ignore[override]  # read from the events
        events = (event for event in self.phone.seen if event["event"] == "digit" and event["call"] == self.number)
        return [str(event["digit"]) for event in events]

    async def established(self) -> None:
        await self.phone.expects("confirmed", call=self.number)

    async def ended(self) -> None:
        await self.phone.expects("ended", "failed", call=self.number)

    async def answer(self) -> None:
        await self._do("answer")
        await self.established()

    async def refuse(self) -> None:
        await self._do("end", {"status_code": 486})
        await self.ended()

    async def hang_up(self) -> None:
        await self._do("end")
        await self.ended()

    async def hold(self) -> None:
        await self._do("hold")

    async def resume(self) -> None:
        await self._do("resume")

    async def press(self, digits: str) -> None:
        await self._do("press", digits)

    async def transfer(self, number: str) -> None:
        await self._do("transfer", number)
        await self.ended()

    async def transfer_to(self, other: ForeignCall) -> None:
        assert isinstance(other, JsSipCall)
        await self._do("transfer", "", other.number)
        await self.ended()

    async def _do(self, what: str, *more: object) -> None:
        async with deadline(f"JsSIP does {what}"):
            await self.phone.page.evaluate(f"more => window.phone.{what}(...more)", [self.number, *more])


@dataclass(slots=True)
class JsSipPhone(ForeignPhone):
    NAME: ClassVar[str] = "JsSIP"
    WHERE_FROM: ClassVar[str] = "npm: jssip, in Debian's chromium"
    CANNOT: ClassVar[Mapping[Capability, str]] = {
        Capability.REGISTERS_UDP: NO_OTHER,
        Capability.REGISTERS_TCP: NO_OTHER,
        Capability.REGISTERS_TLS: NO_OTHER,
        Capability.CALLS_TCP: NO_OTHER,
        Capability.CALLS_TLS: NO_OTHER,
        Capability.IS_CALLED_TLS: NO_OTHER,
        Capability.IS_CALLED_SDES: "browsers have DTLS only (RFC 8827 §6.5)",
        Capability.CALLS_SDES: "browsers have DTLS only (RFC 8827 §6.5)",
        Capability.HEARS_DIGITS: "agrees to RFC 4733, and does not tell the page what it hears",
    }
    NOTES: ClassVar[Mapping[Capability, str]] = {
        Capability.REGISTERS_WS: "JsSIP reads the last challenge only, so it is offered MD5 alone (`only_md5`)",
        **dict.fromkeys((Capability.CALLS, Capability.IS_CALLED), "by ICE and DTLS-SRTP, the browser's own"),
    }
    TRANSPORT: ClassVar[Transport] = Transport.WS

    setting: Setting
    page: Page
    log: MessageLog = field(default_factory=lambda: MessageLog("JsSIP"))
    events: list[Event] = field(default_factory=list)
    seen: list[Event] = field(default_factory=list)
    _told: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def version(cls) -> str:
        return jssip_bundle.version()

    @classmethod
    def why_absent(cls) -> str | None:
        if not importlib.util.find_spec("playwright"):
            return "playwright is not installed"
        if CHROMIUM is None:
            return "no Chromium (Debian: apt-get install chromium)"
        return None if jssip_bundle.is_current() else "JsSIP is not bundled (make packages)"

    async def expects(self, *events: str, seconds: float = DEADLINE, **wanted: object) -> Event:
        """The first of such events that was not taken yet; it is taken."""

        def matches(found: Event) -> bool:
            return found["event"] in events and all(found.get(key) == value for key, value in wanted.items())

        async with deadline(lambda: f"JsSIP {events} {wanted}; it told {self.events}\n{self.log.ladder()}", seconds):
            while not any(map(matches, self.events)):
                self._told.clear()
                await self._told.wait()
        found = next(filter(matches, self.events))
        self.events.remove(found)
        return found

    async def dial(self, number: str) -> JsSipCall:
        return JsSipCall(self, int(await self.page.evaluate("number => window.phone.dial(number)", number)))

    async def rings(self) -> JsSipCall:
        return JsSipCall(self, int(str((await self.expects("incoming"))["call"])))

    async def listen(self, seconds: float) -> bytes:
        async with deadline("Chromium hears something", seconds + DEADLINE):
            heard = await self.page.evaluate("seconds => window.phone.listen(seconds)", seconds + SETTLING)
        return array("h", heard[round(SETTLING * RATE) :]).tobytes()

    async def lose_connection(self) -> None:
        """It comes back by itself; returns when it is registered again."""
        await self.page.evaluate("window.phone.lose()")
        await self.expects("disconnected")
        await self.expects("registered", seconds=STARTS_WITHIN)

    @classmethod
    @asynccontextmanager
    async def running(cls, setting: Setting) -> AsyncIterator[JsSipPhone]:
        from playwright.async_api import async_playwright

        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, SPEAKS_AT_ONCE])
            page = await browser.new_page(bypass_csp=True, ignore_https_errors=True)
            phone = cls(setting, page)
            try:
                await phone._open()
                yield phone
                await phone._sign_off()
            finally:
                await browser.close()

    async def _open(self) -> None:
        setting, page = self.setting, self.page
        page.on("websocket", self._watch)
        await page.expose_function("tell", self._hear)
        await page.goto(setting.page)
        await page.add_script_tag(path=str(jssip_bundle.BUNDLE))
        host, port = setting.server
        path = "/sip" if setting.transport is Transport.WS else "/"
        await page.evaluate(
            "settings => window.phone.start(settings)",
            {
                "socket": f"{setting.transport}://{host}:{port}{path}", "user": setting.user, "domain": "dzvin",
                "password": setting.password, "frequency": ITS, "events": setting.digits is Digits.EVENTS,
            },
        )  # fmt: skip
        await self.expects("registered", seconds=STARTS_WITHIN)

    async def _sign_off(self) -> None:
        self.events.clear()
        await self.page.evaluate("window.phone.stop()")
        await self.expects("unregistered")
        await self.expects("disconnected")

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        self.seen.append(event)
        self._told.set()

    def _watch(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda text: self._note(text, sent=True))
        socket.on("framereceived", lambda text: self._note(text, sent=False))

    def _note(self, text: str | bytes, *, sent: bool) -> None:
        try:
            self.log.add(parse(text.encode() if isinstance(text, str) else text), sent=sent)
        except RemoteProtocolError:
            pass  # a keep-alive
