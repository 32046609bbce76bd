"""A file of the engine's log: how a record is written, and how it is found again.

A record is its length, the length's complement, a CRC-32 and the bytes, so that an end that was cut off by a kill is
told from a byte that is another now. The first record is the `Heading`. Every name that stands in a file is that of a
class in `queue_engine`; a class that gets other fields without a default, or another meaning, takes another VERSION.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import msgspec

from queue_engine import decisions, inputs
from queue_engine.input_log import Beginning, Record, Refusal, Step
from queue_engine.reasons import LeaveReason
from queue_engine.work import WorkItem

VERSION = 1
MAGIC = "dzvin engine log"
RECORD_LIMIT = 16 * 1024 * 1024  # bytes: a heading with the settings of all lines is the longest

_frame = struct.Struct("<III")
_encoder = msgspec.msgpack.Encoder(enc_hook=dict)  # what msgspec does not know are frozen mappings
REFUSAL = "Refusal"


@dataclass(frozen=True, slots=True)
class Heading:
    """Of each file of one run of the core. `at` is the wall clock (Unix seconds) when the monotonic one was `now`;
    `day` the local day of it. `digest` names the lines' settings, `program` who wrote it."""

    run: str
    part: int
    day: str
    at: float
    now: float
    digest: str
    program: str
    beginning: Beginning


class NotALog(Exception):
    """The file does not begin as one does, or is of a version that this program does not know."""


class Damaged(Exception):
    """Something in the middle of the file is not what was written."""


def frame(record: bytes) -> bytes:
    return _frame.pack(len(record), len(record) ^ 0xFFFFFFFF, zlib.crc32(record)) + record


def encode_heading(heading: Heading) -> bytes:
    return frame(_encoder.encode((MAGIC, VERSION, heading)))


def as_written(record: Record) -> bytes:
    """Raises TypeError, ValueError or OverflowError for values that no file can hold."""
    if isinstance(record, Refusal):
        return _encoder.encode((record.now, REFUSAL, (record.item, record.reason)))
    given = record.given
    told = [(type(decision).__name__, decision) for decision in record.decisions]
    if record.error:
        return _encoder.encode((record.now, type(given).__name__, given, told, record.error))
    return _encoder.encode((record.now, type(given).__name__, given, told))


# ---- reading ---------------------------------------------------------------------------------------------------------


def _decoders(union: object) -> Mapping[str, msgspec.msgpack.Decoder[Any]]:
    return {kind.__name__: msgspec.msgpack.Decoder(kind) for kind in get_args(union)}


_inputs, _decisions = _decoders(inputs.Input), _decoders(decisions.Decision)
_refusal = msgspec.msgpack.Decoder(tuple[WorkItem, LeaveReason])


class _Written(msgspec.Struct, array_like=True):
    now: float
    kind: str
    given: msgspec.Raw
    decisions: list[tuple[str, msgspec.Raw]] = []
    error: str = ""


_written = msgspec.msgpack.Decoder(_Written)


def as_record(record: bytes) -> Record:
    """Raises KeyError for a word that nobody knows, DecodeError."""
    written = _written.decode(record)
    if written.kind == REFUSAL:
        return Refusal(written.now, *_refusal.decode(written.given))
    told = [_decisions[kind].decode(decision) for kind, decision in written.decisions]
    return Step(written.now, _inputs[written.kind].decode(written.given), told, written.error)


@dataclass(slots=True)
class LogFile:
    """Opened for reading. `cut`: bytes at the end that are no whole record, known when `records` has ended. Raises
    NotALog, OSError."""

    path: Path
    cut: int = 0

    def heading(self) -> Heading:
        try:
            first = next(self._frames(), None)
        except Damaged as error:
            raise NotALog(str(error)) from error
        if first is None:
            raise NotALog(f"{self.path.name}: nothing whole is in it")
        try:
            magic, version, heading = msgspec.msgpack.decode(first[1], type=tuple[str, int, msgspec.Raw])
        except msgspec.DecodeError as error:
            raise NotALog(f"{self.path.name}: it has no beginning") from error
        if magic != MAGIC:
            raise NotALog(f"{self.path.name}: it has no beginning")
        if version != VERSION:
            raise NotALog(f"{self.path.name}: version {version} of the log; this program knows version {VERSION}")
        try:
            return msgspec.msgpack.decode(heading, type=Heading)
        except msgspec.DecodeError as error:
            raise NotALog(f"{self.path.name}: its beginning says {error}") from error

    def records(self) -> Iterator[Record]:
        """Raises Damaged behind the last record that checks out."""
        frames = self._frames()
        next(frames, None)
        for offset, record in frames:
            try:
                yield as_record(record)
            except KeyError as unknown:
                raise Damaged(f"{self.path.name}, byte {offset}: nobody knows {unknown}") from unknown
            except msgspec.DecodeError as error:
                raise Damaged(f"{self.path.name}, byte {offset}: {error}") from error

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        offset = self.cut = 0
        with self.path.open("rb") as file:
            while head := file.read(_frame.size):
                if len(head) < _frame.size:
                    self.cut = len(head)
                    return
                length, complement, checksum = _frame.unpack(head)
                if length ^ complement != 0xFFFFFFFF or length > RECORD_LIMIT:
                    raise Damaged(f"{self.path.name}, byte {offset}: no record begins here")
                record = file.read(length)
                if len(record) < length:
                    self.cut = len(head) + len(record)
                    return
                if zlib.crc32(record) != checksum:
                    raise Damaged(f"{self.path.name}, byte {offset}: a record is not as it was written")
                yield offset, record
                offset += _frame.size + length
