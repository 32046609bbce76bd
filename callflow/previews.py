"""What agents look at before its party is called: each decides, or a timer does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from callflow.control import Actor, ControlRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """`until`: then it is called by itself."""

    entry_id: UUID
    until: datetime


@dataclass(slots=True)
class _Shown:
    preview: Preview
    decided: asyncio.Future[str | None]


class Previews:
    """An agent looks at one entry at a time: the engine offers no second one."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._shown: dict[str, _Shown] = {}  # by extension

    async def show(self, extension: str, entry_id: UUID, seconds: float) -> str | None:
        """Until the agent has decided, or so long. Why it is left for later; None: call it."""
        until = self._now() + timedelta(seconds=seconds)
        shown = _Shown(Preview(entry_id=entry_id, until=until), asyncio.get_running_loop().create_future())
        self._shown[extension] = shown
        try:
            await asyncio.wait([shown.decided], timeout=seconds)
            return shown.decided.result() if shown.decided.done() else None
        finally:
            if self._shown.get(extension) is shown:
                del self._shown[extension]

    def of(self, extension: str | None) -> Preview | None:
        shown = self._shown.get(extension or "")
        return shown.preview if shown is not None else None

    def dial(self, actor: Actor, entry_id: UUID) -> None:
        """Call it now. Raises ControlRefused: unknown_preview."""
        self._decide(actor, entry_id, None)

    def skip(self, actor: Actor, entry_id: UUID, reason: str) -> None:
        """Leave it for later. Raises ControlRefused: unknown_preview."""
        self._decide(actor, entry_id, reason)

    def _decide(self, actor: Actor, entry_id: UUID, reason: str | None) -> None:
        shown = self._shown.get(actor.extension or "")
        if shown is None or shown.preview.entry_id != entry_id or shown.decided.done():
            raise ControlRefused("unknown_preview")
        shown.decided.set_result(reason)
