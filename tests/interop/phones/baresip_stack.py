"""baresip as a foreign phone, in this process: the `baresip-python` binding, whose runtime can live once at a time.

Its audio goes in and out as PCM. A call that is answered speaks and is recorded from then on.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import baresip
from baresip import Account, Config, Event, StackEvent

from tests.support import tones
from tests.support.deadlines import DEADLINE, deadline
from tests.support.network import Address

PACE = 0.02
AHEAD = 6400  # bytes of sound given in advance: 400 ms
CONFIG = """
sip_listen 127.0.0.1:0
rtp_timeout 0
jitter_buffer_type fixed
jitter_buffer_delay 1-20
"""


@dataclass(slots=True)
class BaresipCall:
    """One call. `heard` is PCM at 8 kHz; `frequency` is the tone that is spoken (None: silence)."""

    native: baresip.Call
    frequency: float | None = None
    heard: bytearray = field(default_factory=bytearray)
    digits: list[str] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _established: asyncio.Event = field(default_factory=asyncio.Event)
    _pump: asyncio.Task[None] | None = None
    _rest: bytearray = field(default_factory=bytearray)  # of a sample that is not whole yet

    def __post_init__(self) -> None:
        self.native.on(self._event)
        self.native.on_dtmf(lambda digit: self.digits.append(digit.digit))
        self._pump = asyncio.get_running_loop().create_task(self._speak_and_listen())

    @property
    def caller(self) -> str:
        return (self.native.peer or "").removeprefix("sip:").partition("@")[0]

    @property
    def statistics(self) -> baresip.CallStats:
        """Of a call that is over."""
        statistics: baresip.CallStats | None = self.native.final_stats
        assert statistics is not None, "no statistics before the end"
        return statistics

    async def answer(self) -> None:
        await self.native.answer()
        await self.established()

    async def established(self, seconds: float = DEADLINE) -> None:
        """Raises baresip's own errors for a call that failed."""
        await self.native.wait_established(seconds)
        self._established.set()

    async def ended(self, seconds: float = DEADLINE) -> None:
        async with deadline("baresip's call ended", seconds):
            await self.closed.wait()

    async def hang_up(self) -> None:
        await self.native.hangup()
        await self.ended()

    async def listen(self, seconds: float = 1.0) -> bytes:
        """The next seconds of sound as PCM."""
        start, wanted = len(self.heard), round(seconds * tones.RATE) * 2
        async with deadline(lambda: f"baresip heard {len(self.heard) - start} of {wanted} bytes", seconds + DEADLINE):
            while len(self.heard) - start < wanted:
                await asyncio.sleep(PACE)
        return bytes(self.heard[start : start + wanted])

    async def release(self) -> None:
        with suppress(baresip.BaresipError):
            await self.native.hangup()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    def _event(self, event: StackEvent) -> None:
        if event.event is Event.CALL_CLOSED:
            self.closed.set()

    async def _speak_and_listen(self) -> None:
        second: dict[float, bytes] = {}
        at = 0
        while not self.closed.is_set():
            await asyncio.sleep(PACE)
            try:
                info = self.native.audio.info()
                if info.rx_ready:
                    self._hear(self.native.audio.read(info.rx_capacity), info.rx_sample_rate, info.rx_channels)
                if self.frequency is None or not info.tx_ready:
                    continue
                times = info.tx_sample_rate // tones.RATE
                pcm = second.setdefault(self.frequency, _spread(tones.tone(self.frequency), times, info.tx_channels))
                room = AHEAD * times * info.tx_channels - info.tx_buffered
                if room > 0:
                    piece = (pcm[at:] + pcm)[:room]
                    at = (at + self.native.audio.write(piece)) % len(pcm)
            except (baresip.AudioNotActive, baresip.AudioRestarted):
                continue

    def _hear(self, pcm: bytes, rate: int, channels: int) -> None:
        """Of a wide codec every so-manieth sample: tones of a telephone stay what they are."""
        step = 2 * channels * rate // tones.RATE
        self._rest += pcm
        whole = len(self._rest) // step * step
        self.heard += b"".join(self._rest[at : at + 2] for at in range(0, whole, step))
        del self._rest[:whole]


def _spread(pcm: bytes, times: int, channels: int) -> bytes:
    """The tone at so many times the rate, by straight lines, in each channel."""
    samples = array("h", pcm)
    spread = array("h")
    for here, there in zip(samples, samples[1:] + samples[:1], strict=True):
        for part in range(times):
            spread.extend([here + (there - here) * part // times] * channels)
    return spread.tobytes()


@dataclass(slots=True)
class BaresipPhone:
    agent: baresip.UserAgent
    server: Address
    transport: str = "udp"
    calls: list[BaresipCall] = field(default_factory=list)
    _ringing: asyncio.Queue[BaresipCall] = field(default_factory=asyncio.Queue)

    async def register(self) -> None:
        """Raises RegistrationError."""
        await self.agent.register()

    async def dial(self, number: str, *, frequency: float | None = None) -> BaresipCall:
        host, port = self.server
        over = "" if self.transport == "udp" else f";transport={self.transport}"
        call = BaresipCall(await self.agent.dial(f"sip:{number}@{host}:{port}{over}"), frequency)
        self.calls.append(call)
        return call

    async def rings(self) -> BaresipCall:
        async with deadline("baresip is called"):
            return await self._ringing.get()

    def is_called(self, native: baresip.Call) -> None:
        call = BaresipCall(native)
        self.calls.append(call)
        self._ringing.put_nowait(call)


@dataclass(slots=True)
class Baresip:
    """The one runtime and its phones."""

    runtime: baresip.Runtime
    phones: list[BaresipPhone] = field(default_factory=list)

    async def phone(
        self,
        user: str,
        password: str,
        server: Address,
        *,
        registers: bool = True,
        transport: Literal["udp", "tcp", "tls"] = "udp",
        dtmf_mode: Literal["rtpevent", "info"] = "rtpevent",
        codecs: tuple[str, ...] = ("pcmu", "pcma"),
    ) -> BaresipPhone:
        host, port = server
        account = Account(
            user, f"{host}:{port}", password, reg_interval=60 if registers else 0, transport=transport,
            dtmf_mode=dtmf_mode, audio_codecs=codecs,
        )  # fmt: skip
        phone = BaresipPhone(await baresip.UserAgent.create(self.runtime, account), server, transport)
        phone.agent.on_incoming(phone.is_called)
        self.phones.append(phone)
        return phone


@asynccontextmanager
async def running_baresip(authority: Path | None = None) -> AsyncIterator[Baresip]:
    """Leaving it hangs up, signs off and ends baresip's thread. `authority`: whose certificates it trusts."""
    runtime = baresip.Runtime()
    trust = f"sip_cafile {authority}\nsip_verify_server yes\n" if authority else ""
    await runtime.start(Config(net_interface="127.0.0.1", max_concurrent_calls=None, extra_config_text=CONFIG + trust))
    stack = Baresip(runtime)
    try:
        yield stack
    finally:
        for phone in stack.phones:
            await asyncio.gather(*(call.release() for call in phone.calls))
            with suppress(baresip.BaresipError):
                await phone.agent.unregister()
        await runtime.close()
