"""The legs of a run as the wire shows them: who was called when, who answered, who ended it, when sound came."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.live.office import MENU
from tests.live.wire import Datagram, SipMessage, sip_message
from tests.support import tones
from tests.support.tones import Law

RTP_HEADER = 12
FRAME = 160
ENOUGH = 0.5  # of a frame's power at the tone's frequency
EVENT_TYPES = range(96, 128)
END_BIT = 0x80


@dataclass(slots=True)
class Leg:
    """One INVITE and what came of it; times of the wire, None: it did not come to that."""

    name: str  # whose phone it is
    other: str  # who calls it
    from_server: bool
    invited: float
    answered: float | None = None
    refused: float | None = None  # by the phone
    cancelled: float | None = None
    bye: float | None = None
    phone_port: int | None = None
    server_port: int | None = None

    @property
    def over(self) -> float:
        """When nobody was called or talked with here any more."""
        return min((at for at in (self.refused, self.cancelled, self.bye) if at is not None), default=math.inf)


@dataclass(slots=True)
class Call:
    """A caller's visit: the leg to the menu, and those on which agents were rung."""

    caller: Leg
    offers: list[Leg] = field(default_factory=list)
    joined: float | None = None  # the key of the line was pressed

    @property
    def taken(self) -> Leg | None:
        return next((offer for offer in self.offers if offer.answered is not None), None)


@dataclass(slots=True)
class Wire:
    """What was captured, sorted out."""

    sip_port: int
    legs: dict[str, Leg] = field(default_factory=dict)
    sound: dict[tuple[int, int], list[Datagram]] = field(default_factory=dict)

    def take(self, datagrams: Iterable[Datagram]) -> None:
        for datagram in datagrams:
            if self.sip_port not in (datagram.source, datagram.target):
                self.sound.setdefault((datagram.source, datagram.target), []).append(datagram)
            elif (message := sip_message(datagram, self.sip_port)) is not None:
                self._signalled(message)

    def calls(self, key: str) -> list[Call]:
        """In the order in which they began."""
        legs = sorted(self.legs.values(), key=lambda leg: leg.invited)
        calls: dict[str, list[Call]] = {}
        for leg in legs:
            if not leg.from_server:
                calls.setdefault(leg.name, []).append(Call(leg))
            else:
                calls[leg.other][-1].offers.append(leg)
        found = [call for each in calls.values() for call in each]
        for call in found:
            call.joined = self._pressed(call.caller, key)
        return sorted(found, key=lambda call: call.caller.invited)

    def heard(self, from_port: int | None, to_port: int | None, frequency: float, since: float) -> float | None:
        """When the first frame with that tone passed."""
        if from_port is None or to_port is None:
            return None
        frames = self.sound.get((from_port, to_port), ())
        return next((each.at for each in frames if each.at >= since and has_tone(each.payload, frequency)), None)

    def _pressed(self, leg: Leg, key: str) -> float | None:
        """RFC 4733 §2.5.1.3: the first packet that says that the key was let go."""
        for each in self._of(leg):
            event = each.payload[RTP_HEADER:]
            if each.payload[1] & 127 in EVENT_TYPES and event[0] == int(key) and event[1] & END_BIT:
                return each.at
        return None

    def _of(self, leg: Leg) -> Iterator[Datagram]:
        if leg.phone_port is not None and leg.server_port is not None:
            last = leg.over
            for each in self.sound.get((leg.phone_port, leg.server_port), ()):
                if leg.invited <= each.at <= last and len(each.payload) > RTP_HEADER:
                    yield each

    def _signalled(self, message: SipMessage) -> None:
        call_id = message.header("call_id")
        if message.begins:
            self._invited(call_id, message)
        leg = self.legs.get(call_id)
        if leg is None:
            return
        if message.audio_port is not None:
            if message.to_server:
                leg.phone_port = message.audio_port
            else:
                leg.server_port = message.audio_port
        if message.status is None:
            if message.method == "BYE" and leg.bye is None:
                leg.bye = message.at
            elif message.method == "CANCEL" and leg.cancelled is None:
                leg.cancelled = message.at
        elif message.method == "INVITE":
            self._replied(leg, message)

    def _invited(self, call_id: str, message: SipMessage) -> None:
        if call_id in self.legs:  # repeated, or with credentials
            return
        ours = message.to_server
        name, other = (message.user("from_"), MENU) if ours else (message.user("to"), message.user("from_"))
        self.legs[call_id] = Leg(name, other, not ours, message.at)

    @staticmethod
    def _replied(leg: Leg, message: SipMessage) -> None:
        status = message.status or 0
        if 200 <= status < 300 and leg.answered is None:
            leg.answered = message.at
        elif leg.from_server and status >= 300 and status != 487 and leg.refused is None:
            leg.refused = message.at


def has_tone(packet: bytes, frequency: float) -> bool:
    """Whether half of this G.711 packet's power is that tone."""
    law = {each.value: each for each in Law}.get(packet[1] & 127)
    if law is None or len(packet) < RTP_HEADER + FRAME:
        return False
    values = array("h", tones.decode(packet[RTP_HEADER : RTP_HEADER + FRAME], law))
    power = sum(value * value for value in values)
    turn = 2 * math.cos(2 * math.pi * frequency / tones.RATE)
    before = last = 0.0
    for value in values:
        before, last = last, value + turn * last - before
    tone = (before * before + last * last - turn * before * last) * 2 / len(values)
    return power > len(values) * 100 and tone / power > ENOUGH
