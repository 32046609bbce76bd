"""DTLS records (RFC 6347 §4.1): where one ends, and which of them share a datagram.

The library that makes them writes into memory, which forgets where a datagram ended.
"""

from __future__ import annotations

from collections.abc import Iterator

RECORD_HEADER = 13
MTU = 1200  # octets of a datagram that every path carries (RFC 8261 §5 says the same of WebRTC)


def is_dtls(data: bytes) -> bool:
    """RFC 7983 §7: by its first octet."""
    return bool(data) and 19 < data[0] < 64


def datagrams(flight: bytes, mtu: int = MTU) -> Iterator[bytes]:
    """The records of a flight in datagrams of at most `mtu` octets; a longer record has one of its own."""
    datagram = b""
    for record in _records(flight):
        if datagram and len(datagram) + len(record) > mtu:
            yield datagram
            datagram = b""
        datagram += record
    if datagram:
        yield datagram


def _records(flight: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(flight):
        length = RECORD_HEADER + int.from_bytes(flight[at + 11 : at + 13], "big")
        # RFC 9147 §4: a header of DTLS 1.3 may have no length; what follows it cannot be cut.
        if flight[at] & 0xE0 == 0x20:
            length = len(flight) - at
        yield flight[at : at + length]
        at += length
