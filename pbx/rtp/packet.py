"""RTP packets: RFC 3550 §5.1.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
|V=2|P|X|  CC   |M|     PT      |       sequence number         |
|                           timestamp                           |
|                             SSRC                              |
|              CSRC (0 to 15)  |  extension (when X)  | payload |
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pbx.rtp.errors import BadPacket

HEADER = struct.Struct(">BBHII")
EXTENSION = struct.Struct(">HH")
VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrc: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None  # profile, words
    padding: int = 0  # octets that followed the payload

    def serialise(self) -> bytes:
        first = VERSION << 6 | (self.padding > 0) << 5 | (self.extension is not None) << 4 | len(self.csrc)
        second = self.marker << 7 | self.payload_type
        parts = [HEADER.pack(first, second, self.sequence_number, self.timestamp, self.ssrc)]
        parts += [source.to_bytes(4, "big") for source in self.csrc]
        if self.extension is not None:
            profile, words = self.extension
            parts += [EXTENSION.pack(profile, len(words) // 4), words]
        parts.append(self.payload)
        if self.padding:
            parts.append(bytes(self.padding - 1) + bytes((self.padding,)))
        return b"".join(parts)


def parse(data: bytes) -> Packet:
    """Read one datagram. Raises BadPacket; lengths inside the packet are checked against the datagram's own."""
    if len(data) < HEADER.size:
        raise BadPacket(f"{len(data)} octets")
    first, second, sequence_number, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != VERSION:
        raise BadPacket(f"version {first >> 6}")
    start = HEADER.size + 4 * (first & 0x0F)
    csrc = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(HEADER.size, start, 4))
    extension = None
    if first & 0x10:
        if len(data) < start + EXTENSION.size:
            raise BadPacket("extension cut off")
        profile, words = EXTENSION.unpack_from(data, start)
        start += EXTENSION.size
        extension = (profile, data[start : start + 4 * words])
        start += 4 * words
    if start > len(data):
        raise BadPacket("header longer than the datagram")
    # §5.1: "The last octet of the padding contains a count of how many padding octets should be ignored,
    # including itself."
    padding = data[-1] if first & 0x20 else 0
    if first & 0x20 and not 0 < padding <= len(data) - start:
        raise BadPacket(f"padding of {padding} octets")
    return Packet(
        payload_type=second & 0x7F,
        sequence_number=sequence_number,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=data[start : len(data) - padding],
        marker=bool(second & 0x80),
        csrc=csrc,
        extension=extension,
        padding=padding,
    )
