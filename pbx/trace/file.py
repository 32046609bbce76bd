"""The shape of a trace: msgpack arrays, on disk compressed behind a mark. `docs/trace.md` describes it.

A trace is a list of records in the order in which things happened, over all legs of the call. Each begins with its tag;
`at` is seconds since the trace began, `leg` and `flow` are places in the lists of legs and flows, and `machine` is the
number of a transaction machine, from 1; 0 stands for none.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from pathlib import PurePosixPath
from uuid import UUID

import msgspec

VERSION = 1
MARK = b"DZVINTR1"
LARGEST = 16 * 1024 * 1024  # bytes of one trace, unpacked
SUFFIX = ".trace"


class _Record(msgspec.Struct, array_like=True, frozen=True, gc=False):
    at: float
    leg: int


class Received(_Record, tag="<", frozen=True, gc=False):
    flow: int
    data: bytes


class Sent(_Record, tag=">", frozen=True, gc=False):
    """`machine` 0: without a transaction. `failed`: the transport would not take it."""

    flow: int
    data: bytes
    machine: int
    failed: bool = False


class Made(_Record, tag="n", frozen=True, gc=False):
    """A machine is made. IC, IS: client and server of an INVITE; NC, NS: of another request. A server machine is made
    of the message that came last on this leg, a client machine of the one that it sends first."""

    machine: int
    kind: str
    reliable: bool


class Step(_Record, tag="m", frozen=True, gc=False):
    """`given`: "start" (client machines), "<" (the message that came last on this leg), "respond 180", "cancelled",
    "forsaken", "failed", or a timer's letter. `state`: afterwards. `effects`: words with a space between: "send",
    "deliver", "inform", "end:done", "-A" (stop the timer), "+A0.5" (start it, for so many seconds)."""

    machine: int
    given: str
    state: str
    effects: str


class LegTimer(_Record, tag="t", frozen=True, gc=False):
    """A timer of the leg fires: of the 2xx that is sent again, of the session …"""

    name: str


class DialogMark(_Record, tag="d", frozen=True, gc=False):
    """What the leg's dialog has become, when a message had been dealt with."""

    state: str
    local_cseq: int | None
    remote_cseq: int | None
    remote_target: str
    remote_tag: str


class SessionMark(_Record, tag="s", frozen=True, gc=False):
    """What offer and answer have settled on, likewise."""

    words: list[str]


class Gap(_Record, tag="x", frozen=True, gc=False):
    """Here so many records are missing: the trace had reached its bound, and kept its beginning and its end."""

    count: int


Record = Received | Sent | Made | Step | LegTimer | DialogMark | SessionMark | Gap


class LegHead(msgspec.Struct, array_like=True, frozen=True):
    leg_id: str
    sip_call_id: str
    outbound: bool  # we placed it


class Trace(msgspec.Struct, array_like=True, frozen=True):
    """`left_out`: how many records are missing at the gap."""

    version: int
    call_id: str
    started_at: float  # wall time, seconds
    legs: list[LegHead]
    flows: list[str]
    records: list[Record]
    left_out: int = 0


class NotATrace(ValueError):
    """The bytes are no trace, or one of a later version."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Trace)


# Bytes of a peer's header that are not UTF-8 are lone surrogates in our texts, which msgpack cannot say. They become
# characters for private use, and are turned back when the trace is read.
_HIDDEN = {0xDC00 + octet: 0xEF00 + octet for octet in range(0x80, 0x100)}
_SHOWN = {hidden: surrogate for surrogate, hidden in _HIDDEN.items()}


def _translated(value: object, by: dict[int, int]) -> object:
    match value:
        case str():
            return value.translate(by)
        case list() | tuple():
            return [_translated(item, by) for item in value]
        case _:
            return value


def _has_hidden(data: bytes) -> bool:
    return b"\xee\xbe" in data or b"\xee\xbf" in data  # how UTF-8 writes U+EF80 to U+EFFF


def encode(trace: Trace | tuple[object, ...]) -> bytes:
    """A tuple stands for a Trace whose fields it has, in their order; so does each record within."""
    try:
        return _encoder.encode(trace)
    except UnicodeEncodeError:
        return _encoder.encode(_translated(msgspec.to_builtins(trace, builtin_types=(bytes,)), _HIDDEN))


def decode(data: bytes) -> Trace:
    """Raises NotATrace."""
    try:
        trace = _decoder.decode(data)
        if _has_hidden(data):
            trace = msgspec.convert(_translated(msgspec.to_builtins(trace, builtin_types=(bytes,)), _SHOWN), Trace)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise NotATrace(str(error)) from error
    if trace.version != VERSION:
        raise NotATrace(f"a trace of version {trace.version}")
    return trace


def pack(trace: Trace) -> bytes:
    """As it stands on disk."""
    return MARK + zlib.compress(encode(trace), 6)


def unpack(data: bytes) -> Trace:
    """Raises NotATrace."""
    if not data.startswith(MARK):
        raise NotATrace("no mark at the beginning")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(data[len(MARK) :], LARGEST)
    except zlib.error as error:
        raise NotATrace(str(error)) from error
    if not unpacker.eof:
        raise NotATrace("cut, or too large")
    return decode(content)


def place(call_id: UUID) -> PurePosixPath:
    """Where the trace of a call lies below the traces' folder: by the day that its id was made (UTC)."""
    made = datetime.fromtimestamp((call_id.int >> 80) / 1000, UTC)
    return PurePosixPath(f"{made:%Y/%m/%d}/{call_id}{SUFFIX}")
