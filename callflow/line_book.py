"""The lines as they are now: what was set, by the configuration or by people since, and what a supervisor has switched.

Kept in memory, so that a data base that is away changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import msgspec
import structlog

from callflow.line_settings import LineDefaults, LineSettings, Skills, line_plan
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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSkills:
    """Levels by name; `revision` as of a line."""

    skills: Skills = field(default_factory=dict)
    revision: int = 0


OPEN = Switch()

log = structlog.get_logger("callflow.line_book")


@dataclass(slots=True, kw_only=True)
class LineBook(Mapping[str, LinePlan]):
    """As a mapping: the plans by number, for the dial plan."""

    defaults: LineDefaults = field(default_factory=LineDefaults)
    own: Mapping[str, Kept] = field(default_factory=dict)  # the configuration's
    kept: Mapping[str, Kept] = field(default_factory=dict)  # what people changed or added
    own_skills: Mapping[str, Skills] = field(default_factory=dict)  # by extension
    kept_skills: Mapping[str, KeptSkills] = field(default_factory=dict)
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
        """All that people have changed; the numbers of the lines that are others by it. A strategy of one's own that
        no line of the configuration names any more is not loaded: the longest idle is asked then."""
        kept = {number: self._fit(number, each) for number, each in kept.items()}
        changed = [
            number
            for number in sorted(kept.keys() | self.kept.keys())
            if kept.get(number, self.own.get(number)) != self.kept.get(number, self.own.get(number))
        ]
        self.kept = kept
        for number in changed:
            self._plans.pop(number, None)
        return changed

    def keep_skills(self, kept: Mapping[str, KeptSkills]) -> list[str]:
        """All that people have changed; whose skills are others by it."""
        before = {extension: self.skills(extension) for extension in kept.keys() | self.kept_skills.keys()}
        self.kept_skills = kept
        return sorted(extension for extension, skills in before.items() if self.skills(extension) != skills)

    def skills(self, extension: str) -> KeptSkills:
        return self.kept_skills.get(extension) or KeptSkills(skills=self.own_skills.get(extension, {}))

    @property
    def strategies(self) -> frozenset[str]:
        """Those of one's own that are loaded: what the configuration names."""
        return frozenset(each.settings.strategy for each in self.own.values() if ":" in each.settings.strategy)

    def playing(self, prompt: str) -> bool:
        """Whether a line tells this prompt now."""
        told = (
            self.switch(number).message == prompt or prompt in self.line(number).settings.messages for number in self
        )
        return any(told)

    def _fit(self, number: str, kept: Kept) -> Kept:
        strategy = kept.settings.strategy
        if ":" not in strategy or strategy in self.strategies:
            return kept
        log.error("a strategy is not loaded", line=number, strategy=strategy)
        return replace(kept, settings=msgspec.structs.replace(kept.settings, strategy="longest_idle"))

    def switch(self, number: str) -> Switch:
        return self.switches.get(number, OPEN)
