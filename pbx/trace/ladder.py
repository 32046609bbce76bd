"""A trace as people look at it: an arrow for each message between us and each side. Pure.

All text here has been made safe to show: SIP text is whatever a stranger likes to write.
"""

from __future__ import annotations

from dataclasses import dataclass

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import readable
from pbx.sip.message import Request, Response, parse
from pbx.trace.file import Gap, LegHead, Received, Sent, Trace

UNKNOWN = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Whoever is at the other end of a leg. `address`: where its first message came from, or ours went."""

    leg_id: str
    name: str
    address: str
    outbound: bool  # we called it


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """`record`: its place in the trace. `side`: place of the other end in the ladder. `again`: the very same message
    went this way before. `missing`: records that the trace left out just before."""

    record: int
    at: float
    side: int
    inward: bool
    title: str
    text: str
    again: bool
    failed: bool
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    sides: tuple[Side, ...]
    arrows: tuple[Arrow, ...]


def ladder(trace: Trace) -> Ladder:
    """Never raises for a trace that `file.decode` took."""
    seen: set[tuple[int, bool, bytes]] = set()
    first: dict[int, Received | Sent] = {}
    arrows: list[Arrow] = []
    missing = 0
    for place, record in enumerate(trace.records):
        if isinstance(record, Gap):
            missing = record.count
        if not isinstance(record, Received | Sent):
            continue
        first.setdefault(record.leg, record)
        inward = isinstance(record, Received)
        way = (record.leg, inward, record.data)
        arrows.append(
            Arrow(
                record=place,
                at=record.at,
                side=record.leg,
                inward=inward,
                title=_title(record.data),
                text=shown_text(record.data),
                again=way in seen,
                failed=isinstance(record, Sent) and record.failed,
                missing=missing,
            )
        )
        seen.add(way)
        missing = 0
    sides = (_side(trace, number, head, first.get(number)) for number, head in enumerate(trace.legs))
    return Ladder(sides=tuple(sides), arrows=tuple(arrows))


def _side(trace: Trace, number: int, head: LegHead, first: Received | Sent | None) -> Side:
    name, address = UNKNOWN, ""
    if first is not None:
        address = trace.flows[first.flow] if 0 <= first.flow < len(trace.flows) else ""
        message = _read(first.data)
        if message is not None:
            other = message.to if isinstance(message, Request) is isinstance(first, Sent) else message.from_
            name = readable(other.uri.user or other.uri.host) or UNKNOWN
    return Side(leg_id=head.leg_id, name=name, address=address, outbound=head.outbound)


def _title(data: bytes) -> str:
    """`INVITE`, or `180 Ringing (INVITE)`."""
    message = _read(data)
    if message is None:
        return UNKNOWN
    described = " + SDP" if message.content_type == "application/sdp" and message.body else ""
    if isinstance(message, Response):
        reason = readable(message.reason)[:40]
        return f"{message.status} {reason} ({readable(message.cseq.method)[:20]}){described}"
    return readable(message.method)[:20] + described


def shown_text(data: bytes) -> str:
    """A message line by line, without anything that a terminal or a page would obey."""
    lines = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")
    return "\n".join(readable(line) for line in lines).strip("\n")


def _read(data: bytes) -> Request | Response | None:
    try:
        return parse(data)
    except RemoteProtocolError:
        return None
