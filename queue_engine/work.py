"""What waits, and for which line."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Line:
    """A waiting line and the agents who serve it. Times in seconds."""

    number: str
    agents: tuple[str, ...]  # extensions
    ring_timeout: float = 20.0
    retry_after: float = 5.0  # an agent who did not take an offer is left alone that long


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A call that waits in a line since `joined_at` (monotonic seconds)."""

    item_id: UUID
    line: str
    joined_at: float
