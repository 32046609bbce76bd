"""pyVoIP: one more reading of the RFCs, with its own SIP and RTP in plain Python. Drives `pyvoip_program`."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from tests.interop.capabilities import Capability
from tests.interop.foreign_phone import ITS, STARTS_WITHIN, ForeignCall, ForeignPhone, GrowingWav, Setting
from tests.support.deadlines import DEADLINE, deadline
from tests.support.network import free_port
from tests.support.phone import FakePhone
from tests.support.tones import Law

Event = dict[str, object]
ROOT = Path(__file__).parents[3]

STARTS = 3


@dataclass(slots=True)
class PyVoipCall(ForeignCall):
    phone: PyVoipPhone

    @property
    def digits(self) -> list[str]:  # type: ignore[override]  # read from the events
        return [str(event["digit"]) for event in self.phone.seen if event["event"] == "digit"]

    async def established(self) -> None:
        await self.phone.expects("answered")

    async def ended(self) -> None:
        await self.phone.expects("ended")

    async def answer(self) -> None:
        await self.phone.do("answer")
        await self.established()

    async def refuse(self) -> None:
        await self.phone.do("refuse")
        await self.ended()

    async def hang_up(self) -> None:
        await self.phone.do("hang_up")
        await self.ended()


@dataclass(slots=True)
class PyVoipPhone(ForeignPhone):
    NAME: ClassVar[str] = "pyVoIP"
    WHERE_FROM: ClassVar[str] = "PyPI: pyVoIP"
    CANNOT: ClassVar[Mapping[Capability, str]] = {
        **dict.fromkeys(
            (
                Capability.REGISTERS_TCP, Capability.REGISTERS_TLS, Capability.REGISTERS_WS, Capability.REGISTERS_WSS,
                Capability.CALLS_TCP, Capability.CALLS_TLS, Capability.IS_CALLED_TLS,
                Capability.RECONNECTS,
            ),
            "has UDP only",
        ),
        Capability.CALLS_SDES: "has plain audio only",
        Capability.IS_CALLED_SDES: "has plain audio only",
        Capability.CALLS_DTLS: "has plain audio only",
        **dict.fromkeys((Capability.HOLDS, Capability.RESUMES), "has no hold"),
        Capability.GIVES_UP: "sends no CANCEL",
        **dict.fromkeys((Capability.SENDS_EVENTS, Capability.SENDS_INFO), "sends no digits"),
        **dict.fromkeys((Capability.TRANSFERS, Capability.TRANSFERS_ATTENDED), "has no REFER"),
        **dict.fromkeys((Capability.AGREES_TIMER, Capability.REFRESHES), "has no RFC 4028"),
    }  # fmt: skip
    NOTES: ClassVar[Mapping[Capability, str]] = dict.fromkeys(
        (Capability.CALLS, Capability.IS_CALLED),
        "with µ-law: where A-law is agreed, it marks its packets so and fills them with µ-law all the same",
    )
    LAWS: ClassVar[tuple[Law, ...]] = (Law.ULAW,)

    setting: Setting
    process: asyncio.subprocess.Process
    events: list[Event] = field(default_factory=list)
    seen: list[Event] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _reading: asyncio.Task[None] | None = None

    @classmethod
    def version(cls) -> str:
        return importlib.metadata.version("pyVoIP")

    @classmethod
    def why_absent(cls) -> str | None:
        return None if importlib.util.find_spec("pyVoIP") else "pyVoIP is not installed (up to Python 3.12)"

    async def do(self, what: str, **more: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": what, **more}).encode() + b"\n")
        await self.process.stdin.drain()

    async def expects(self, event: str, seconds: float = DEADLINE) -> Event:
        """The first such event that was not taken yet; it is taken."""
        async with deadline(lambda: f"pyVoIP {event}; it told {self.events}", seconds), self._changed:
            await self._changed.wait_for(lambda: any(found["event"] == event for found in self.events))
        found = next(found for found in self.events if found["event"] == event)
        self.events.remove(found)
        return found

    async def dial(self, number: str) -> PyVoipCall:
        await self.do("dial", number=number)
        return PyVoipCall(self)

    async def rings(self) -> PyVoipCall:
        await self.expects("incoming")
        return PyVoipCall(self)

    async def listen(self, seconds: float) -> bytes:
        return await GrowingWav(self.setting.folder / "heard.wav").listen(seconds)

    @classmethod
    @asynccontextmanager
    async def running(cls, setting: Setting) -> AsyncIterator[PyVoipPhone]:
        phone = await cls._registered(setting)
        try:
            yield phone
            await phone.do("quit")
            await phone.expects("bye")
        finally:
            await phone._end()
            await _sign_off(setting)

    @classmethod
    async def _registered(cls, setting: Setting) -> PyVoipPhone:
        """It says now and then that its first registration has failed, about once in hundreds of starts, and does not
        try again by itself as other phones do: whoever uses it starts it again."""
        for _ in range(STARTS):
            phone = await cls._started(setting)
            if (await phone.expects("registration", STARTS_WITHIN))["status"] == "REGISTERED":
                return phone
            await phone._end()
        raise AssertionError(f"pyVoIP could not register, {STARTS} times in a row")

    @classmethod
    async def _started(cls, setting: Setting) -> PyVoipPhone:
        host, port = setting.server
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore", "-m", "tests.interop.phones.pyvoip_program", "--server", f"{host}:{port}",
            "--user", setting.user, "--password", setting.password, "--record", str(setting.folder / "heard.wav"),
            "--sip", str(free_port()), "--rtp", str(free_port()), "--frequency", str(ITS),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        phone = cls(setting, process)
        phone._reading = asyncio.get_running_loop().create_task(phone._read())
        return phone

    async def _end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            if line.startswith(b"{"):  # pyVoIP also prints
                async with self._changed:
                    self.events.append(json.loads(line))
                    self.seen.append(self.events[-1])
                    self._changed.notify_all()


async def _sign_off(setting: Setting) -> None:
    """It takes any answer for the one to its sign-off, so at times it stays registered."""
    async with FakePhone(setting.user, server=setting.server, password=setting.password) as ours:
        await ours.forget_all()
