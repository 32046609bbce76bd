"""Packets of `tests/data/rtp`."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "data" / "rtp"


def packet(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def datagrams(name: str) -> Iterator[bytes]:
    """The UDP payloads of a capture, IPv4 over Ethernet; pcap or pcapng, written on a little-endian machine."""
    data = packet(name)
    for frame in _pcapng(data) if data.startswith(b"\x0a\x0d\x0d\x0a") else _pcap(data):
        ip = frame[14:]
        header = 4 * (ip[0] & 0x0F)
        if ip[0] >> 4 == 4 and ip[9] == 17:
            yield ip[header + 8 : header + int.from_bytes(ip[header + 4 : header + 6], "big")]


def _pcap(data: bytes) -> Iterator[bytes]:
    at = 24
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def _pcapng(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:  # Enhanced Packet Block
            captured = struct.unpack_from("<I", data, at + 20)[0]
            yield data[at + 28 : at + 28 + captured]
        at += length
