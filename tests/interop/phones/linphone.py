"""linphonec, Linphone's console, driven as a person would: commands on its standard input, what it says on its output.

In its file mode it plays a WAV file and writes what it hears into another.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import ClassVar

from tests.interop.capabilities import Capability, Digits, Sound, Transport
from tests.interop.foreign_phone import ITS, STARTS_WITHIN, ForeignCall, ForeignPhone, GrowingWav, Setting
from tests.support import tones
from tests.support.deadlines import DEADLINE, deadline
from tests.support.network import free_port

RANDOM = -1
SECRECY = {Sound.PLAIN: "none", Sound.SDES: "srtp", Sound.DTLS: "dtls"}
PORT_OF = {Transport.UDP: "sip_port", Transport.TCP: "tcp_port", Transport.TLS: "tls_port"}
# Without `ipv6 disable` and a NAT address it offers an IPv6 address even to a peer that it reached by IPv4.
CONFIG = """
[sip]
sip_port={sip_port}
sip_tcp_port={tcp_port}
sip_tls_port={tls_port}
use_ipv6=0
guess_hostname=0
use_info={info}
use_rfc2833={events}
root_ca={authority}
verify_server_certs={verify}
verify_server_cn=0
media_encryption={secrecy}
media_encryption_mandatory={secret}
session_expires_enabled=1
session_expires_value={session}
default_proxy=0
register_only_when_network_is_up=0

[net]
firewall_policy=1
nat_address=127.0.0.1
mtu=1300

[rtp]
audio_rtp_port={rtp}
download_ptime=20

[misc]
log_collection_upload_server_url=
uuid=00000000-0000-4000-8000-{node:012d}

[auth_info_0]
username={user}
passwd={password}
realm=dzvin

