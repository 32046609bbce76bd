"""Drives `pjsua_program`, one process for each phone. It plays a WAV file and records what it hears into another."""

from __future__ import annotations

import asyncio
import json
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import tones
from tests.support.deadlines import DEADLINE, deadline
from tests.support.network import Address

Event = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    received: int
    lost: int
    discarded: int
    sent: int


@dataclass(slots=True)
class PjsuaPhone:
    user: str
    server: Address
    recording: Path
    process: asyncio.subprocess.Process
    events: list[Event] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _reader: asyncio.Task[None] | None = None

    async def expects(self, event: str, seconds: float = DEADLINE, **wanted: object) -> Event:
        """The first such event that was not taken yet; it and those of its kind before it are taken."""

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

    async def dial(self, number: str) -> None:
        host, port = self.server
        await self.do("dial", uri=f"sip:{number}@{host}:{port}")

    async def established(self, seconds: float = DEADLINE) -> None:
        await self.expects("state", seconds, state="CONFIRMED")

    async def ended(self, seconds: float = DEADLINE) -> None:
        await self.expects("state", seconds, state="DISCONNECTED")

    async def statistics(self) -> Statistics:
        told = await self.do("statistics")
        return Statistics(**{name: int(str(told[name])) for name in ("received", "lost", "discarded", "sent")})

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

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            async with self._changed:
                if line.startswith(b"{"):  # pjlib itself also writes there
                    self.events.append(json.loads(line))
                self._changed.notify_all()


@asynccontextmanager
async def running_pjsua(
    folder: Path, user: str, password: str, server: Address, *, frequency: float, rtp: int, codec: str = "PCM"
) -> AsyncIterator[PjsuaPhone]:
    """A registered phone that speaks a tone. `codec`: PCMU, PCMA, or PCM for both."""
    speech, recording = folder / f"{user}-speaks.wav", folder / f"{user}-heard.wav"
    with wave.open(str(speech), "wb") as file:
        file.setparams((1, 2, tones.RATE, 0, "NONE", ""))
        file.writeframes(tones.tone(frequency, 10))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.interop.pjsua_program", "--server", f"{server[0]}:{server[1]}", "--user", user,
        "--password", password, "--play", str(speech), "--record", str(recording), "--rtp", str(rtp), "--codec", codec,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    phone = PjsuaPhone(user, server, recording, process)
    phone._reader = asyncio.get_running_loop().create_task(phone._read())
    try:
        await phone.expects("ready")
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
