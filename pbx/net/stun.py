"""STUN as a SIP server needs it: Binding requests on the port of SIP are answered (RFC 5626 §4.4.2, RFC 5389). Pure.

A phone behind a NAT asks, learns as which address it is seen, and keeps the way to it open. Nobody is authenticated,
nothing is kept, and an answer is hardly longer than its question.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

MAGIC_COOKIE = 0x2112A442
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
BINDING_ERROR = 0x0111
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
XOR_MAPPED_ADDRESS = 0x0020
FINGERPRINT = 0x8028

UNDERSTOOD = frozenset((0x0001, 0x0006, 0x0008, ERROR_CODE, UNKNOWN_ATTRIBUTES, 0x0014, 0x0015, XOR_MAPPED_ADDRESS))
"""MAPPED-ADDRESS, USERNAME, MESSAGE-INTEGRITY, REALM, NONCE too: a server without credentials passes over them."""
OPTIONAL = 0x8000  # §15: attributes from here on may be ignored by who does not know them
LONGEST = 548  # octets, §7.1: what fits everywhere
MOST_ATTRIBUTES = 32

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_FINGERPRINT_XOR = 0x5354554E


class NotStun(Exception):
    """Octets that are no STUN message."""


@dataclass(frozen=True, slots=True)
class Message:
    kind: int  # class and method as they stand in the header
    transaction: bytes  # 12 octets
    attributes: tuple[tuple[int, bytes], ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Message:
        """Raises NotStun, and nothing else. A FINGERPRINT must be right; integrity is not looked at."""
        if not is_stun(data) or len(data) > LONGEST or len(data) % 4:
            raise NotStun("no header")
        kind, length, _, transaction = _HEADER.unpack_from(data)
        if length != len(data) - _HEADER.size:
            raise NotStun("a length that is not that of the datagram")
        attributes = tuple(_attributes(data))
        if any(type_ == FINGERPRINT for type_, _ in attributes) and not _is_fingerprint_right(data, attributes[-1]):
            raise NotStun("a fingerprint that is wrong, or not the last")
        return cls(kind, transaction, attributes)

    def serialise(self, *, fingerprint: bool = False) -> bytes:
        body = b"".join(
            _ATTRIBUTE.pack(type_, len(value)) + value + bytes(-len(value) % 4) for type_, value in self.attributes
        )
        length = len(body) + (8 if fingerprint else 0)
        data = _HEADER.pack(self.kind, length, MAGIC_COOKIE, self.transaction) + body
        if fingerprint:
            data += _ATTRIBUTE.pack(FINGERPRINT, 4) + struct.pack("!I", zlib.crc32(data) ^ _FINGERPRINT_XOR)
        return data


def is_stun(data: bytes) -> bool:
    """§6: "The most significant 2 bits of every STUN message MUST be zeroes", and then there is the cookie. No SIP
    message begins so."""
    return len(data) >= _HEADER.size and data[0] < 0x40 and data[4:8] == b"\x21\x12\xa4\x42"


def answer(data: bytes, host: str, port: int) -> bytes:
    """The answer to a Binding request from that address; empty when there is none to give (§7.3)."""
    try:
        request = Message.parse(data)
    except NotStun:
        return b""
    if request.kind != BINDING_REQUEST:
        return b""
    fingerprint = bool(request.attributes) and request.attributes[-1][0] == FINGERPRINT
    unknown = [type_ for type_, _ in request.attributes if type_ < OPTIONAL and type_ not in UNDERSTOOD]
    if unknown:
        # §7.3.1: "an error response with an error code of 420 (Unknown Attribute)".
        kind, attributes = BINDING_ERROR, (
            (ERROR_CODE, b"\x00\x00\x04\x14Unknown Attribute"),
            (UNKNOWN_ATTRIBUTES, struct.pack(f"!{len(unknown)}H", *unknown)),
        )  # fmt: skip
        return Message(kind, request.transaction, attributes).serialise(fingerprint=fingerprint)
    mapped = (XOR_MAPPED_ADDRESS, xor_mapped(host, port, request.transaction))
    return Message(BINDING_SUCCESS, request.transaction, (mapped,)).serialise(fingerprint=fingerprint)


def xor_mapped(host: str, port: int, transaction: bytes) -> bytes:
    """The value of XOR-MAPPED-ADDRESS (§15.2): an address that no NAT on the way rewrites."""
    address = ip_address(host.partition("%")[0]).packed
    mask = MAGIC_COOKIE.to_bytes(4, "big") + transaction
    xored = bytes(octet ^ key for octet, key in zip(address, mask, strict=False))
    family = 1 if len(address) == 4 else 2
    return struct.pack("!BBH", 0, family, port ^ (MAGIC_COOKIE >> 16)) + xored


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at, count = _HEADER.size, 0
    while at < len(data):
        type_, length = _ATTRIBUTE.unpack_from(data, at)  # there are four octets: the length is a multiple of four
        at += _ATTRIBUTE.size
        count += 1
        if at + length > len(data) or count > MOST_ATTRIBUTES:
            raise NotStun("attributes that do not fit")
        yield type_, data[at : at + length]
        at += length + -length % 4


def _is_fingerprint_right(data: bytes, last: tuple[int, bytes]) -> bool:
    """§15.5: "the last attribute in the message", over all before it."""
    type_, value = last
    right = (zlib.crc32(data[:-8]) ^ _FINGERPRINT_XOR).to_bytes(4, "big")
    return type_ == FINGERPRINT and value == right
