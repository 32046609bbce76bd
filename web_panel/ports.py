"""What the panel needs from above. `dzvin.bootstrap` passes it in as one `PanelServices`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from callflow.control import Actor
from crm_core.database import Pool
from queue_engine.facts import Will
from web_panel.live import LivePanel
from web_panel.passwords import Passwords
from web_panel.rate_limit import Limits


class CallControl(Protocol):
    """The door for commands. Every method raises `callflow.control.ControlRefused`."""

    async def call(self, actor: Actor, number: str, *, follow_up: UUID | None = None) -> UUID:
        """Ring the actor's phone first, then the number; the new call's id."""
        ...

    async def hang_up(self, actor: Actor, call_id: UUID) -> None: ...

    async def declare(self, actor: Actor, will: Will, reason: str = "") -> None: ...


class RecordingFiles(Protocol):
    def export_wav(self, file: str, out: BinaryIO) -> None:
        """Write the recording at this path (relative to the recordings folder) as WAV. Blocking: called in a thread.
        Raises FileNotFoundError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`parts` says of each part (database, media, spool, sip) how it is, in one word."""

    ok: bool
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSettings:
    company: str = "Dzvin"
    language: str = "uk"  # for people who have not chosen one
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Kyiv"))
    secure_cookies: bool = False
    public_url: str = ""
    allowed_origins: frozenset[str] = frozenset()  # beside the panel's own
    session_check: float = 4.0  # seconds between looks at a websocket's session: a revoked one is cut within five
    trusted: tuple[str, ...] = ()  # addresses and networks free of limits; they may read /metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelServices:
    pool: Pool
    control: CallControl
    live: LivePanel
    recordings: RecordingFiles
    clock: Callable[[], datetime]  # aware UTC
    health: Callable[[], Health]
    metrics: Callable[[], bytes]  # Prometheus text
    settings: PanelSettings = field(default_factory=PanelSettings)
    passwords: Passwords = field(default_factory=Passwords)
    limits: Limits = field(default_factory=Limits)
