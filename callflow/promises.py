"""Callbacks that were promised and are still owed: memory only. What changes is told as facts, which the CRM keeps for
the next start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

MOST_PROMISED = 5_000
"""Then nobody is offered one: the dispatcher holds twice as many."""


@dataclass(slots=True, kw_only=True)
class Promise:
    """`number` is called; `party` is how one knows it again (E.164 where it is one). `joined_at`: since when they wait,
    by which they keep their place. `tries` are those that count."""

    id: UUID
    line: str
    number: str
    party: str
    name: str
    joined_at: datetime
    promised_at: datetime
    expires_at: datetime
    tries: int = 0
    again_at: datetime | None = None
    priority: float = 0.0  # by a supervisor's word


def _nobody_hears(promise: Promise) -> None:
    pass


class Promises:
    """At most one of a party in a line. `on_new` and `on_over` hear of each."""

    def __init__(self) -> None:
        self.on_new: Callable[[Promise], None] = _nobody_hears
        self.on_over: Callable[[Promise], None] = _nobody_hears
        self._open: dict[UUID, Promise] = {}
        self._by_party: dict[str, dict[str, Promise]] = {}  # party -> line

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_full(self) -> bool:
        return len(self._open) >= MOST_PROMISED

    def all(self) -> list[Promise]:
        """In the order of their places."""
        return sorted(self._open.values(), key=lambda promise: (promise.joined_at, promise.id))

    def get(self, promise_id: UUID) -> Promise | None:
        return self._open.get(promise_id)

    def of(self, party: str, line: str) -> Promise | None:
        return self._by_party.get(party, {}).get(line)

    def of_party(self, party: str) -> list[Promise]:
        return list(self._by_party.get(party, {}).values())

    def add(self, promise: Promise) -> None:
        self._open[promise.id] = promise
        self._by_party.setdefault(promise.party, {})[promise.line] = promise
        self.on_new(promise)

    def moved(self, promise: Promise, line: str) -> None:
        """A supervisor has it wait in another line."""
        lines = self._by_party[promise.party]
        if lines.get(promise.line) is promise:
            del lines[promise.line]
        promise.line = line
        lines.setdefault(line, promise)

    def over(self, promise: Promise) -> bool:
        """Kept or broken. False: it was over before."""
        if self._open.pop(promise.id, None) is None:
            return False
        lines = self._by_party.get(promise.party, {})
        if lines.get(promise.line) is promise:
            del lines[promise.line]
            if not lines:
                del self._by_party[promise.party]
        self.on_over(promise)
        return True
