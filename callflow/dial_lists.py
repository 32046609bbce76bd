"""Lists of numbers as the dialler sees them, and the book in which they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from callflow.callback_facts import Tried
from callflow.router import Order


class BookAway(Exception):
    """The book cannot be asked now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenList:
    """`points`: its priority in the line. `ring_seconds`: that a party rings. `preview_seconds`: that
    an agent looks at an entry before it is called by itself; 0: none. `caller_id`: what parties see; "": as ever."""

    id: UUID
    line: str
    order: Order
    points: float
    ring_seconds: float
    preview_seconds: float = 0.0
    caller_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueEntry:
    """Somebody to call now. `agent`: an extension whose callback it is, alone until `alone_until`."""

    id: UUID
    number: str
    name: str = ""
    agent: str | None = None
    alone_until: datetime | None = None


class DialBook(Protocol):
    """Every method raises BookAway, and may be called again then. An entry that was reserved is given to nobody else
    until it is told what became of it; `recover` gives back those that an earlier core had."""

    async def recover(self) -> None: ...

    async def open_lists(self) -> Sequence[OpenList]: ...

    async def reserve(self, list_id: UUID, most: int) -> Sequence[DueEntry]:
        """Up to `most` of those that may be called now, and the callbacks that are due."""
        ...

    async def may_dial(self, entry_id: UUID) -> bool:
        """Whether its party may be called at this moment."""
        ...

    async def begin(self, entry_id: UUID, call_id: UUID, extension: str) -> bool:
        """Its party is dialled now, and the try counts; False: it may not be dialled."""
        ...

    async def settle(self, call_id: UUID, tried: Tried, extension: str) -> None:
        """What the try in that call came to. Nothing happens where none was begun."""
        ...

    async def not_dialled(self, entry_id: UUID, why: Tried) -> None:
        """No try was begun; it is not at once the next again."""
        ...

    async def skip(self, entry_id: UUID, extension: str, reason: str) -> None:
        """The agent leaves it for later."""
        ...

    async def release(self, entry_id: UUID) -> None:
        """No try was begun; it waits as before."""
        ...
