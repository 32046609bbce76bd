"""STUN messages (RFC 8489) as connectivity checks use them (RFC 8445 §7): read, proven, answered."""

from __future__ import annotations

import hashlib
import hmac
import struct
from binascii import crc32
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from pbx.rtp.errors import BadPacket

MAGIC = 0x2112A442
COOKIE = struct.pack("!I", MAGIC)
HEADER = 20
MAX_ATTRIBUTES = 32

BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
BINDING_ERROR = 0x0111

USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028

KNOWN = frozenset({USERNAME, MESSAGE_INTEGRITY, XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE})
OPTIONAL = 0x8000  # RFC 8489 §14: attributes from here on may be left alone by who does not know them
FINGERPRINT_XOR = 0x5354554E


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`attributes`: those that count, by type, the first of each. `integrity_at`: where MESSAGE-INTEGRITY begins."""

    kind: int
    transaction_id: bytes
    attributes: Mapping[int, bytes]
    data: bytes
    integrity_at: int | None
    has_fingerprint: bool

    def is_proven_by(self, key: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY was made with this password (short-term credentials, §9.1)."""
        if self.integrity_at is None:
            return False
        # §14.5: the length in the header counts up to the end of MESSAGE-INTEGRITY, whatever follows it.
        covered = _with_length(self.data[: self.integrity_at], self.integrity_at - HEADER + 24)
        made = hmac.new(key, covered, hashlib.sha1).digest()
        return hmac.compare_digest(made, self.attributes[MESSAGE_INTEGRITY])

    @property
    def not_understood(self) -> tuple[int, ...]:
        """Attributes that must be understood and are not (§6.3.1)."""
        return tuple(kind for kind in self.attributes if kind < OPTIONAL and kind not in KNOWN)


def parse(data: bytes) -> Message:
    """Raises BadPacket. A FINGERPRINT that is there must be right."""
    if len(data) < HEADER or data[0] > 3 or data[4:8] != COOKIE:
        raise BadPacket("no STUN message")
    kind, length = struct.unpack_from("!HH", data)
    if length % 4 or length + HEADER != len(data):
        raise BadPacket("a STUN message of another length")
    attributes: dict[int, bytes] = {}
    integrity_at: int | None = None
    has_fingerprint = False
    at = HEADER
    while at < len(data):
        name, size = struct.unpack_from("!HH", data, at)
        value = data[at + 4 : at + 4 + size]
        if len(value) != size or len(attributes) >= MAX_ATTRIBUTES:
            raise BadPacket("a STUN attribute too long, or too many")
        if name == FINGERPRINT:
            has_fingerprint = _check_fingerprint(data, at, value)
        # §14.5: "With the exception of the MESSAGE-INTEGRITY-SHA256 and FINGERPRINT attributes, which appear after
        # MESSAGE-INTEGRITY, agents MUST ignore all other attributes that follow MESSAGE-INTEGRITY."
        elif integrity_at is None:
            attributes.setdefault(name, value)
            if name == MESSAGE_INTEGRITY:
                integrity_at = at
        at += 4 + size + -size % 4
    return Message(
        kind=kind,
        transaction_id=data[8:HEADER],
        attributes=attributes,
        data=data,
        integrity_at=integrity_at,
        has_fingerprint=has_fingerprint,
    )


def success(request: Message, host: str, port: int, key: bytes) -> bytes:
    """§6.3.1.1: what a binding request is answered with, proven with the same password."""
    address = int(IPv4Address(host)) ^ MAGIC
    mapped = struct.pack("!BBHI", 0, 1, port ^ (MAGIC >> 16), address)
    return _sealed(BINDING_SUCCESS, request.transaction_id, [(XOR_MAPPED_ADDRESS, mapped)], key)


def unknown_attributes(request: Message, key: bytes) -> bytes:
    """§6.3.1: 420, with the names of what was not understood."""
    reason = struct.pack("!HBB", 0, 4, 20) + b"Unknown Attribute"
    names = struct.pack(f"!{len(request.not_understood)}H", *request.not_understood)
    listed = [(ERROR_CODE, reason), (UNKNOWN_ATTRIBUTES, names)]
    return _sealed(BINDING_ERROR, request.transaction_id, listed, key)


def _sealed(kind: int, transaction_id: bytes, attributes: list[tuple[int, bytes]], key: bytes) -> bytes:
    body = b"".join(_attribute(name, value) for name, value in attributes)
    head = struct.pack("!HH", kind, len(body) + 24) + COOKIE + transaction_id
    message = head + body
    message += _attribute(MESSAGE_INTEGRITY, hmac.new(key, message, hashlib.sha1).digest())
    message = _with_length(message, len(message) - HEADER + 8)
    return message + _attribute(FINGERPRINT, struct.pack("!I", crc32(message) ^ FINGERPRINT_XOR))


def _attribute(name: int, value: bytes) -> bytes:
    return struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)


def _with_length(message: bytes, length: int) -> bytes:
    return message[:2] + struct.pack("!H", length) + message[4:]


def _check_fingerprint(data: bytes, at: int, value: bytes) -> bool:
    # §14.7: "the FINGERPRINT attribute … MUST be the last attribute in the message".
    if len(value) != 4 or at + 8 != len(data):
        raise BadPacket("a FINGERPRINT that is not last")
    if struct.unpack("!I", value)[0] != crc32(data[:at]) ^ FINGERPRINT_XOR:
        raise BadPacket("a wrong FINGERPRINT")
    return True
