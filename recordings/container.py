"""The file of a recording: whole at any moment, however its writer ends.

    magic (8) | length (4) header, JSON | length (4) key, JSON or empty | CRC-32 of both (4)
    record: kind (1) | number (4) | length (4) | CRC-32 of these (4) | body
    record …

Records are only appended. An encrypted body is AES-256-GCM: ciphertext and tag; the nonce is the record's number, and
file id, kind and number are bound in, so that records cannot be altered, exchanged or moved to another file. The data
key is the file's own, wrapped by the master key and bound to the header. A plain body ends with a CRC-32 instead.

What a killed writer leaves behind is a torn last record, or zeros after a power cut: they end the recording (`cut`).
Anything else that does not fit is `Damaged`, never silence. After a write that failed, numbers go on behind a `Gap`
record, so that no nonce is ever used twice.

`recordings.records` says what the records are.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from recordings.crypto import NONCE_OCTETS, KeyMissing, KeyRing, MasterKey
from recordings.g711 import Law
from recordings.records import KINDS, BadRecord, End, Gap, Record, decode, encode, end_of

MAGIC = b"DZVREC1\n"
LENGTH = struct.Struct(">I")
RECORD = struct.Struct(">BII")
CHECK = struct.Struct(">I")
RECORD_HEAD = RECORD.size + CHECK.size
LONGEST_HEADER = 16 * 1024
LONGEST_RECORD = 1024 * 1024
LONGEST_RECORDING = 48 * 3600 * 8000  # samples

Codec = Literal["pcmu", "pcma"]
LAW: dict[Codec, Law] = {"pcmu": Law.ULAW, "pcma": Law.ALAW}


class Damaged(Exception):
    """The file was altered or the disk has failed: integrity error. The text says where."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    recording_id: UUID
    started_at: datetime
    codec: Codec = "pcmu"
    rate: int = 8000
    channels: int = 2


class WrappedKey(msgspec.Struct, frozen=True, kw_only=True):
    key_id: str
    nonce: bytes
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """What a file begins with. The header is kept as it was written: the data key is bound to its octets."""

    header: bytes
    key: WrappedKey | None

    @classmethod
    def make(cls, header: Header, data_key: bytes, master: MasterKey | None) -> Head:
        octets = msgspec.json.encode(header)
        return cls(octets, None if master is None else _wrap(data_key, master, octets))

    def octets(self) -> bytes:
        key = msgspec.json.encode(self.key) if self.key is not None else b""
        check = LENGTH.pack(zlib.crc32(key, zlib.crc32(self.header)))
        return MAGIC + LENGTH.pack(len(self.header)) + self.header + LENGTH.pack(len(key)) + key + check

    def data_key(self, keys: KeyRing) -> bytes:
        """Raises KeyMissing, Damaged."""
        if self.key is None:
            raise KeyMissing("the recording is not encrypted")
        data_key = keys.find(self.key.key_id).unwrap(self.key.nonce, self.key.wrapped, self.header)
        if data_key is None:
            raise Damaged("the header or the wrapped key")
        return data_key

    def wrapped_anew(self, data_key: bytes, master: MasterKey) -> bytes:
        """The octets of the same head, its data key wrapped with another master key."""
        return Head(self.header, _wrap(data_key, master, self.header)).octets()


def _wrap(data_key: bytes, master: MasterKey, bound_to: bytes) -> WrappedKey:
    nonce, wrapped = master.wrap(data_key, bound_to)
    return WrappedKey(key_id=master.key_id, nonce=nonce, wrapped=wrapped)


def read_head(file: BinaryIO) -> Head:
    """Raises Damaged."""
    if file.read(len(MAGIC)) != MAGIC:
        raise Damaged("not a recording")
    header, key = _part(file), _part(file)
    if file.read(LENGTH.size) != LENGTH.pack(zlib.crc32(key, zlib.crc32(header))):
        raise Damaged("the header")
    try:
        return Head(header, msgspec.json.decode(key, type=WrappedKey) if key else None)
    except msgspec.MsgspecError as error:
        raise Damaged("the header") from error


def _part(file: BinaryIO) -> bytes:
    head = file.read(LENGTH.size)
    length = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else LONGEST_HEADER + 1
    if length > LONGEST_HEADER:
        raise Damaged("the header")
    return file.read(length)


