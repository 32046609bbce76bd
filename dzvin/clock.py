"""The system's clock and fresh ids: what the rooms below are given instead of importing them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the clock that everybody else is given


def fresh_id() -> UUID:
    """UUIDv7: ordered by time."""
    return uuid7()
