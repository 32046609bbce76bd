"""RTCP: sender and receiver reports, CNAME and BYE (RFC 3550 §6.4 to §6.6). Other packet types are stepped over."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pbx.rtp.errors import BadPacket

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, BYE = 200, 201, 202, 203
CNAME = 1
MAX_BLOCKS = 31  # §6.4.1: five bits of count

HEADER = struct.Struct(">BBH")
SENDER_INFO = struct.Struct(">IIIII")
BLOCK = struct.Struct(">IIIIII")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBlock:
    """What one receiver says of one source. §6.4.1"""

    ssrc: int
    fraction_lost: int  # 256ths, since the last report
    lost: int  # signed, 24 bits
    highest_sequence: int  # extended
    jitter: int  # timestamp units
    last_sender_report: int  # the middle 32 bits of its NTP time
    delay: int  # since then, in 65536ths of a second

    def serialise(self) -> bytes:
        lost = max(-0x800000, min(self.lost, 0x7FFFFF)) & 0xFFFFFF
        return BLOCK.pack(
            self.ssrc,
            self.fraction_lost << 24 | lost,
            self.highest_sequence & 0xFFFFFFFF,
            self.jitter & 0xFFFFFFFF,
            self.last_sender_report,
            self.delay & 0xFFFFFFFF,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderReport:
    ssrc: int
    ntp: int  # 64 bits: seconds since 1900 in the upper half
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()

    @property
    def middle_ntp(self) -> int:
        return self.ntp >> 16 & 0xFFFFFFFF

    def serialise(self) -> bytes:
        info = SENDER_INFO.pack(
            self.ntp >> 32,
            self.ntp & 0xFFFFFFFF,
            self.timestamp,
            self.packets & 0xFFFFFFFF,
            self.octets & 0xFFFFFFFF,
        )
        return _packet(SENDER_REPORT, self.ssrc, info, self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverReport:
    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def serialise(self) -> bytes:
        return _packet(RECEIVER_REPORT, self.ssrc, b"", self.blocks)


@dataclass(frozen=True, slots=True)
class CanonicalName:
    ssrc: int
    name: str

    def serialise(self) -> bytes:
        # §6.5: the list of items ends with a null octet and is padded to the next 32-bit boundary.
        name = self.name.encode("utf-8")[:255]
        chunk = self.ssrc.to_bytes(4, "big") + bytes((CNAME, len(name))) + name
        chunk += bytes(4 - len(chunk) % 4)
        return HEADER.pack(0x81, SOURCE_DESCRIPTION, len(chunk) // 4) + chunk


@dataclass(frozen=True, slots=True)
class Goodbye:
    sources: tuple[int, ...]

    def serialise(self) -> bytes:
        body = b"".join(source.to_bytes(4, "big") for source in self.sources)
        return HEADER.pack(0x80 | len(self.sources), BYE, len(body) // 4) + body


Report = SenderReport | ReceiverReport | CanonicalName | Goodbye


def serialise(reports: Sequence[Report]) -> bytes:
    """A compound packet. §6.1: it begins with a report and holds a CNAME; that is the caller's to keep."""
    return b"".join(report.serialise() for report in reports)


def parse(data: bytes) -> list[Report]:
    """Read a compound packet. Raises BadPacket when any part of it does not fit; unknown types are stepped over."""
    reports: list[Report] = []
    at = 0
    if not data:
        raise BadPacket("an empty datagram")
    while at < len(data):
        if len(data) - at < HEADER.size:
            raise BadPacket("header cut off")
        first, kind, words = HEADER.unpack_from(data, at)
        if first >> 6 != 2:
            raise BadPacket(f"version {first >> 6}")
        body = data[at + HEADER.size : at + HEADER.size + 4 * words]
        if len(body) < 4 * words:
            raise BadPacket("packet cut off")
        at += HEADER.size + 4 * words
        if first & 0x20:
            # §6.4.1: padding only in the last packet, counted by its last octet, a multiple of four.
            if at != len(data) or not body or not 0 < body[-1] <= len(body) or body[-1] % 4:
                raise BadPacket("padding")
            body = body[: -body[-1]]
        reports += _read(kind, first & 0x1F, body)
    return reports


def _read(kind: int, count: int, body: bytes) -> Iterator[Report]:
    match kind:
        case 200:
            if len(body) < 4 + SENDER_INFO.size + count * BLOCK.size:
                raise BadPacket("sender report cut off")
            upper, lower, timestamp, packets, octets = SENDER_INFO.unpack_from(body, 4)
            yield SenderReport(
                ssrc=int.from_bytes(body[:4], "big"),
                ntp=upper << 32 | lower,
                timestamp=timestamp,
                packets=packets,
                octets=octets,
                blocks=_blocks(body, 4 + SENDER_INFO.size, count),
            )
        case 201:
            if len(body) < 4 + count * BLOCK.size:
                raise BadPacket("receiver report cut off")
            yield ReceiverReport(ssrc=int.from_bytes(body[:4], "big"), blocks=_blocks(body, 4, count))
        case 202:
            yield from _names(count, body)
        case 203:
            if len(body) < 4 * count:
                raise BadPacket("goodbye cut off")
            yield Goodbye(tuple(int.from_bytes(body[at : at + 4], "big") for at in range(0, 4 * count, 4)))
        case _:
            pass


def _blocks(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for number in range(count):
        ssrc, losses, highest, jitter, last, delay = BLOCK.unpack_from(body, start + number * BLOCK.size)
        lost = losses & 0xFFFFFF
        blocks.append(
            ReportBlock(
                ssrc=ssrc,
                fraction_lost=losses >> 24,
                lost=lost - 0x1000000 if lost & 0x800000 else lost,
                highest_sequence=highest,
                jitter=jitter,
                last_sender_report=last,
                delay=delay,
            )
        )
    return tuple(blocks)


def _names(count: int, body: bytes) -> Iterator[CanonicalName]:
    at = 0
    for _ in range(count):
        if len(body) - at < 4:
            raise BadPacket("source cut off")
        ssrc = int.from_bytes(body[at : at + 4], "big")
        start = at
        at += 4
        while at < len(body) and body[at]:
            if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
                raise BadPacket("item cut off")
            length = body[at + 1]
            if body[at] == CNAME:
                yield CanonicalName(ssrc, body[at + 2 : at + 2 + length].decode("utf-8", "replace"))
            at += 2 + length
        if at >= len(body):
            raise BadPacket("items without an end")
        at += 4 - (at - start) % 4


def _packet(kind: int, ssrc: int, info: bytes, blocks: Sequence[ReportBlock]) -> bytes:
    body = ssrc.to_bytes(4, "big") + info + b"".join(block.serialise() for block in blocks[:MAX_BLOCKS])
    return HEADER.pack(0x80 | min(len(blocks), MAX_BLOCKS), kind, len(body) // 4) + body


def ntp_time(unix: float) -> int:
    """Seconds since 1970 as a 64-bit NTP time."""
    return int((unix + 2208988800) * 4294967296)


def round_trip(arrival: int, block: ReportBlock) -> float | None:
    """§6.4.1: A - LSR - DLSR, in seconds; `arrival` is the middle of our NTP time. None when it cannot be known."""
    if not block.last_sender_report:
        return None
    difference = (arrival - block.last_sender_report - block.delay) & 0xFFFFFFFF
    return difference / 65536 if difference < 0x80000000 else 0.0
