"""The recordings of this installation: where they lie, which keys open them, what is in them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import structlog

from dzvin.config import Config
from pbx.media.client import RecordingClosed
from pbx.media.messages import MAX_MARKS, RecordedSegment
from recordings.container import Damaged
from recordings.crypto import BadKeyFile, KeyMissing, KeyRing, load_key_ring
from recordings.encode import Format, export
from recordings.export import Summary, summarise
from recordings.store import SUFFIX, OutsideStore, Store

log = structlog.get_logger("dzvin.recordings")

INTERRUPTED = "its writer was ended"


@dataclass(frozen=True, slots=True)
class KeptRecordings:
    """What is neither `async` nor `relative_path` blocks: for a thread."""

    root: Path
    key_file: Path

    @classmethod
    def of(cls, config: Config, data: Path) -> KeptRecordings:
        return cls(data / config.recordings.folder, data / "keys" / "master.key")

    @property
    def store(self) -> Store:
        return Store(self.root)

    def keys(self) -> KeyRing | None:
        """None: there is no key file, since nothing was ever encrypted. Raises BadKeyFile, OSError."""
        try:
            return load_key_ring(self.key_file)
        except FileNotFoundError:
            return None

    def relative_path(self, recording_id: UUID, started_at: datetime) -> str:
        return self.store.relative_path(recording_id, started_at)

    async def measure(self, recording_id: UUID, file: str) -> RecordingClosed | None:
        """What a writer that is gone has left; None: nothing that can be played."""
        return await asyncio.to_thread(self._measure, recording_id, file)

    def _measure(self, recording_id: UUID, file: str) -> RecordingClosed | None:
        try:
            summary = summarise(self.store.path(file), self.keys())
        except (Damaged, KeyMissing, BadKeyFile, OutsideStore, OSError) as error:
            log.error("recording cannot be used", recording=str(recording_id), reason=str(error))
            return None
        return _closed(recording_id, file, summary)

    def find(self, recording_id: UUID) -> str:
        """Where it is kept. Raises FileNotFoundError."""
        root = self.store.root
        for path in root.glob(f"*/*/*/{recording_id}{SUFFIX}"):
            return str(path.relative_to(root))
        raise FileNotFoundError(str(recording_id))

    def export(self, file: str, out: BinaryIO, form: Format = "wav") -> Summary:
        """Raises FileNotFoundError, Damaged, KeyMissing, BadKeyFile."""
        try:
            return export(self.store.path(file), self.keys(), out, form)
        except OutsideStore as error:
            raise FileNotFoundError(file) from error


def _closed(recording_id: UUID, file: str, summary: Summary) -> RecordingClosed:
    segments = (
        RecordedSegment(channel=each.channel, who=each.who, begin=each.begin, end=each.end)
        for each in summary.segments[:MAX_MARKS]
    )
    return RecordingClosed(
        recording_id=recording_id,
        seconds=summary.seconds,
        cut=summary.cut,
        path=file,
        reason=summary.reason or (INTERRUPTED if summary.cut else ""),
        segments=tuple(segments),
        pauses=summary.pauses[:MAX_MARKS],
    )
