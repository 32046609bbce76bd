"""Recordings as sound: whole for those who measure, as a WAV stream for those who listen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from recordings import wav
from recordings.container import LAW, ContainerReader, Damaged, Header
from recordings.crypto import KeyRing
from recordings.g711 import SILENCE, Law, decode, octet_tables
from recordings.records import Audio, End, Gap, Mark, Pause, Record, Resume, end_of

PIECE = 80_000  # samples of silence written at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Who was on which channel, from when to when; seconds."""

    channel: int
    who: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """`channels` are 16-bit little-endian samples at 8 kHz, one party each, equally long."""

    recording_id: UUID
    started_at: datetime
    channels: tuple[bytes, ...]
    seconds: float
    cut: bool  # it ended before it was closed, or lost sound on the way
    pauses: tuple[tuple[float, float], ...]  # from, to; seconds
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What can be said of a recording without its sound; every octet of it was checked. Times in seconds."""

    header: Header
    samples: int
    cut: bool
    reason: str  # why it is cut; "" when its writer was killed
    pauses: tuple[tuple[float, float], ...]
    gaps: tuple[float, ...]  # behind what was lost
    segments: tuple[Segment, ...]

    @property
    def seconds(self) -> float:
        return self.samples / self.header.rate


@dataclass(slots=True)
class _Tally:
    rate: int
    samples: int = 0
    end: End | None = None
    pauses: list[tuple[float, float]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    _paused_at: float | None = None
    _joined: dict[tuple[int, str], float] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        self.samples = max(self.samples, end_of(record))
        at = record.position / self.rate
        match record:
            case Pause():
                self._paused_at = at
            case Resume():
                self._resume(at)
            case Gap():
                self.gaps.append(record)
            case Mark(joined=True):
                self._joined.setdefault((record.channel, record.who), at)
            case Mark():
                self._leave(record.channel, record.who, at)
            case End():
                self.end = record

    def finish(self) -> None:
        """What was open when the recording ended, ended with it."""
        at = self.samples / self.rate
        self._resume(at)
        for channel, who in tuple(self._joined):
            self._leave(channel, who, at)
        self.segments.sort(key=lambda segment: (segment.begin, segment.channel))

    def reason(self) -> str:
        said = [self.end.reason if self.end is not None else "", *(gap.reason for gap in self.gaps)]
        return next(filter(None, said), "")

    def _resume(self, at: float) -> None:
        if self._paused_at is not None:
            self.pauses.append((self._paused_at, at))
        self._paused_at = None

    def _leave(self, channel: int, who: str, at: float) -> None:
        begin = self._joined.pop((channel, who), None)
        if begin is not None:
            self.segments.append(Segment(channel=channel, who=who, begin=begin, end=at))


def summarise(path: Path, keys: KeyRing | None) -> Summary:
    """Read and check the whole file. Raises Damaged, KeyMissing, OSError."""
    with path.open("rb") as file:
        reader = ContainerReader(file, keys)
        tally = _Tally(reader.header.rate)
        for record in reader.records():
            tally.add(record)
    tally.finish()
    return Summary(
        header=reader.header,
        samples=tally.samples,
        cut=tally.end is None or tally.end.cut or bool(tally.gaps),
        reason=tally.reason(),
        pauses=tuple(tally.pauses),
        gaps=tuple(gap.position / reader.header.rate for gap in tally.gaps),
        segments=tuple(tally.segments),
    )


def open_recording(path: Path, keys: KeyRing | None) -> Recording:
    """The whole recording in memory: 32 kB a second. Raises Damaged, KeyMissing, OSError."""
    summary = summarise(path, keys)
    law = LAW[summary.header.codec]
    parts: list[list[bytes]] = [[] for _ in range(summary.header.channels)]
    for channels in pieces(path, keys, summary):
        for part, channel in zip(parts, channels, strict=True):
            part.append(channel)
    return Recording(
        recording_id=summary.header.recording_id,
        started_at=summary.header.started_at,
        channels=tuple(decode(b"".join(part), law) for part in parts),
        seconds=summary.seconds,
        cut=summary.cut,
        pauses=summary.pauses,
        segments=summary.segments,
    )


def export_wav(path: Path, keys: KeyRing | None, out: BinaryIO) -> Summary:
    """Write a WAV file, one party a channel. Everything is checked before the first octet is written, so that an
    altered file gives an error and no sound. Raises Damaged, KeyMissing, OSError."""
    summary = summarise(path, keys)
    header = summary.header
    octets = 2 * header.channels * summary.samples
    out.write(wav.head(channels=header.channels, rate=header.rate, octets=octets))
    for channels in pieces(path, keys, summary):
        out.write(interleave(channels, LAW[header.codec]))
    return summary


def pieces(path: Path, keys: KeyRing | None, summary: Summary) -> Iterator[tuple[bytes, ...]]:
    """The sound from begin to end, with silence where there is none, in pieces of all channels."""
    count = summary.header.channels
    silence = bytes((SILENCE[LAW[summary.header.codec]],)) * PIECE
    at = 0
    with path.open("rb") as file:
        for record in ContainerReader(file, keys).records():
            yield from ((piece,) * count for piece in _silence(silence, record.position - at))
            at = record.position
            if isinstance(record, Audio):
                yield record.channels
                at += len(record.channels[0])
            if at >= summary.samples:
                return  # what a running recording got since it was summarised is for the next reader
    if at < summary.samples:
        raise Damaged("the file changed while it was read")


def _silence(silence: bytes, samples: int) -> Iterator[bytes]:
    while samples > 0:
        yield silence[:samples]
        samples -= PIECE


def interleave(channels: tuple[bytes, ...], law: Law) -> bytes:
    low, high = octet_tables(law)
    frame = 2 * len(channels)
    samples = bytearray(frame * len(channels[0]))
    for number, channel in enumerate(channels):
        samples[2 * number :: frame] = channel.translate(low)
        samples[2 * number + 1 :: frame] = channel.translate(high)
    return bytes(samples)
