"""Session descriptions of a fake phone: one audio stream. Written and read here: `pbx.sip.sdp` is not trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support.network import Address
from tests.support.tones import Law

NAMES = {Law.ULAW: "PCMU", Law.ALAW: "PCMA"}
DIGITS = 101
OPPOSITE = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`direction` is the writer's own. `laws`: preferred first."""

    address: Address
    laws: tuple[Law, ...]
    digit_type: int | None = DIGITS
    direction: str = "sendrecv"
    version: int = 1

    def text(self) -> bytes:
        host, port = self.address
        types = [str(law.value) for law in self.laws] + ([str(self.digit_type)] if self.digit_type else [])
        lines = [
            "v=0",
            f"o=phone 20301 {self.version} IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP {' '.join(types)}",
            *(f"a=rtpmap:{law.value} {NAMES[law]}/8000" for law in self.laws),
        ]
        if self.digit_type:
            lines += [f"a=rtpmap:{self.digit_type} telephone-event/8000", f"a=fmtp:{self.digit_type} 0-16"]
        return "\r\n".join([*lines, "a=ptime:20", f"a={self.direction}", ""]).encode()

    @property
    def opposite(self) -> str:
        return OPPOSITE[self.direction]


def read(body: bytes) -> Session:
    """The peer's description. A test phone is strict: AssertionError for what a phone could not use."""
    text = body.decode()
    stream = re.search(r"^m=audio (\d+) RTP/AVP ([\d ]+)\r$", text, re.M)
    host = re.search(r"^c=IN IP4 (\S+)\r$", text, re.M)
    assert stream and host, f"not a usable description:\n{text}"
    types = [int(number) for number in stream[2].split()]
    events = re.search(r"^a=rtpmap:(\d+) telephone-event/8000\r$", text, re.M | re.I)
    direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)\r$", text, re.M)
    version = re.search(r"^o=\S+ \d+ (\d+) ", text, re.M)
    known = [law.value for law in Law]
    return Session(
        address=(host[1], int(stream[1])),
        laws=tuple(Law(number) for number in types if number in known),
        digit_type=int(events[1]) if events and int(events[1]) in types else None,
        direction=direction[1] if direction else "sendrecv",
        version=int(version[1]) if version else 0,
    )
