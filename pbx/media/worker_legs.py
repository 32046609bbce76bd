"""What a worker keeps of its legs and recordings, beside the engine."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from pbx.media.files import Prompt
from pbx.media.messages import CodecName, LegReport
from pbx.media.port_pool import PortPair
from pbx.rtp.quality import Grade


@dataclass(slots=True)
class Watched:
    """How the leg has sounded so far: see `quality_watch`."""

    due: float = 0.0
    expected: int = 0
    received: int = 0
    grade: Grade | None = None
    worst: float | None = None
    loss: int = 0  # percent of our packets that the far end was last expected to miss


@dataclass(slots=True)
class WorkerLeg:
    number: int
    call_id: UUID
    cookie: bytes
    address: str
    ports: PortPair
    codec: CodecName = "pcmu"
    inband_digits: bool = False
    event_type: int | None = None
    bridged: int | None = None
    room: int | None = None
    recording_id: UUID | None = None
    channel: int = 0  # of that recording
    who: str = ""  # its name in the marks of that recording
    playing: dict[int, list[Prompt]] = field(default_factory=dict)  # by playback
    loading: asyncio.Task[None] | None = None  # of a Play whose files are being read
    loading_playback: int = 0
    closing: bool = False
    close_id: int = 0  # the Close to be answered; 0: nobody asked
    watched: Watched = field(default_factory=Watched)

    def report(self) -> LegReport:
        return LegReport(
            leg=self.number,
            call_id=self.call_id,
            cookie=self.cookie,
            address=self.address,
            port=self.ports.port,
            recording_id=self.recording_id,
            bridged=self.bridged,
            room=self.room,
        )


@dataclass(slots=True)
class WorkerRecording:
    recording_id: UUID
    call_id: UUID
    slot: int
    calls: set[UUID] = field(default_factory=set)  # of all legs that have spoken into it
    ending: bool = False


class Numbers:
    """Leg or slot numbers. A freed one waits behind all others before it is used again (what is still under way for it
    reaches nobody), or is used first (its memory is warm), as is wanted."""

    def __init__(self, count: int, *, reuse_at_once: bool = False) -> None:
        self._free = deque(reversed(range(count)) if reuse_at_once else range(count))
        self._take = self._free.pop if reuse_at_once else self._free.popleft

    def take(self) -> int | None:
        return self._take() if self._free else None

    def give_back(self, number: int) -> None:
        self._free.append(number)
