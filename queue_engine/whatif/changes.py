"""What is asked: the same day with more or fewer agents, another strategy, another wrap-up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from queue_engine.inputs import (
    AgentAtWindow,
    AgentLines,
    AgentReachable,
    AgentSkills,
    AgentWill,
    Input,
    LineChanged,
)
from queue_engine.whatif.day import Day
from queue_engine.whatif.meter import agent_of
from queue_engine.work import Line

OF_AN_AGENT = (AgentWill, AgentReachable, AgentAtWindow, AgentSkills, AgentLines)
Told = list[tuple[float, Input]]


class CannotChange(Exception):
    """What is asked makes no sense for that day; the text says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """`agents`: so many more, or fewer, in `line`, or in all lines (None). The rest: None as it was."""

    agents: int = 0
    line: str | None = None
    strategy: str | None = None
    wrap_up: float | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """`models`: each added agent with the one whose hours they keep. `gone`: who is not there."""

    day: Day
    models: dict[str, str]
    gone: tuple[str, ...]


def changed(day: Day, change: Change) -> Changed:
    """Raises CannotChange."""
    if change.line is not None and change.line not in {line.number for line in day.lines}:
        raise CannotChange(f"there was no line {change.line}")
    order = _in_the_middle_first(day, change.line)
    if not order and change.agents:
        raise CannotChange("nobody was at work there, so nobody knows the hours")
    if -change.agents >= len(order) > 0:
        raise CannotChange(f"{len(order)} agents were at work there: nobody would be left")
    models = {f"added-{number + 1}": order[number % len(order)] for number in range(max(0, change.agents))}
    gone = tuple(order[: max(0, -change.agents)])

    def fit(line: Line) -> Line:
        return line if change.line not in (None, line.number) else _fit(line, change, models, gone)

    told: Told = []
    for at, given in day.told:
        match given:
            case LineChanged(line):
                told.append((at, LineChanged(fit(line))))
            case AgentLines(extension, numbers) if extension in gone and change.line is not None:
                told.append((at, AgentLines(extension, numbers - {change.line})))
            case _ if change.line is not None or agent_of(given) not in gone:
                told += [(at, given), *_alike(at, given, models)]
    own = [call for call in day.own_calls if change.line is not None or call.extension not in gone]
    own += [replace(call, extension=new) for new, model in models.items() for call in own if call.extension == model]
    lines = tuple(fit(line) for line in day.lines)
    return Changed(replace(day, lines=lines, told=told, own_calls=own), models, gone)


def _in_the_middle_first(day: Day, line: str | None) -> list[str]:
    """Who was at work, beginning with whose hours are in the middle."""
    staffed = day.staffed()
    serve = {extension for each in day.lines if line in (None, each.number) for extension in each.agents}
    by_hours = sorted((e for e in serve if staffed.get(e, 0.0) > 0), key=lambda e: (-staffed[e], e))
    middle = len(by_hours) // 2
    return sorted(by_hours, key=lambda e: (abs(by_hours.index(e) - middle), e))


def _fit(line: Line, change: Change, models: dict[str, str], gone: Iterable[str]) -> Line:
    agents = tuple(e for e in line.agents if e not in gone)
    serves = change.line is not None
    added = tuple(new for new, model in models.items() if serves or model in line.agents)
    tiers = tuple(
        replace(tier, agents=(*tier.agents, *(new for new in added if models[new] in tier.agents)))
        for tier in line.tiers
    )
    penalties = {**line.penalties} | {
        new: line.penalties[models[new]] for new in added if models[new] in line.penalties
    }
    return replace(
        line,
        agents=(*agents, *added),
        tiers=tiers,
        penalties=penalties,
        strategy=line.strategy if change.strategy is None else change.strategy,
        wrap_up=line.wrap_up if change.wrap_up is None else change.wrap_up,
    )


def _alike(at: float, given: Input, models: dict[str, str]) -> Told:
    if not isinstance(given, OF_AN_AGENT):
        return []
    return [(at, replace(given, extension=new)) for new, model in models.items() if model == given.extension]