class ContainerWriter:
    """Appends records to a new file. A write either leaves a whole record behind or, with OSError, none."""

    def __init__(self, path: Path, header: Header, key: MasterKey | None) -> None:
        """Creates the file (mode 0600) and its folders. Without a key the recording is plain. Raises OSError."""
        self.header = header
        self._cipher: AESGCM | None = None
        self._number = 0
        self._missing = ""  # why the last record is not in the file
        data_key = AESGCM.generate_key(256)
        if key is not None:
            self._cipher = AESGCM(data_key)
        _make_folders(path.parent)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._length = 0
        self._torn = False
        try:
            self._write(Head.make(header, data_key, key).octets())
        except OSError:
            os.close(self._fd)
            path.unlink()
            raise

    def append(self, record: Record) -> None:
        """Raises OSError, and the record is not in the file then; a later one may be tried."""
        octets = b""
        if self._missing and not isinstance(record, Gap):
            octets = self._framed(Gap(record.position, self._missing))  # written with what follows, or not at all
        octets += self._framed(record)
        try:
            self._write(octets)
        except OSError as error:
            self._missing = error.strerror or str(error)
            raise
        self._missing = ""

    def _framed(self, record: Record) -> bytes:
        """Each with a number, and so a nonce, that no other has had."""
        kind, payload = encode(record)
        number = self._number
        self._number += 1
        if self._cipher is not None:
            body = self._cipher.encrypt(_nonce(number), payload, _bound(self.header, kind, number))
        else:
            body = payload + LENGTH.pack(zlib.crc32(payload, _plain_seed(kind, number)))
        return _record_head(kind, number, len(body)) + body

    def close(self) -> None:
        os.close(self._fd)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            if self._torn:  # a disk that could not even take the piece away again
                os.ftruncate(self._fd, self._length)
            self._torn = True
            while view:
                view = view[os.write(self._fd, view) :]
            self._torn = False
        except OSError:
            os.ftruncate(self._fd, self._length)
            self._torn = False
            raise
        self._length += len(data)


class ContainerReader:
    """Reads one file from its beginning: `header`, then `records` once."""

    def __init__(self, file: BinaryIO, keys: KeyRing | None) -> None:
        """Raises Damaged, KeyMissing."""
        self._file = file
        self._cipher: AESGCM | None = None
        head = read_head(file)
        try:
            self.header = msgspec.json.decode(head.header, type=Header)
        except msgspec.MsgspecError as error:
            raise Damaged("the header") from error
        if head.key is not None:
            if keys is None:
                raise KeyMissing("the recording is encrypted")
            self._cipher = AESGCM(head.data_key(keys))

    def records(self) -> Iterator[Record]:
        """Until the end or a torn tail. Raises Damaged."""
        expected = 0
        position = 0
        while (found := self._next()) is not None:
            kind, number, body = found
            record = self._open(kind, number, body)
            # A number left out without a Gap, or doubled: a record was taken away or put in again.
            if number < expected or (number > expected and not isinstance(record, Gap)):
                raise Damaged(f"record {number} where {expected} belongs")
            if not position <= record.position <= LONGEST_RECORDING:
                raise Damaged(f"record {number} leads back in time")
            expected, position = number + 1, end_of(record)
            yield record
            if isinstance(record, End):
                if self._file.read(1):
                    raise Damaged("something follows the end")
                return

    def _next(self) -> tuple[int, int, bytes] | None:
        head = self._file.read(RECORD_HEAD)
        if len(head) < RECORD_HEAD:
            return None
        kind, number, length = RECORD.unpack_from(head)
        if not any(head) and not any(self._file.read()):
            return None  # zeros up to the end: the power went before the data came
        # The head is checked on its own: a length that fell over must not look like a torn tail.
        if head != _record_head(kind, number, length) or kind not in KINDS or length > LONGEST_RECORD:
            raise Damaged(f"after {self._file.tell() - RECORD_HEAD} octets")
        body = self._file.read(length)
        return (kind, number, body) if len(body) == length else None

    def _open(self, kind: int, number: int, body: bytes) -> Record:
        if self._cipher is not None:
            try:
                payload = self._cipher.decrypt(_nonce(number), body, _bound(self.header, kind, number))
            except (InvalidTag, ValueError) as error:
                raise Damaged(f"record {number}") from error
        else:
            payload = body[: -LENGTH.size]
            if body[-LENGTH.size :] != LENGTH.pack(zlib.crc32(payload, _plain_seed(kind, number))):
                raise Damaged(f"record {number}")
        try:
            return decode(kind, payload, self.header.channels)
        except BadRecord as error:
            raise Damaged(f"record {number}: {error}") from error


def _make_folders(folder: Path) -> None:
    """All of them private: `mkdir(parents=True)` would leave the upper ones open."""
    if not folder.is_dir():
        _make_folders(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _record_head(kind: int, number: int, length: int) -> bytes:
    head = RECORD.pack(kind, number, length)
    return head + CHECK.pack(zlib.crc32(head))


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_OCTETS, "big")


def _bound(header: Header, kind: int, number: int) -> bytes:
    return header.recording_id.bytes + RECORD.pack(kind, number, 0)


def _plain_seed(kind: int, number: int) -> int:
    return zlib.crc32(RECORD.pack(kind, number, 0))
