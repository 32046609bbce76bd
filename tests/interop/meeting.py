"""A foreign phone, phones of ours as 1002 and 1003: who calls whom, and what each of them must hear."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.interop.capabilities import Capability, Digits, Sound, Transport
from tests.interop.foreign_phone import ITS, ForeignCall, ForeignPhone, Setting
from tests.interop.phones.known import PHONES
from tests.interop.wire import Wire
from tests.scenarios.company import PASSWORDS
from tests.support import tones
from tests.support.network import Address
from tests.support.phone import FakePhone
from tests.support.phone_call import Call
from tests.support.server import Server

OURS, THIRD = 1000, 440  # Hz
HEARD, UNHEARD = -3.0, -25.0  # dB of the whole sound
TRIES = 5
SETTLING = 0.4  # seconds of sound that are not judged: latching, and what still came before a change
REFUSALS = (480, 486, 603)
FOREIGN = "1001"
Kind = type[ForeignPhone]


def tries(capability: Capability) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """The test runs once for each phone that can do it, as its `kind`, and fills a cell of the table."""
    able = [pytest.param(kind, id=kind.NAME) for kind in PHONES if capability not in {**kind.CANNOT, **kind.NOT_TRIED}]

    def decorate(test: Callable[..., object]) -> Callable[..., object]:
        marked: Callable[..., object] = pytest.mark.interop(pytest.mark.parametrize("kind", able)(test))
        pytest.mark.capability(capability)(marked)
        return marked

    return decorate


@dataclass(frozen=True, slots=True)
class Talk:
    """A call from both ends, answered."""

    phone: ForeignPhone
    theirs: ForeignCall
    ours: Call


class Meeting:
    """Phones on demand; everybody hangs up and signs off at the end, the foreign phone first."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self._ours = AsyncExitStack()
        self._foreign = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._foreign.__aexit__(kind, error, trace)
        finally:
            await self._ours.__aexit__(kind, error, trace)

    async def foreign(
        self,
        kind: Kind,
        *,
        transport: Transport | None = None,
        digits: Digits = Digits.EVENTS,
        sound: Sound = Sound.PLAIN,
        server: Address | None = None,
    ) -> ForeignPhone:
        """`server`: what it shall take for the product, if not the product itself."""
        if (reason := kind.why_absent()) is not None:
            pytest.skip(reason)
        transport = transport or kind.TRANSPORT
        setting = Setting(
            folder=self.folder, server=server or self._address(transport), user=FOREIGN, password=PASSWORDS[FOREIGN],
            transport=transport, digits=digits, sound=sound, authority=self.server.data.parent / "tls" / "ca.pem",
            page=f"{self.server.http}/booking",
        )  # fmt: skip
        return await self._foreign.enter_async_context(kind.running(setting))

    def wire(self) -> Wire:
        """A relay before the product, to give to a phone as its `server` (UDP)."""
        wire = Wire(self.server.sip)
        self._ours.callback(wire.close)
        return wire

    def meanwhile(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run it beside the test; it ends with the test at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._foreign.callback(task.cancel)
        return task

    async def ours(self, kind: Kind, extension: str = "1002") -> FakePhone:
        phone = FakePhone(extension, server=self.server.sip, password=PASSWORDS[extension], laws=kind.LAWS)
        await self._ours.enter_async_context(phone)
        await phone.register()
        return phone

    async def both(
        self, kind: Kind, **more: Transport | Digits | Sound | Address | None
    ) -> tuple[ForeignPhone, FakePhone]:
        ours = await self.ours(kind)
        return await self.foreign(kind, **more), ours  # type: ignore[arg-type]  # the keywords of `foreign`

    async def talk(self, kind: Kind, **more: Transport | Digits | Sound | Address | None) -> Talk:
        """The foreign phone has called 1002."""
        phone, boris = await self.both(kind, **more)
        return await calls(phone, boris)

    def _address(self, transport: Transport) -> Address:
        """Phones in pages use the panel's own port; only the secure WebSocket has none there in these tests."""
        place = self.server.http.partition("//")[2] if transport is Transport.WS else self.server.ready.sip[transport]
        host, _, port = place.rpartition(":")
        return host, int(port)


async def calls(phone: ForeignPhone, callee: FakePhone) -> Talk:
    theirs = await phone.dial(callee.user)
    ours = await callee.rings()
    ours.ring()
    await ours.answer()
    await theirs.established()
    return Talk(phone, theirs, ours)


async def is_called(phone: ForeignPhone, caller: FakePhone) -> Talk:
    ours = await caller.dial(phone.setting.user)
    theirs = await phone.rings()
    await ours.ringing()
    await theirs.answer()
    await ours.answered()
    return Talk(phone, theirs, ours)


async def sounds_right(listen: Callable[[], Awaitable[str]]) -> None:
    """`listen` says what is wrong with what it hears. On a busy machine a gap may be in it, or a moment of what was
    before; and not every time."""
    for _ in range(TRIES - 1):
        if not await listen():
            return
    assert not (wrong := await listen()), wrong


async def hear_each_other(talk: Talk) -> None:
    """Each side hears the other's tone, and not its own."""
    ours = talk.ours
    ours.audio.play(OURS)

    async def listen() -> str:
        at_ours, at_theirs = await asyncio.gather(heard(ours), talk.phone.listen(1.0))
        return wrong_with((at_ours, ITS, OURS), (at_theirs, OURS, ITS))

    await sounds_right(listen)


async def hear_each_other_again(talk: Talk) -> None:
    """The same after the foreign phone has held."""
    if not talk.phone.DEAF_AFTER_HOLD:
        await hear_each_other(talk)
        return
    talk.ours.audio.play(OURS)

    async def listen() -> str:
        at_ours, _ = await asyncio.gather(heard(talk.ours), talk.phone.receives(1.0))
        return wrong_with((at_ours, ITS, OURS))

    await sounds_right(listen)


async def two_of_ours_hear_each_other(one: Call, other: Call) -> None:
    one.audio.play(OURS)
    other.audio.play(THIRD)

    async def listen() -> str:
        at_one, at_other = await asyncio.gather(heard(one), heard(other))
        return wrong_with((at_one, THIRD, OURS), (at_other, OURS, THIRD))

    await sounds_right(listen)


def wrong_with(*sounds: tuple[bytes, float, float]) -> str:
    """Of each: what was heard, the tone that must be in it, and the listener's own, which must not."""
    levels = [tones.level(pcm, theirs) for pcm, theirs, _ in sounds]
    if min(levels) <= HEARD:
        return f"not heard: {levels} dB"
    echoes = [tones.level(pcm, own) for pcm, _, own in sounds]
    return f"an echo: {echoes} dB" if max(echoes) >= UNHEARD else ""


async def hears_music(listen: Callable[[], Awaitable[bytes]], frequency: float) -> None:
    """Something sounds, and it is not the tone of who holds."""

    async def music() -> str:
        pcm = await listen()
        if tones.loudness(pcm) <= 100:
            return "no music"
        return "who holds is heard" if tones.level(pcm, frequency) >= UNHEARD else ""

    await sounds_right(music)


async def heard(call: Call, seconds: float = 1.0) -> bytes:
    """What a phone of ours hears from now on, without the first moment."""
    pcm = await call.audio.listen(seconds + SETTLING)
    return pcm[round(SETTLING * tones.RATE) * 2 :]
