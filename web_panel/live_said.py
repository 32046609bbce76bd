"""What live calls say of the people in them, by extension, so that a status need not ask every call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Set
from dataclasses import dataclass, field
from uuid import UUID

from web_panel.statuses import AgentStatus

NOTHING: Counter[AgentStatus] = Counter()


@dataclass(slots=True)
class Said:
    _calls: dict[str, dict[UUID, AgentStatus]] = field(default_factory=dict)  # by extension
    _counted: dict[str, Counter[AgentStatus]] = field(default_factory=dict)  # the same, counted
    _people: dict[UUID, Mapping[str, AgentStatus]] = field(default_factory=dict)  # by call

    def __bool__(self) -> bool:
        return bool(self._calls)

    def of(self, extension: str | None) -> Container[AgentStatus]:
        """What any live call says of that person."""
        return self._counted.get(extension, NOTHING) if extension else NOTHING

    def calls_of(self, extension: str) -> Iterable[UUID]:
        """Oldest first."""
        return self._calls.get(extension, ())

    def takes_part(self, extension: str | None, call_id: UUID) -> bool:
        return extension in self._people.get(call_id, {})

    def says(self, call_id: UUID, now: Mapping[str, AgentStatus]) -> Set[str]:
        """What that call says from now on; of whom it says or said anything."""
        before = self._people.get(call_id, {})
        for extension, status in before.items():
            self._unsay(call_id, extension, status)
        for extension, status in now.items():
            self._calls.setdefault(extension, {})[call_id] = status
            self._counted.setdefault(extension, Counter())[status] += 1
        self._people[call_id] = now
        return before.keys() | now.keys()

    def forget(self, call_id: UUID) -> None:
        """A call that says nothing any more."""
        self._people.pop(call_id, None)

    def _unsay(self, call_id: UUID, extension: str, status: AgentStatus) -> None:
        """What says nothing any more leaves no trace."""
        calls, counted = self._calls[extension], self._counted[extension]
        del calls[call_id]
        counted[status] -= 1
        if not counted[status]:
            del counted[status]
        if not calls:
            del self._calls[extension], self._counted[extension]