[proxy_0]
reg_proxy=<{registrar}>
reg_identity=sip:{user}@{host}:{port}
reg_expires=120
reg_sendregister=1
publish=0
"""


@dataclass(slots=True)
class LinphoneCall(ForeignCall):
    phone: Linphone
    number: int

    @property
    def digits(self) -> list[str]:  # type: ignore[override]  # read from what it says
        return re.findall(r"Receiving tone (.) from", self.phone.told)

    async def established(self) -> None:
        await self.phone.says(rf"Call {self.number} (?:with .* connected|.*answered)")

    async def ended(self) -> None:
        await self.phone.says(rf"Call {self.number} with .* (?:ended|error|declined)")

    async def answer(self) -> None:
        await self.phone.do(f"answer {self.number}")
        await self.established()

    async def refuse(self) -> None:
        await self.hang_up()

    async def hang_up(self) -> None:
        await self.phone.do(f"terminate {self.number}")
        await self.ended()

    async def hold(self) -> None:
        await self.phone.do(f"pause {self.number}")
        await self.phone.says(rf"Call {self.number} with .* is now paused")

    async def resume(self) -> None:
        await self.phone.do(f"resume {self.number}")

    async def press(self, digits: str) -> None:
        await self.phone.do(digits)

    async def transfer(self, number: str) -> None:
        await self.phone.do(f"transfer {self.number} {self.phone.setting.uri(number)}")
        await self.ended()

    async def transfer_to(self, other: ForeignCall) -> None:
        assert isinstance(other, LinphoneCall)
        await self.phone.do(f"transfer {self.number} --to-call {other.number}")
        await self.ended()


@dataclass(slots=True)
class Linphone(ForeignPhone):
    NAME: ClassVar[str] = "linphonec"
    WHERE_FROM: ClassVar[str] = "Debian: linphone-cli"
    CANNOT: ClassVar[Mapping[Capability, str]] = {
        Capability.REGISTERS_WS: "no WebSocket transport",
        Capability.REGISTERS_WSS: "no WebSocket transport",
    }
    NOT_TRIED: ClassVar[Mapping[Capability, str]] = {
        Capability.RECONNECTS: "nothing takes its connection away without ending it",
    }
    NOTES: ClassVar[Mapping[Capability, str]] = {
        Capability.REGISTERS_TLS: "with an authority made by `dzvin tls init --any-name`, and without comparing the "
        "address: mbed TLS 2.28 knows neither name constraints nor addresses in certificates",
    }

    setting: Setting
    process: asyncio.subprocess.Process
    told: str = ""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _read_to: int = 0

    @classmethod
    @cache
    def version(cls) -> str:
        told = subprocess.run(["linphonec", "--version"], capture_output=True, text=True, check=False, timeout=20)
        found = re.search(r"\d+\.\d+\.\d+", told.stdout + told.stderr)
        assert found, told
        return found[0]

    @classmethod
    def why_absent(cls) -> str | None:
        return None if shutil.which("linphonec") else "no linphonec (Debian: linphone-cli)"

    async def says(self, pattern: str, seconds: float = DEADLINE) -> re.Match[str]:
        """The first match in what was not read yet; all to its end is read now."""
        found: list[re.Match[str]] = []

        def said() -> bool:
            found[:] = [match for match in [re.search(pattern, self.told[self._read_to :])] if match]
            return bool(found)

        async with deadline(lambda: f"linphonec: {pattern}\n{self.told[-1500:]}", seconds), self._changed:
            await self._changed.wait_for(said)
        self._read_to += found[0].end()
        return found[0]

    async def do(self, command: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{command}\n".encode())
        await self.process.stdin.drain()

    async def dial(self, number: str) -> LinphoneCall:
        await self.do(f"call {self.setting.uri(number)}")
        found = await self.says(r"(?:Call|Establishing call id to .*, assigned id) (\d+)")
        return LinphoneCall(self, int(found[1]))

    async def rings(self) -> LinphoneCall:
        found = await self.says(r"Receiving new incoming call from .*, assigned id (\d+)")
        return LinphoneCall(self, int(found[1]))

    async def listen(self, seconds: float) -> bytes:
        return await GrowingWav(self.setting.folder / "heard.wav").listen(seconds)

    @classmethod
    @asynccontextmanager
    async def running(cls, setting: Setting) -> AsyncIterator[Linphone]:
        home = setting.folder / "home"
        (home / ".local" / "share" / "linphone").mkdir(parents=True)
        process = await asyncio.create_subprocess_exec(
            "linphonec", "-c", str(_settings(setting)), "-d", "6", "-l", str(setting.folder / "linphone.log"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "HOME": str(home), "TERM": "dumb", "COLUMNS": "999"}, cwd=setting.folder,
        )  # fmt: skip
        phone = cls(setting, process)
        reading = asyncio.get_running_loop().create_task(phone._read())
        try:
            await phone.do("soundcard use files")
            await phone.do(f"play {_speech(setting.folder)}")
            await phone.do(f"record {setting.folder / 'heard.wav'}")
            await phone._registered()
            yield phone
        finally:
            with suppress(AssertionError, ConnectionError):
                await phone.do("quit")
                async with deadline("linphonec ended"):
                    await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()
            await asyncio.gather(reading)

    async def _registered(self) -> None:
        """Linphone says nothing by itself."""
        async with deadline(lambda: f"linphonec registered\n{self.told[-500:]}", STARTS_WITHIN):
            while True:
                await self.do("status register")
                if (await self.says(r"registered(=-1|, identity)"))[1] != "=-1":
                    return
                await asyncio.sleep(0.1)

    async def _read(self) -> None:
        assert self.process.stdout
        while piece := await self.process.stdout.read(4096):
            async with self._changed:
                self.told += piece.decode(errors="replace")
                self._changed.notify_all()


def _settings(setting: Setting) -> Path:
    file = setting.folder / "linphonerc"
    ports = dict.fromkeys(("sip_port", "tcp_port", "tls_port"), 0)
    ports[PORT_OF[setting.transport]] = RANDOM
    host, port = setting.server
    file.write_text(
        CONFIG.format(
            **ports, info=int(setting.digits is Digits.INFO), events=int(setting.digits is Digits.EVENTS),
            authority=setting.authority or "", verify=int(setting.authority is not None), session=setting.session,
            secrecy=SECRECY[setting.sound], secret=int(setting.sound is not Sound.PLAIN),
            rtp=free_port(), node=port, user=setting.user, password=setting.password, host=host, port=port,
            registrar=setting.uri(""). replace("sip:@", "sip:"),
        )
    )  # fmt: skip
    return file


def _speech(folder: Path) -> Path:
    file = folder / "speaks.wav"
    with wave.open(str(file), "wb") as wav:
        wav.setparams((1, 2, tones.RATE, 0, "NONE", ""))
        wav.writeframes(tones.tone(ITS, 60))
    return file
