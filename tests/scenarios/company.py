"""The people of `examples/acceptance.toml`: extensions 1001 to 1003, the line 7000, the provider behind the DID."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.support import tones
from tests.support.audio import PACE
from tests.support.network import CLEAR, BadRelay, Weather
from tests.support.phone import FakePhone
from tests.support.phone_call import Call
from tests.support.phone_lines import Transport
from tests.support.server import Server

PASSWORDS = {"1001": "pw1", "1002": "pw2", "1003": "pw3"}
DID = "+380441234567"
LINE, MENU = "7000", "8000"
HEARD, UNHEARD = -3.0, -25.0  # dB of the whole sound
SETTLING = 0.3  # seconds of sound that are not judged: latching, and what still came before a change


@dataclass(frozen=True, slots=True)
class Talk:
    """A call from both ends, answered."""

    caller: Call
    callee: Call


class Company:
    """Phones on demand; everybody hangs up and signs off at the end."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def phone(
        self,
        extension: str,
        *,
        registered: bool = True,
        weather: Weather | None = None,
        transport: Transport = "udp",
    ) -> FakePhone:
        """An extension's phone. `weather`: behind a bad network, for SIP and RTP."""
        address = self.server.sip_over(transport)
        if weather is not None:
            relay = BadRelay(address, weather)
            self._stack.callback(relay.close)
            address = relay.address
        phone = FakePhone(
            extension, server=address, password=PASSWORDS.get(extension, f"pw-{extension}"),
            audio_weather=CLEAR if weather is None else weather,
            transport=transport, tls=self.server.believing if transport in ("tls", "wss") else None,
        )  # fmt: skip
        await self._stack.enter_async_context(phone)
        if registered:
            await phone.register()
        return phone

    async def provider(self) -> FakePhone:
        """The telephone company behind the inbound trunk."""
        return await self.trunk(5091, "city")

    async def trunk(self, port: int, name: str) -> FakePhone:
        """Whoever answers at this port of the acceptance file."""
        return await self._stack.enter_async_context(
            FakePhone(name, server=self.server.sip, port=self.server.peer(port))
        )


async def connect(
    caller: FakePhone, callee: FakePhone, number: str, *, shown: str | None = None, name: str = ""
) -> Talk:
    """Dial, ring, answer. `shown` and `name`: whom From names, if not the caller's own number."""
    outgoing = await caller.dial(number, caller=shown, name=name)
    incoming = await callee.rings()
    incoming.ring()
    await incoming.answer()
    await outgoing.answered()
    return Talk(outgoing, incoming)


async def hear_each_other(one: Call, other: Call, frequencies: tuple[int, int] = (440, 1000)) -> tuple[float, float]:
    """Each side speaks a tone, and the other one hears it and not its own. The two levels in dB."""
    first, second = frequencies
    one.audio.play(first)
    other.audio.play(second)
    at_one, at_other = await heard(one), await heard(other)
    levels = tones.level(at_one, second), tones.level(at_other, first)
    assert min(levels) > HEARD, f"not heard: {levels} dB"
    echoes = tones.level(at_one, first), tones.level(at_other, second)
    assert max(echoes) < UNHEARD, f"an echo: {echoes} dB"
    return levels


async def hush(*calls: Call) -> None:
    """They have fallen silent: what is commanded next may hold before its answer is here."""
    for call in calls:
        call.audio.play(None)
    for call in calls:
        await call.audio.sent_more(round(SETTLING / PACE))


async def heard(call: Call, seconds: float = 0.8) -> bytes:
    """What a side hears from now on, without the first moment."""
    pcm = await call.audio.listen(seconds + SETTLING)
    return pcm[round(SETTLING * tones.RATE) * 2 :]
