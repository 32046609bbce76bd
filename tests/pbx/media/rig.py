"""An engine under a hand-driven clock, and phones on real loopback sockets.

A datagram sent over loopback is there when `sendto` returns, so nothing has to be waited for: send, `advance`, look.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pbx.media.engine_control import EngineControl, EngineEvent, LegClosed, Settings
from pbx.media.engine_numbers import MEMBERS
from pbx.media.loading import is_compiled
from pbx.media.messages import CodecName, DirectionName, OpusWishes
from pbx.rtp.dtmf import build
from pbx.rtp.g711 import Law, decode
from pbx.rtp.packet import Packet, parse
from tests.support.network import bound_pair

KINDS = ("interpreted", "compiled") if is_compiled() else ("interpreted",)
MILLISECOND = 1_000_000
PAYLOAD_TYPES: dict[CodecName, int] = {
    "pcmu": 0,
    "pcma": 8,
    "gsm": 3,
    "g722": 9,
    "speex": 97,
    "speex16": 98,
    "opus": 107,
}
HOST = "127.0.0.1"


def udp(host: str = HOST) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, 0))
    return sock


class Phone:
    """An RTP end. Sends to `target`, keeps what it hears in `heard`."""

    def __init__(self, *, payload_type: int = 0, event_type: int = 101, host: str = HOST) -> None:
        self.sock, self._rtcp = bound_pair(host)
        self.target: tuple[str, int] = (HOST, 0)
        self.payload_type = payload_type
        self.event_type = event_type
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(16)
        self.timestamp = secrets.randbits(32)
        self.heard: list[Packet] = []

    @property
    def port(self) -> int:
        port: int = self.sock.getsockname()[1]
        return port

    def close(self) -> None:
        self.sock.close()
        self._rtcp.close()

    def packet(self, payload: bytes, *, payload_type: int | None = None, marker: bool = False) -> Packet:
        return Packet(
            payload_type=self.payload_type if payload_type is None else payload_type,
            sequence_number=self.sequence,
            timestamp=self.timestamp,
            ssrc=self.ssrc,
            payload=payload,
            marker=marker,
        )

    def send(self, payload: bytes, *, payload_type: int | None = None, marker: bool = False) -> None:
        """One packet of sound; the numbers go on."""
        self.throw(self.packet(payload, payload_type=payload_type, marker=marker).serialise())
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + len(payload)) & 0xFFFFFFFF

    def throw(self, data: bytes) -> None:
        self.sock.sendto(data, self.target)

    def press(self, digit: str, milliseconds: int = 100, *, clock: int = 8) -> None:
        """A whole key press at once, its three ends too. `clock`: timestamp units in a millisecond."""
        for number, event in enumerate(build(digit, milliseconds, clock_rate=1000 * clock)):
            packet = self.packet(event.serialise(), payload_type=self.event_type, marker=number == 0)
            self.throw(packet.serialise())
            self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + clock * milliseconds) & 0xFFFFFFFF

    def listen(self) -> list[Packet]:
        """What came since the last call."""
        packets = []
        while True:
            try:
                packets.append(parse(self.sock.recv(4096)))
            except BlockingIOError:
                break
        self.heard += packets
        return packets

    def sound(self, law: Law = Law.ULAW) -> bytes:
        """Everything heard, as samples, in the order of arrival."""
        self.listen()
        return decode(b"".join(p.payload for p in self.heard if p.payload_type == self.payload_type), law)


@dataclass(slots=True)
class Rig:
    control: EngineControl
    now: int = 10_000_000_000
    sockets: dict[int, socket.socket] = field(default_factory=dict)
    phones: list[Phone] = field(default_factory=list)
    events: list[EngineEvent] = field(default_factory=list)

    def phone(self, *, payload_type: int = 0, event_type: int = 101, host: str = HOST) -> Phone:
        phone = Phone(payload_type=payload_type, event_type=event_type, host=host)
        self.phones.append(phone)
        return phone

    def open(self, leg: int) -> int:
        """Returns the port."""
        self.sockets[leg] = udp()
        self.control.open_leg(leg, self.sockets[leg].fileno())
        port: int = self.sockets[leg].getsockname()[1]
        return port

    def update(
        self,
        leg: int,
        phone: Phone,
        *,
        address: str = HOST,
        port: int | None = None,
        codec: CodecName = "pcmu",
        event_type: int | None = 101,
        direction: DirectionName = "sendrecv",
        sources: tuple[str, ...] = (HOST,),
        learn_port: bool = False,
        event_clock_rate: int = 8000,
        inband: bool = False,
        noise_type: int | None = None,
        opus: OpusWishes | None = None,
    ) -> None:
        self.control.update(
            leg,
            address=address,
            port=phone.port if port is None else port,
            codec=codec,
            payload_type=phone.payload_type,
            event_type=event_type,
            direction=direction,
            sources=sources,
            learn_port=learn_port,
            event_clock_rate=event_clock_rate,
            inband=inband,
            noise_type=noise_type,
        )
        if opus is not None:
            self.control.tune_opus(leg, opus)

    def join(self, leg: int, *, codec: CodecName = "pcmu", event_type: int | None = 101) -> Phone:
        """A leg and its phone, ready to talk."""
        phone = self.phone(payload_type=PAYLOAD_TYPES[codec], event_type=event_type or 101)
        phone.target = (HOST, self.open(leg))
        self.update(leg, phone, codec=codec, event_type=event_type)
        self.advance()
        return phone

    def record(self, slot: int, left: int, right: int | None, law: Law) -> None:
        self.control.record(slot, law)
        self.control.record_leg(left, slot, 0)
        if right is not None:
            self.control.record_leg(right, slot, 1)

    def advance(self, milliseconds: float = 0, *, step: float = 1) -> list[EngineEvent]:
        """Let that much time pass, in steps; the events that came of it."""
        end = self.now + round(milliseconds * MILLISECOND)
        while True:
            self.control.engine.step(self.now)
            if self.now >= end:
                break
            self.now = min(end, self.now + round(step * MILLISECOND))
        for _ in range(64):  # one datagram a leg and step: take what is left in the sockets
            self.control.engine.step(self.now)
        events = self.control.events()
        self.events += events
        return events

    def talk(self, talks: list[tuple[Phone, bytes]]) -> None:
        """Each phone sends its sound, 20 ms at a time, all at once."""
        count = max(len(sound) for _, sound in talks) // 160
        for number in range(count):
            for phone, sound in talks:
                if piece := sound[number * 160 : number * 160 + 160]:
                    phone.send(piece)
            self.advance(20, step=5)

    def close(self) -> None:
        for leg in self.sockets:
            self.control.close_leg(leg)
        closed = [event for event in self.advance() if isinstance(event, LegClosed)]
        assert len(closed) <= len(self.sockets)
        for sock in self.sockets.values():
            sock.close()
        for phone in self.phones:
            phone.close()
        self.control.stop()


@contextmanager
def rig(kind: str, settings: Settings | None = None) -> Iterator[Rig]:
    small = Settings(legs=MEMBERS + 8, rooms=4, recordings=4, prompt_octets=1 << 20)
    made = Rig(EngineControl(settings or small, interpreted=kind == "interpreted"))
    try:
        yield made
    finally:
        made.close()
