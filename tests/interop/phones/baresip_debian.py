"""baresip as Debian ships it: a program of its own, driven over its `ctrl_tcp` module (netstrings that hold JSON).

It plays a WAV file, and its `sndfile` module writes what it hears into another.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import wave
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import ClassVar

from tests.interop.capabilities import Capability, Sound
from tests.interop.foreign_phone import ITS, STARTS_WITHIN, ForeignCall, ForeignPhone, GrowingWav, Setting
from tests.support import tones
from tests.support.deadlines import DEADLINE, LOOK_AGAIN, deadline, eventually, until
from tests.support.network import free_port

Event = dict[str, object]
Started = tuple[Process, asyncio.StreamReader, asyncio.StreamWriter]
MODULES = ("g711", "aubridge", "aufile", "sndfile", "srtp", "dtls_srtp")
SECRECY = {Sound.PLAIN: "", Sound.SDES: ";mediaenc=srtp-mand", Sound.DTLS: ";mediaenc=dtls_srtp"}
APPLICATIONS = ("menu", "ctrl_tcp")
RTP_PORTS = 98
TRIES = 3  # at starting it, each time on other ports
FOLDER = Path("/usr/lib/baresip/modules")
# `aubridge` is the null sink: without a player nothing is decoded, so nothing is recorded.
CONFIG = """
poll_method epoll
sip_listen 127.0.0.1:{sip}
net_interface 127.0.0.1
call_local_timeout 120
call_max_calls 4
audio_source aufile,{speech}
audio_player aubridge,nowhere
ausrc_srate 8000
ausrc_channels 1
auplay_srate 8000
auplay_channels 1
rtp_ports {rtp}-{rtp_end}
jitter_buffer_type fixed
jitter_buffer_delay 2-10
module_path {modules}
{loaded}
module_tmp uuid.so
module_tmp account.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {folder}
{authority}
"""


class NotStarted(AssertionError):
    """It ended at once, or listens for no commands; the text has the end of its log."""


@dataclass(slots=True)
class BaresipCall(ForeignCall):
    phone: BaresipDebian
    id: str

    @property
    def digits(self) -> list[str]:  # type: ignore[override]  # read from the events
        return [str(event["param"]) for event in self.phone.seen if self._is(event, "CALL_DTMF_START")]

    async def established(self) -> None:
        await self.expects("CALL_ESTABLISHED")

    async def ended(self) -> None:
        await self.expects("CALL_CLOSED")

    async def answer(self) -> None:
        await self.do("accept")
        await self.established()

    async def refuse(self) -> None:
        await self.do("hangup")
        await self.ended()

    async def hang_up(self) -> None:
        await self.do("hangup")
        await self.ended()

    async def hold(self) -> None:
        await self.do("hold")

    async def resume(self) -> None:
        await self.do("resume")

    async def press(self, digits: str) -> None:
        for digit in digits:
            await self.do("sndcode", digit)

    async def transfer(self, number: str) -> None:
        await self.do("transfer", self.phone.setting.uri(number))
        await self.ended()

    async def do(self, command: str, parameters: str = "") -> None:
        await self.phone.do("callfind", self.id)
        await self.phone.do(command, parameters)

    async def expects(self, event: str) -> Event:
        return await self.phone.expects(event, id=self.id)

    def _is(self, event: Event, kind: str) -> bool:
        return event["type"] == kind and event["id"] == self.id


@dataclass(slots=True)
class BaresipDebian(ForeignPhone):
    NAME: ClassVar[str] = "baresip"
    WHERE_FROM: ClassVar[str] = "Debian: baresip-core"
    CANNOT: ClassVar[Mapping[Capability, str]] = {
        Capability.REGISTERS_WS: "no WebSocket transport",
        Capability.REGISTERS_WSS: "no WebSocket transport",
        Capability.SENDS_INFO: "sends digits by RFC 4733 only",
        Capability.TRANSFERS_ATTENDED: "no command for it",
        Capability.AGREES_TIMER: "no RFC 4028: Supported is without `timer`",
        Capability.REFRESHES: "no RFC 4028: Supported is without `timer`",
    }

    NOT_TRIED: ClassVar[Mapping[Capability, str]] = {
        Capability.RECONNECTS: "nothing takes its connection away without ending it",
    }
    NOTES: ClassVar[Mapping[Capability, str]] = {
        Capability.REGISTERS_UDP: "libre 1.1 gives up when offered a digest beside MD5, so it is not (`only_md5`)",
        Capability.RESUMES: "its recorder stops at the first hold: what it receives after that is counted",
    }
    DEAF_AFTER_HOLD: ClassVar[bool] = True

    setting: Setting
    writer: asyncio.StreamWriter
    events: list[Event] = field(default_factory=list)
    seen: list[Event] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @classmethod
    @cache
    def version(cls) -> str:
        told = subprocess.run(["baresip", "-h"], capture_output=True, text=True, check=False, timeout=20)
        found = re.search(r"baresip v(\S+)", told.stdout + told.stderr)
        assert found
        return found[1]

    @classmethod
    def why_absent(cls) -> str | None:
        return None if shutil.which("baresip") and FOLDER.is_dir() else "no baresip (Debian: baresip-core)"

    async def expects(self, event: str, seconds: float = DEADLINE, **wanted: object) -> Event:
        """The first such event that was not taken yet; it is taken."""

        def matches(found: Event) -> bool:
            return found.get("type") == event and all(found.get(key) == value for key, value in wanted.items())

        async with deadline(lambda: f"baresip {event} {wanted}; it told {self.events}", seconds), self._changed:
            await self._changed.wait_for(lambda: any(map(matches, self.events)))
        found = next(filter(matches, self.events))
        self.events.remove(found)
        return found

    async def do(self, command: str, parameters: str = "") -> str:
        """What it says to that. Raises AssertionError when it does not know how."""
        message = json.dumps({"command": command, "params": parameters, "token": command}).encode()
        self.writer.write(b"%d:%s," % (len(message), message))
        await self.writer.drain()
        response = await self.expects("response", token=command)
        assert response["ok"], response
        return str(response["data"])

    async def dial(self, number: str) -> BaresipCall:
        await self.do("dial", self.setting.uri(number))
        told = await self.do("callstat")  # of the current call, which is the one just made
        found = re.search(r"\bid=(\w+)", told)
        assert found, told
        return BaresipCall(self, found[1])

    async def rings(self) -> BaresipCall:
        return BaresipCall(self, str((await self.expects("CALL_INCOMING"))["id"]))

    async def listen(self, seconds: float) -> bytes:
        async with deadline("baresip hears something"):  # after a handshake, where there is one
            while not (files := sorted(self.setting.folder.glob("dump-*-dec.wav"))):
                await asyncio.sleep(LOOK_AGAIN)
        return await GrowingWav(files[-1]).listen(seconds)

    async def receives(self, seconds: float) -> None:
        async def received() -> float:
            found = re.search(r"rx:.*?time = ([0-9.]+) sec", await self.do("audio_debug"), re.DOTALL)
            return float(found[1]) if found else 0.0

        before = await received()
        await eventually(f"{seconds} s more came in", received, lambda now: now >= before + seconds)

    @classmethod
    @asynccontextmanager
    async def running(cls, setting: Setting) -> AsyncIterator[BaresipDebian]:
        async with AsyncExitStack() as stack:
            process, reader, writer = await _any_start(setting, stack)
            phone = cls(setting, writer)
            reading = asyncio.get_running_loop().create_task(phone._read(reader))
            try:
                await until("baresip registered", lambda: b"200 OK" in _log_of(setting).read_bytes(), STARTS_WITHIN)
                yield phone
                await phone.do("quit")
                async with deadline("baresip ended"):
                    await process.wait()
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            length = int((await reader.readuntil(b":"))[:-1])
            event: Event = json.loads(await reader.readexactly(length))
            await reader.readexactly(1)
            if event.get("response"):
                event["type"] = "response"
            async with self._changed:
                self.events.append(event)
                self.seen.append(event)
                self._changed.notify_all()


def _write_settings(setting: Setting, control: int) -> None:
    folder, rtp = setting.folder, free_port()
    speech = folder / "speaks.wav"
    with wave.open(str(speech), "wb") as file:
        file.setparams((1, 2, tones.RATE, 0, "NONE", ""))
        file.writeframes(tones.tone(ITS, 60))
    loaded = [f"module {name}.so" for name in MODULES] + [f"module_app {name}.so" for name in APPLICATIONS]
    (folder / "config").write_text(
        CONFIG.format(
            sip=free_port(), speech=speech, rtp=rtp, rtp_end=rtp + RTP_PORTS, modules=FOLDER, folder=folder,
            control=control, loaded="\n".join(loaded),
            authority=f"sip_cafile {setting.authority}" if setting.authority else "",
        )
    )  # fmt: skip
    (folder / "accounts").write_text(
        f"<{setting.uri(setting.user)}>;auth_user={setting.user};auth_pass={setting.password};regint=60;answermode=manual;"
        f"audio_codecs=pcmu,pcma;ptime=20{SECRECY[setting.sound]}\n"
    )
    (folder / "contacts").write_text("")


async def _any_start(setting: Setting, stack: AsyncExitStack) -> Started:
    for _ in range(TRIES - 1):
        with suppress(NotStarted):
            return await stack.enter_async_context(_started(setting))
    return await stack.enter_async_context(_started(setting))


@asynccontextmanager
async def _started(setting: Setting) -> AsyncIterator[Started]:
    """Raises NotStarted when it listens for no commands: somebody else may have taken one of its ports meanwhile."""
    control = free_port()
    _write_settings(setting, control)
    with _log_of(setting).open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "baresip", "-f", str(setting.folder), "-s", "-v", stdin=asyncio.subprocess.DEVNULL, stdout=output,
            stderr=output,
        )  # fmt: skip
    try:
        reader, writer = await _connect(control, process, setting)
        try:
            yield process, reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _connect(port: int, process: Process, setting: Setting) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    until_then = asyncio.get_running_loop().time() + STARTS_WITHIN
    while process.returncode is None and asyncio.get_running_loop().time() < until_then:
        with suppress(OSError):
            return await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.05)
    told = _log_of(setting).read_text(errors="replace")[-2000:]
    raise NotStarted(f"baresip listens for no commands (exit code {process.returncode}):\n{told}")


def _log_of(setting: Setting) -> Path:
    return setting.folder / "baresip.log"
