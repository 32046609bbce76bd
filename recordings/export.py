"""Recordings as sound: whole for those who measure, as a WAV stream for those who listen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from recordings import wav
from recordings.container import LAW, Audio, ContainerReader, Damaged, End, Gap, Header, Pause, Resume
from recordings.crypto import KeyRing
from recordings.g711 import SILENCE, Law, decode, octet_tables

PIECE = 80_000  # samples of silence written at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """`channels` are 16-bit little-endian samples at 8 kHz, one party each, equally long."""

    recording_id: UUID
    started_at: datetime
    channels: tuple[bytes, ...]
    seconds: float
    cut: bool  # it ended before it was closed, or lost sound on the way
    pauses: tuple[tuple[float, float], ...]  # from, to; seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What can be said of a recording without its sound; every octet of it was checked."""

    header: Header
    samples: int
    cut: bool
    pauses: tuple[tuple[float, float], ...]

    @property
    def seconds(self) -> float:
        return self.samples / self.header.rate


def summarise(path: Path, keys: KeyRing | None) -> Summary:
    """Read and check the whole file. Raises Damaged, KeyMissing, OSError."""
    with path.open("rb") as file:
        reader = ContainerReader(file, keys)
        samples = 0
        cut = True
        pauses: list[tuple[float, float]] = []
        paused_at: float | None = None
        gap = False
        for record in reader.records():
            samples = max(samples, record.position)
            match record:
                case Audio(position=position, channels=channels):
                    samples = position + len(channels[0])
                case Pause(position=position):
                    paused_at = position / reader.header.rate
                case Resume(position=position):
                    if paused_at is not None:
                        pauses.append((paused_at, position / reader.header.rate))
                    paused_at = None
                case Gap():
                    gap = True
                case End(cut=is_cut):
                    cut = is_cut or gap
        if paused_at is not None:
            pauses.append((paused_at, samples / reader.header.rate))
    return Summary(header=reader.header, samples=samples, cut=cut, pauses=tuple(pauses))


def open_recording(path: Path, keys: KeyRing | None) -> Recording:
    """The whole recording in memory: 32 kB a second. Raises Damaged, KeyMissing, OSError."""
    summary = summarise(path, keys)
    law = LAW[summary.header.codec]
    parts: list[list[bytes]] = [[] for _ in range(summary.header.channels)]
    for channels in _pieces(path, keys, summary):
        for part, channel in zip(parts, channels, strict=True):
            part.append(channel)
    return Recording(
        recording_id=summary.header.recording_id,
        started_at=summary.header.started_at,
        channels=tuple(decode(b"".join(part), law) for part in parts),
        seconds=summary.seconds,
        cut=summary.cut,
        pauses=summary.pauses,
    )


def export_wav(path: Path, keys: KeyRing | None, out: BinaryIO) -> Summary:
    """Write a WAV file, one party a channel. Everything is checked before the first octet is written, so that an
    altered file gives an error and no sound. Raises Damaged, KeyMissing, OSError."""
    summary = summarise(path, keys)
    header = summary.header
    octets = 2 * header.channels * summary.samples
    out.write(wav.head(channels=header.channels, rate=header.rate, octets=octets))
    for channels in _pieces(path, keys, summary):
        out.write(_interleave(channels, LAW[header.codec]))
    return summary


def _pieces(path: Path, keys: KeyRing | None, summary: Summary) -> Iterator[tuple[bytes, ...]]:
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


def _interleave(channels: tuple[bytes, ...], law: Law) -> bytes:
    low, high = octet_tables(law)
    frame = 2 * len(channels)
    samples = bytearray(frame * len(channels[0]))
    for number, channel in enumerate(channels):
        samples[2 * number :: frame] = channel.translate(low)
        samples[2 * number + 1 :: frame] = channel.translate(high)
    return bytes(samples)
