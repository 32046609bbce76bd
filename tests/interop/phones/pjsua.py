"""Drives `pjsua_program`, one process for each phone. It plays a WAV file and records what it hears into another."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import json
import sys
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from tests.interop.capabilities import Capability, Sound
from tests.interop.foreign_phone import ITS, STARTS_WITHIN, ForeignCall, ForeignPhone, GrowingWav, Setting
from tests.support import tones
from tests.support.deadlines import DEADLINE, deadline
from tests.support.network import free_port

Event = dict[str, object]
ROOT = Path(__file__).parents[3]
ACTIVE, ON_HOLD = 1, 2  # pjsua_call_media_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    received: int
    lost: int
    discarded: int
    sent: int


@dataclass(slots=True)
class PjsuaCall(ForeignCall):
    phone: PjsuaPhone
    number: int

    @property
    def digits(self) -> list[str]:  # type: ignore[override]  # read from the events
        return [str(event["digit"]) for event in self.phone.seen if self._is(event, "digit")]

    async def answer(self) -> None:
        await self.do("answer")
        await self.established()

    async def refuse(self) -> None:
        await self.do("refuse")
        await self.ended()

    async def established(self) -> None:
        await self.expects("state", state="CONFIRMED")
        await self.expects("media", states=[ACTIVE])

    async def ended(self) -> None:
        await self.expects("state", state="DISCONNECTED")

    async def hang_up(self) -> None:
        await self.do("hang_up")
        await self.ended()

    async def hold(self) -> None:
        await self.do("hold")
        await self.expects("media", states=[ON_HOLD])

    async def resume(self) -> None:
        await self.do("resume")
        await self.expects("media", states=[ACTIVE])

    async def press(self, digits: str) -> None:
        await self.do("press", digits=digits, way=self.phone.setting.digits.value)

    async def transfer(self, number: str) -> None:
        await self.do("transfer", uri=self.phone.setting.uri(number))
        await self._handed_over()

    async def transfer_to(self, other: ForeignCall) -> None:
        assert isinstance(other, PjsuaCall)
        await self.do("transfer_to", to=str(other.number))
        await self._handed_over()

    async def _handed_over(self) -> None:
        # pjsua2 leaves it to its program to hang up when the NOTIFY says 200.
        await self.expects("transfer", status=200)
        with suppress(AssertionError):  # the other side may have been quicker
            await self.do("hang_up")
        await self.ended()

    async def statistics(self) -> Statistics:
        told = await self.do("statistics")
        return Statistics(**{name: int(str(told[name])) for name in ("received", "lost", "discarded", "sent")})

    async def do(self, what: str, **more: str) -> Event:
        return await self.phone.do(what, call=str(self.number), **more)

    async def expects(self, event: str, **wanted: object) -> Event:
        return await self.phone.expects(event, DEADLINE, call=self.number, **wanted)

    def _is(self, event: Event, kind: str) -> bool:
        return event["event"] == kind and event["call"] == self.number


@dataclass(slots=True)
class PjsuaPhone(ForeignPhone):
    NAME: ClassVar[str] = "pjsua2"
    WHERE_FROM: ClassVar[str] = "PyPI: pjsua2-python"
    CANNOT: ClassVar[Mapping[Capability, str]] = {
        Capability.REGISTERS_WS: "PJSIP has no WebSocket transport",
        Capability.REGISTERS_WSS: "PJSIP has no WebSocket transport",
        Capability.CALLS_DTLS: "the wheel is built without it",
    }
    NOT_TRIED: ClassVar[Mapping[Capability, str]] = {
        Capability.RECONNECTS: "nothing takes its connection away without ending it",
    }
    NOTES: ClassVar[Mapping[Capability, str]] = {
        Capability.REGISTERS_TLS: "with an authority made by `dzvin tls init --any-name`: OpenSSL 1.0.2 knows no name "
        "constraints for addresses",
    }

    setting: Setting
    recording: Path
    process: asyncio.subprocess.Process
    events: list[Event] = field(default_factory=list)
    seen: list[Event] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _reader: asyncio.Task[None] | None = None

    @classmethod
    def version(cls) -> str:
        return importlib.metadata.version("pjsua2-python")

    @classmethod
    def why_absent(cls) -> str | None:
        return None if importlib.util.find_spec("pjsua2") else "pjsua2-python is not installed (up to Python 3.12)"

    async def expects(self, event: str, seconds: float = DEADLINE, **wanted: object) -> Event:
        """The first such event that was not taken yet; it is taken."""

        def matches(found: Event) -> bool:
            return found["event"] == event and all(found.get(key) == value for key, value in wanted.items())

        async with deadline(lambda: f"pjsua {event} {wanted}; it told {self.events}", seconds), self._changed:
            await self._changed.wait_for(lambda: any(map(matches, self.events)))
        found = next(filter(matches, self.events))
        self.events.remove(found)
        return found

    async def do(self, what: str, **more: str) -> Event:
        """Raises AssertionError when pjsua refuses."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": what, **more}).encode() + b"\n")
        await self.process.stdin.drain()
        done = await self.expects("done")
        assert "error" not in done, f"{what}: {done['error']}"
        return done

    async def dial(self, number: str) -> PjsuaCall:
        done = await self.do("dial", uri=self.setting.uri(number))
        return PjsuaCall(self, int(str(done["call"])))

    async def rings(self) -> PjsuaCall:
        return PjsuaCall(self, int(str((await self.expects("incoming"))["call"])))

    async def listen(self, seconds: float) -> bytes:
        return await GrowingWav(self.recording).listen(seconds)

    async def quit(self) -> None:
        """Sign off and end; then the recording is whole."""
        with suppress(ConnectionResetError, BrokenPipeError):
            assert self.process.stdin
            self.process.stdin.write(b'{"do": "quit"}\n')
            await self.process.stdin.drain()
        async with deadline("pjsua ended"):
            await self.process.wait()

    def heard(self) -> bytes:
        """Everything it heard as PCM, after `quit`."""
        with wave.open(str(self.recording)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
            return bytes(file.readframes(file.getnframes()))

    @classmethod
    @asynccontextmanager
    async def running(
        cls, setting: Setting, *, frequency: float = ITS, codec: str = "PCM"
    ) -> AsyncIterator[PjsuaPhone]:
        """`codec`: PCMU, PCMA, or PCM for both."""
        folder, user = setting.folder, setting.user
        speech, recording = folder / f"{user}-speaks.wav", folder / f"{user}-heard.wav"
        with wave.open(str(speech), "wb") as file:
            file.setparams((1, 2, tones.RATE, 0, "NONE", ""))
            file.writeframes(tones.tone(frequency, 10))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.interop.phones.pjsua_program",
            "--server", f"{setting.server[0]}:{setting.server[1]}", "--user", user, "--password", setting.password,
            "--transport", setting.transport.value, "--authority", str(setting.authority or ""),
            "--session", str(setting.session), "--play", str(speech), "--record", str(recording),
            *(["--secret"] if setting.sound is Sound.SDES else []),
            "--rtp", str(free_port()), "--codec", codec, "--log", str(folder / f"{user}.log"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        phone = cls(setting, recording, process)
        phone._reader = asyncio.get_running_loop().create_task(phone._read())
        try:
            await phone.expects("ready", STARTS_WITHIN)
            await phone.expects("registration", status=200)
            yield phone
        finally:
            if process.returncode is None:
                with suppress(AssertionError):
                    await phone.quit()
            if process.returncode is None:
                process.kill()
                await process.wait()
            await phone._reader

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            async with self._changed:
                if line.startswith(b"{"):  # pjlib itself also writes there
                    self.events.append(json.loads(line))
                    self.seen.append(self.events[-1])
                self._changed.notify_all()
