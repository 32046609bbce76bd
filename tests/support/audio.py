"""The audio of a fake phone: RTP of its own making, apart from `pbx.rtp` so that a fault there is not mirrored here.

Sends a tone (or silence) every 20 ms, keeps what it hears by RTP timestamp, counts what was lost, presses keys
(RFC 4733).
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from tests.support import tones
from tests.support.deadlines import DEADLINE, deadline
from tests.support.network import CLEAR, Address, UdpPort, Weather
from tests.support.tones import Law

HEADER = struct.Struct(">BBHII")
EVENT = struct.Struct(">BBH")
FRAME = 160  # samples in 20 ms
PACE = 0.02
DIGITS = "0123456789*#ABCD"
PAYLOAD_TYPES = {law.value: law for law in Law}
LONGEST_RECORDING = 15 * 60 * tones.RATE  # samples


@dataclass(slots=True)
class Stream:
    """What came from one SSRC."""

    ssrc: int
    first_number: int
    first_timestamp: int
    pcm: bytearray = field(default_factory=bytearray)
    numbers: set[int] = field(default_factory=set)  # extended, counted from the first
    highest: int = 0
    doubled: int = 0

    def count(self, number: int) -> None:
        distance = (number - self.first_number - self.highest + 0x8000) % 0x10000 - 0x8000
        extended = self.highest + distance
        self.doubled += extended in self.numbers
        self.numbers.add(extended)
        self.highest = max(self.highest, extended)

    def place(self, timestamp: int, pcm: bytes) -> None:
        at = (timestamp - self.first_timestamp + 0x80000000) % 0x100000000 - 0x80000000
        if not 0 <= at <= LONGEST_RECORDING:
            return  # sent before the first that came
        gap = 2 * at + len(pcm) - len(self.pcm)
        self.pcm.extend(bytes(max(0, gap)))
        self.pcm[2 * at : 2 * at + len(pcm)] = pcm


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """`foreign`: packets from an address that nobody agreed on. `streams`: how many SSRCs spoke."""

    received: int
    expected: int
    lost: int
    doubled: int
    foreign: int
    streams: int


class AudioPort:
    """One phone's RTP socket. `remote` and the codec are set by offer and answer (`agree`)."""

    def __init__(self, *, weather: Weather = CLEAR) -> None:
        self._port = UdpPort(self._received, weather=weather, paired=True)
        self.remote: Address | None = None
        self.law = Law.ALAW
        self.digit_type: int | None = None
        self.sends = self.hears = True  # as agreed: hold stops one or both
        self.sent = 0  # packets
        self.digits: list[str] = []  # RFC 4733 key presses heard
        self.laws_heard: set[Law] = set()
        self.foreign = 0
        self.unknown = 0  # packets of a payload type that nobody agreed on
        self._streams: dict[int, Stream] = {}
        self._frames: list[bytes] = []
        self._events: deque[tuple[bytes, bool]] = deque()
        self._ssrc = secrets.randbits(32)
        self._number = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._event_timestamp: int | None = None
        self._heard_press: int | None = None
        self._frequency: float | None = None
        self._pacer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._at = 0
        self._progress = asyncio.Event()

    @property
    def port(self) -> int:
        return self._port.port

    # ---- what was agreed ---------------------------------------------------------------------------------------

    def agree(self, *, remote: Address, law: Law, digit_type: int | None, sends: bool, hears: bool) -> None:
        self.remote, self.digit_type, self.sends, self.hears = remote, digit_type, sends, hears
        if law is not self.law or not self._frames:
            self.law = law
            self.play(self._frequency)

    def play(self, frequency: float | None) -> None:
        """A tone of a whole number of Hz from now on; None is silence."""
        self._frequency = frequency
        if frequency is None:
            self._frames = [self.law.silence * FRAME]
            return
        self._frames = _second_of(frequency, self.law)

    @property
    def next_at(self) -> float:
        """When the next packet is due, by the loop's clock: what its timestamp stands for, however late it goes."""
        return self._due

    def start(self) -> None:
        """Start to send, if that has not begun yet."""
        if self._pacer is None:
            self._due = asyncio.get_running_loop().time()
            self._tick()

    def close(self) -> None:
        if self._pacer is not None:
            self._pacer.cancel()
        self._port.close()

    # ---- sending -----------------------------------------------------------------------------------------------

    async def press(self, digits: str, milliseconds: int = 100, pause: int = 100) -> None:
        """Press keys; returns when the last end has been sent. Raises NotInTime when nothing is sent at all."""
        for digit in digits:
            self._events.extend(_key_press(digit, milliseconds))
            silent = max(1, pause // 20)
            async with deadline(f"digit {digit} went out"):
                while self._events:
                    await self._change()
                goal = self.sent + silent
                while self.sent < goal:
                    await self._change()

    async def sent_more(self, packets: int) -> None:
        """Wait until that many packets more have been sent."""
        goal = self.sent + packets
        async with deadline(f"{packets} packets more were sent", DEADLINE + packets * PACE):
            while self.sent < goal:
                await self._change()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while self._due <= loop.time():
            if self.sends and self.remote is not None:
                self._send_next(self.remote)
            self._timestamp = (self._timestamp + FRAME) % 0x100000000
            self._due += PACE
        self._pacer = loop.call_at(self._due, self._tick)
        self._tell()

    def _send_next(self, remote: Address) -> None:
        if self._events and self.digit_type is not None:
            payload, first = self._events.popleft()
            if first or self._event_timestamp is None:
                self._event_timestamp = self._timestamp
            self._send(remote, self.digit_type, self._event_timestamp, payload, marker=first)
            return
        frame = self._frames[self._at % len(self._frames)]
        self._at += 1
        self._send(remote, self.law.value, self._timestamp, frame, marker=self.sent == 0)

    def _send(self, remote: Address, payload_type: int, timestamp: int, payload: bytes, *, marker: bool) -> None:
        header = HEADER.pack(0x80, marker << 7 | payload_type, self._number, timestamp, self._ssrc)
        self._port.send(header + payload, remote)
        self._number = (self._number + 1) % 0x10000
        self.sent += 1

    # ---- hearing -----------------------------------------------------------------------------------------------

    @property
    def heard(self) -> bytes:
        """Everything heard so far as PCM, by timestamp; what was lost is silence."""
        return self.heard_since(0)

    def heard_since(self, start: int, end: int | None = None) -> bytes:
        """The sound after that many samples (see `samples_heard`)."""
        whole = b"".join(stream.pcm for stream in self._streams.values())
        return whole[2 * start : None if end is None else 2 * end]

    @property
    def samples_heard(self) -> int:
        return sum(len(stream.pcm) for stream in self._streams.values()) // 2

    @property
    def statistics(self) -> Heard:
        streams = self._streams.values()
        received = sum(len(stream.numbers) for stream in streams)
        expected = sum(stream.highest - min(stream.numbers) + 1 for stream in streams)
        return Heard(
            received=received,
            expected=expected,
            lost=expected - received,
            doubled=sum(stream.doubled for stream in streams),
            foreign=self.foreign,
            streams=len(streams),
        )

    async def listen(self, seconds: float = 1.0) -> bytes:
        """The next seconds of sound as PCM, from the next packet on: what was silent before (hold) is not among it.
        Raises NotInTime when so much does not come."""
        before, wanted = self.samples_heard, round(seconds * tones.RATE)
        start = before
        async with deadline(lambda: f"{self.samples_heard - before} of {wanted} samples came", seconds + DEADLINE):
            while self.samples_heard == before:
                await self._change()
            start = self.samples_heard
            while self.samples_heard - start < wanted:
                await self._change()
        return self.heard_since(start, start + wanted)

    async def _change(self) -> None:
        self._progress.clear()
        await self._progress.wait()

    def _tell(self) -> None:
        self._progress.set()

    def _received(self, data: bytes, source: Address) -> None:
        if len(data) < HEADER.size or data[0] >> 6 != 2:
            return
        if self.remote is not None and source != self.remote:
            self.foreign += 1
            return
        _, kind, number, timestamp, ssrc = HEADER.unpack_from(data)
        stream = self._streams.get(ssrc)
        if stream is None:
            stream = self._streams[ssrc] = Stream(ssrc, number, timestamp)
        stream.count(number)
        payload = data[HEADER.size :]
        if kind & 0x7F in PAYLOAD_TYPES:  # whatever was agreed on first: what a phone has offered it must understand
            law = PAYLOAD_TYPES[kind & 0x7F]
            self.laws_heard.add(law)
            stream.place(timestamp, tones.decode(payload, law))
        elif kind & 0x7F == self.digit_type and len(payload) >= EVENT.size:
            self._event(timestamp, payload)
        else:
            self.unknown += 1
        self._tell()

    def _event(self, timestamp: int, payload: bytes) -> None:
        event = payload[0]
        if timestamp != self._heard_press and event < len(DIGITS):
            self._heard_press = timestamp
            self.digits.append(DIGITS[event])


@cache
def _second_of(frequency: float, law: Law) -> list[bytes]:
    codes = tones.encode(tones.tone(frequency), law)
    return [codes[at : at + FRAME] for at in range(0, len(codes), FRAME)]


def _key_press(digit: str, milliseconds: int) -> Iterator[tuple[bytes, bool]]:
    """(payload, is the first) of RFC 4733 §2.5: one an interval, the end three times."""
    event, count = DIGITS.index(digit), max(2, milliseconds // 20)
    for interval in range(1, count):
        yield EVENT.pack(event, 10, interval * FRAME), interval == 1
    for _ in range(3):
        yield EVENT.pack(event, 0x80 | 10, count * FRAME), False
