"""Recordings for a player: exported in a thread, kept for a few minutes, cut to the ranges a browser asks for.

A player asks for the same file several times over. Exporting decrypts and decodes, so the last few stay in memory
(never on disk: audio at rest is encrypted). At the bound of memory the one used longest ago goes.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from typing import Final
from uuid import UUID

from recordings.encode import Format
from web_panel.ports import RecordingFiles

KEPT_FOR: Final = timedelta(minutes=5)
KEPT_BYTES: Final = 64 * 1024 * 1024
EXPORTS_AT_ONCE: Final = 2
MAX_PLAYING: Final = 1_000
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)


class BadRange(Exception):
    """No byte of the file is in the range asked for. `size` is the file's."""

    def __init__(self, size: int) -> None:
        super().__init__(str(size))
        self.size = size


@dataclass(frozen=True, slots=True)
class ByteRange:
    first: int
    last: int  # included


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """RFC 9110 §14.1.2, one range. None: send everything (no range, or one that we do not serve).

    Raises BadRange (§15.5.17).
    """
    matched = RANGE.fullmatch(header) if header else None
    if matched is None or matched[0] == "bytes=-":
        return None
    first, last = matched[1], matched[2]
    if not first:  # the last so many bytes
        if int(last) == 0:
            raise BadRange(size)
        return ByteRange(max(0, size - int(last)), size - 1)
    if int(first) >= size:
        raise BadRange(size)
    end = min(int(last), size - 1) if last else size - 1
    return ByteRange(int(first), end) if end >= int(first) else None


@dataclass(slots=True)
class RecordingAudio:
    files: RecordingFiles
    _kept: OrderedDict[tuple[UUID, Format], tuple[bytes, datetime]] = field(default_factory=OrderedDict)
    _playing: OrderedDict[tuple[UUID, UUID], datetime] = field(default_factory=OrderedDict)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(EXPORTS_AT_ONCE))

    def may_continue(self, user_id: UUID, recording_id: UUID, form: Format, now: datetime) -> bytes | None:
        """The audio, when this person began to listen to it less than five minutes ago: a further range of the same
        listening, which was checked and noted in the audit when it began."""
        until = self._playing.get((user_id, recording_id))
        kept = self._kept.get((recording_id, form))
        return kept[0] if until and kept and now < until else None

    async def sound(self, user_id: UUID, recording_id: UUID, file: str, form: Format, now: datetime) -> bytes:
        """Raises FileNotFoundError."""
        kept = self._kept.get((recording_id, form))
        if kept is None:
            async with self._places:
                kept = (await asyncio.to_thread(self._export, file, form), now)
        self._keep((recording_id, form), kept[0], now)
        self._playing[user_id, recording_id] = now + KEPT_FOR
        self._playing.move_to_end((user_id, recording_id))
        while len(self._playing) > MAX_PLAYING:
            self._playing.popitem(last=False)
        return kept[0]

    def _export(self, file: str, form: Format) -> bytes:
        out = BytesIO()
        self.files.export(file, out, form)
        return out.getvalue()

    def _keep(self, what: tuple[UUID, Format], audio: bytes, now: datetime) -> None:
        self._kept[what] = (audio, now)
        self._kept.move_to_end(what)
        for other, (_, kept_at) in tuple(self._kept.items()):
            if now - kept_at > KEPT_FOR:
                del self._kept[other]
        while len(self._kept) > 1 and sum(len(kept) for kept, _ in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)
