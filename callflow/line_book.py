"""The lines as they are now: what was set, by the configuration or by people since, and what a supervisor has switched.

Kept in memory, so that a data base that is away changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from callflow.line_settings import LineDefaults, LineSettings, line_plan
from callflow.router import LinePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """`message`: a prompt that is told first; "": none."""

    is_open: bool = True
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`revision` 0: as the configuration says; else how often people have changed it."""

    settings: LineSettings
    revision: int = 0


OPEN = Switch()


@dataclass(slots=True, kw_only=True)
class LineBook(Mapping[str, LinePlan]):
    """As a mapping: the plans by number, for the dial plan."""

    defaults: LineDefaults = field(default_factory=LineDefaults)
    own: Mapping[str, Kept] = field(default_factory=dict)  # the configuration's
    kept: Mapping[str, Kept] = field(default_factory=dict)  # what people changed or added
    switches: dict[str, Switch] = field(default_factory=dict)
    _plans: dict[str, LinePlan] = field(default_factory=dict)

    def __getitem__(self, number: str) -> LinePlan:
        if number not in self._plans:
            self._plans[number] = line_plan(number, self.line(number).settings, self.defaults)
        return self._plans[number]

    def __iter__(self) -> Iterator[str]:
        return iter({**self.own, **self.kept})

    def __len__(self) -> int:
        return len(self.own.keys() | self.kept.keys())

    def line(self, number: str) -> Kept:
        """Raises KeyError."""
        return self.kept[number] if number in self.kept else self.own[number]

    def keep(self, kept: Mapping[str, Kept]) -> list[str]:
        """All that people have changed; the numbers of the lines that are others by it."""
        changed = [
            number
            for number in sorted(kept.keys() | self.kept.keys())
            if kept.get(number, self.own.get(number)) != self.kept.get(number, self.own.get(number))
        ]
        self.kept = kept
        for number in changed:
            self._plans.pop(number, None)
        return changed

    def switch(self, number: str) -> Switch:
        return self.switches.get(number, OPEN)
