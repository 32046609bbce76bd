"""What passes between the phones and the product, as the kernel stamps it.

    python -m tests.live.wire FILE SIP-PORT FIRST-MEDIA-PORT LAST-MEDIA-PORT

A process of its own writes every datagram from or to the product's SIP port and its media ports to a file; `read` gives
them back. Needs the right to open a packet socket.
"""

from __future__ import annotations

import re
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

ETH_P_IP, PACKET_OUTGOING = 0x0800, 4
SO_TIMESTAMPNS = 35
RECORD = struct.Struct(">QHHH")
BUFFER = 64 * 1024 * 1024
UDP = 17


@dataclass(frozen=True, slots=True)
class Datagram:
    """`at`: seconds since 1970."""

    at: float
    source: int
    target: int
    payload: bytes


def capture(file: Path, sip: int, first: int, last: int) -> None:
    """Until SIGTERM."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)) as wire, file.open("wb") as out:
        wire.setsockopt(socket.SOL_SOCKET, 33, BUFFER)  # SO_RCVBUFFORCE
        wire.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        wire.bind(("lo", ETH_P_IP))
        print("ready", flush=True)
        while True:
            packet, told, _, address = wire.recvmsg(65535, 128)
            if address[2] == PACKET_OUTGOING or packet[9] != UDP:
                continue
            header = (packet[0] & 15) * 4
            source, target = struct.unpack_from(">HH", packet, header)
            if sip in (source, target) or first <= source <= last or first <= target <= last:
                seconds, nanoseconds = struct.unpack("qq", told[0][2][:16])
                payload = packet[header + 8 :]
                out.write(RECORD.pack(seconds * 10**9 + nanoseconds, source, target, len(payload)) + payload)


@contextmanager
def captured(file: Path, sip: int, media: str = "0-0") -> Iterator[None]:
    """`media`: first and last port. By itself signalling alone is kept."""
    command = [sys.executable, "-m", "tests.live.wire", str(file), str(sip), *media.split("-")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tap:
        try:
            assert tap.stdout is not None and tap.stdout.readline() == "ready\n", "no right to open a packet socket?"
            yield
        finally:
            tap.send_signal(signal.SIGTERM)


def read(file: Path) -> Iterator[Datagram]:
    """In the order in which they passed; what was cut at the end is left out."""
    data = file.read_bytes()
    at = 0
    while at + RECORD.size <= len(data):
        stamp, source, target, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        if at + length > len(data):
            return
        yield Datagram(stamp / 1e9, source, target, data[at : at + length])
        at += length


HEADERS = {"call_id": rb"(?:Call-ID|i)", "from_": rb"(?:From|f)", "to": rb"(?:To|t)", "cseq": rb"CSeq"}
USER = re.compile(rb"sips?:([^@;>]+)@")
AUDIO = re.compile(rb"\r\nm=audio (\d+) ")


@dataclass(frozen=True)
class SipMessage:
    """As much of a message as the judge needs."""

    at: float
    to_server: bool
    raw: bytes = field(repr=False)

    @cached_property
    def start(self) -> str:
        return self.raw.partition(b"\r\n")[0].decode(errors="replace")

    @cached_property
    def status(self) -> int | None:
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0") else None

    @cached_property
    def method(self) -> str:
        return self.header("cseq").split()[-1]

    def header(self, name: str) -> str:
        found = re.search(rb"\r\n" + HEADERS[name] + rb"[ \t]*:[ \t]*([^\r]*)", self.raw, re.IGNORECASE)
        return found[1].decode(errors="replace") if found else ""

    def user(self, name: str) -> str:
        found = USER.search(self.header(name).encode())
        return found[1].decode() if found else ""

    @property
    def begins(self) -> bool:
        """An INVITE that begins a call."""
        return self.status is None and self.method == "INVITE" and "tag=" not in self.header("to")

    @cached_property
    def audio_port(self) -> int | None:
        found = AUDIO.search(self.raw)
        return int(found[1]) if found else None


def sip_message(datagram: Datagram, sip: int) -> SipMessage | None:
    if sip not in (datagram.source, datagram.target) or b"\r\n\r\n" not in datagram.payload:
        return None
    return SipMessage(datagram.at, datagram.target == sip, datagram.payload)


def _leave(*_: Any) -> None:
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    capture(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
