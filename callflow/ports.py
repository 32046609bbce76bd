"""What call flows need from the rooms above. Handed in by the composition root."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from callflow.facts import Fact
from pbx.media.client import RecordingClosed
from queue_engine.facts import QueueFact


class FactSink(Protocol):
    """The ledger's mouth. When `append` returns, the fact outlives this process."""

    def append(self, fact: Fact | QueueFact) -> None: ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall time, aware, UTC."""


class RecordingPlaces(Protocol):
    def relative_path(self, recording_id: UUID, started_at: datetime) -> str:
        """Where that recording is kept, below the recordings folder."""

    async def measure(self, recording_id: UUID, file: str) -> RecordingClosed | None:
        """What a writer that is gone has left there; None: nothing that can be played."""


class FlowWebhooks(Protocol):
    async def post(self, url: str, body: bytes, seconds: float) -> bytes | None:
        """What a 2xx answer holds, JSON or not; None: none has come in that time. Never raises for the peer's sake."""


class Regulars(Protocol):
    async def agent_of(self, number: str, by: Sequence[str]) -> str | None:
        """The extension of whom that outside number (E.164 where it is one) belongs to, by the first of these that
        knows: "owner" of the client, "last_agent" who spoke with it; None: nobody's, or it cannot be said now."""


class Prompts(Protocol):
    def path(self, name: str) -> Path | None:
        """The audio file of a prompt, or None when there is none by that name."""
