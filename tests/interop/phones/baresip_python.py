"""baresip in this process, by the `baresip-python` binding (see `baresip_stack`): newer by years than Debian's."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from tests.interop.capabilities import Capability, Digits, Transport
from tests.interop.foreign_phone import ITS, ForeignCall, ForeignPhone, Setting
from tests.support.deadlines import DEADLINE

if TYPE_CHECKING:
    from tests.interop.phones.baresip_stack import BaresipCall, BaresipPhone

OVER: Mapping[Transport, Literal["udp", "tcp", "tls"]] = {
    Transport.UDP: "udp",
    Transport.TCP: "tcp",
    Transport.TLS: "tls",
}
SETTLING = 0.5  # seconds of sound that are not judged


@dataclass(slots=True)
class BaresipPythonCall(ForeignCall):
    phone: BaresipPython
    call: BaresipCall

    @property
    def digits(self) -> list[str]:  # type: ignore[override]  # kept by the stack
        return self.call.digits

    async def established(self) -> None:
        await self.call.established()

    async def ended(self) -> None:
        await self.call.ended()

    async def hang_up(self) -> None:
        await self.call.hang_up()

    async def answer(self) -> None:
        await self.call.answer()

    async def refuse(self) -> None:
        await self.call.native.reject()

    async def hold(self) -> None:
        await self.call.native.hold()

    async def resume(self) -> None:
        await self.call.native.resume()

    async def press(self, digits: str) -> None:
        await self.call.native.send_dtmf(digits)

    async def transfer(self, number: str) -> None:
        await self.call.native.transfer(self.phone.setting.uri(number), timeout=DEADLINE)

    async def transfer_to(self, other: ForeignCall) -> None:
        assert isinstance(other, BaresipPythonCall)
        await self.call.native.attended_transfer(other.call.native, timeout=DEADLINE)
        await other.ended()


@dataclass(slots=True)
class BaresipPython(ForeignPhone):
    NAME: ClassVar[str] = "baresip-python"
    WHERE_FROM: ClassVar[str] = "PyPI: baresip-python"
    CANNOT: ClassVar[Mapping[Capability, str]] = {
        Capability.REGISTERS_WS: "no WebSocket transport",
        Capability.REGISTERS_WSS: "no WebSocket transport",
        Capability.AGREES_TIMER: "no RFC 4028: Supported is without `timer`",
        Capability.REFRESHES: "no RFC 4028: Supported is without `timer`",
    }
    NOT_TRIED: ClassVar[Mapping[Capability, str]] = {
        Capability.RECONNECTS: "nothing takes its connection away without ending it",
        Capability.CALLS_SDES: "plain audio only, so far",
        Capability.IS_CALLED_SDES: "plain audio only, so far",
        Capability.CALLS_DTLS: "plain audio only, so far",
    }

    setting: Setting
    inner: BaresipPhone

    @classmethod
    def version(cls) -> str:
        return importlib.metadata.version("baresip-python")

    @classmethod
    def why_absent(cls) -> str | None:
        return None if importlib.util.find_spec("baresip") else "baresip-python is not installed"

    async def dial(self, number: str) -> BaresipPythonCall:
        return BaresipPythonCall(self, await self.inner.dial(number, frequency=ITS))

    async def rings(self) -> BaresipPythonCall:
        call = await self.inner.rings()
        call.frequency = ITS
        return BaresipPythonCall(self, call)

    async def listen(self, seconds: float) -> bytes:
        live = [call for call in self.inner.calls if not call.closed.is_set()]
        pcm = await live[-1].listen(seconds + SETTLING)
        return pcm[round(SETTLING * 16000) :]

    @classmethod
    @asynccontextmanager
    async def running(cls, setting: Setting) -> AsyncIterator[BaresipPython]:
        from tests.interop.phones.baresip_stack import running_baresip

        async with running_baresip(authority=setting.authority) as stack:
            inner = await stack.phone(
                setting.user, setting.password, setting.server, transport=OVER[setting.transport],
                dtmf_mode="info" if setting.digits is Digits.INFO else "rtpevent",
            )  # fmt: skip
            await inner.register()
            yield cls(setting, inner)
