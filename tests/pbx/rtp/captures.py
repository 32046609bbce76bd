"""Packets of `tests/data/rtp`."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "data" / "rtp"


def packet(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def datagrams(name: str) -> Iterator[bytes]:
    """The UDP payloads of a pcap file, IPv4 over Ethernet, Linux cooked or BSD loopback."""
    data = (FOLDER / name).read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack_from(f"{order}I", data, 20)[0]
    ethernet, cooked = 1, 113
    skip = {ethernet: 14, cooked: 16}.get(link, 4)
    at = 24
    while at < len(data):
        length = struct.unpack_from(f"{order}I", data, at + 8)[0]
        frame = data[at + 16 + skip : at + 16 + length]
        at += 16 + length
        header = 4 * (frame[0] & 0x0F)
        if frame[0] >> 4 == 4 and frame[9] == 17:
            end = header + int.from_bytes(frame[header + 4 : header + 6], "big")
            yield frame[header + 8 : end]
