"""What a recording is made of: records with a position on one time line, and their octets. Pure.

Positions count samples since the recording began; what no record covers is silence.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

POSITION = struct.Struct(">Q")
MARK = struct.Struct(">BB")
LONGEST_TEXT = 200  # octets of UTF-8; what is longer is cut

AUDIO, PAUSE, RESUME, GAP, END, MARKED, SILENT = KINDS = range(1, 8)


class BadRecord(Exception):
    """These octets are no record of that kind."""


@dataclass(frozen=True, slots=True)
class Audio:
    """`channels` have equal lengths."""

    position: int
    channels: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Silence:
    """Up to here nothing was said that no other record holds: so the file tells its length without the octets."""

    position: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody asked that what follows is not kept."""

    position: int


@dataclass(frozen=True, slots=True)
class Resume:
    position: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Sound was lost before this position: the disk was full or too slow."""

    position: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """From here on `channel` holds what `who` says too, or (`joined` is false) no longer. What `who` means is the
    writer's business; there is one segment for each mark that joins."""

    position: int
    channel: int
    who: str
    joined: bool


@dataclass(frozen=True, slots=True)
class End:
    """`cut`: it ends before it should have, or lost sound on the way; the first reason."""

    position: int
    cut: bool
    reason: str = ""


Record = Audio | Silence | Pause | Resume | Gap | Mark | End


def end_of(record: Record) -> int:
    """Up to where the record tells what there was."""
    return record.position + (len(record.channels[0]) if isinstance(record, Audio) else 0)


def encode(record: Record) -> tuple[int, bytes]:
    """Kind and payload."""
    start = POSITION.pack(record.position)
    match record:
        case Audio(channels=channels):
            assert len({len(channel) for channel in channels}) == 1
            return AUDIO, start + b"".join(channels)
        case Silence():
            return SILENT, start
        case Pause():
            return PAUSE, start
        case Resume():
            return RESUME, start
        case Gap(reason=reason):
            return GAP, start + _octets(reason)
        case Mark(channel=channel, who=who, joined=joined):
            return MARKED, start + MARK.pack(channel, joined) + _octets(who)
        case End(cut=cut, reason=reason):
            return END, start + bytes((cut,)) + _octets(reason)


def decode(kind: int, payload: bytes, channels: int) -> Record:
    """Raises BadRecord."""
    if len(payload) < POSITION.size:
        raise BadRecord("a record without a position")
    position = POSITION.unpack_from(payload)[0]
    rest = payload[POSITION.size :]
    match kind:
        case 1:  # AUDIO
            count = len(rest) // channels
            if count * channels != len(rest):
                raise BadRecord("channels of different lengths")
            return Audio(position, tuple(rest[n * count : n * count + count] for n in range(channels)))
        case 2:  # PAUSE
            return Pause(position)
        case 3:  # RESUME
            return Resume(position)
        case 4:  # GAP
            return Gap(position, _text(rest))
        case 5:  # END
            return End(position, rest[:1] != b"\x00", _text(rest[1:]))
        case 6:  # MARKED
            if len(rest) < MARK.size or rest[0] >= channels:
                raise BadRecord("a mark of no channel")
            return Mark(position, rest[0], _text(rest[MARK.size :]), rest[1] != 0)
        case 7:  # SILENT
            return Silence(position)
        case _:
            raise BadRecord("a record of no known kind")


def _octets(text: str) -> bytes:
    return text.encode()[:LONGEST_TEXT]


def _text(octets: bytes) -> str:
    return octets.decode(errors="ignore")
