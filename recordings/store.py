"""Where recordings lie: by date and id below one folder, never by anything that a caller has sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

SUFFIX = ".dzr"


class OutsideStore(Exception):
    """The path does not lie below the recordings folder."""


@dataclass(frozen=True, slots=True)
class Store:
    root: Path

    def relative_path(self, recording_id: UUID, started_at: datetime) -> str:
        """YYYY/MM/DD/<id>.dzr, by the UTC date: what facts and the database keep."""
        return f"{started_at.astimezone(UTC):%Y/%m/%d}/{recording_id}{SUFFIX}"

    def path(self, relative: str) -> Path:
        """The file behind a kept path. Raises OutsideStore for everything else, symbolic links to outside too."""
        path = (self.root / relative).resolve()
        if path.suffix != SUFFIX or not path.is_relative_to(self.root.resolve()):
            raise OutsideStore(relative)
        return path
