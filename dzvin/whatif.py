"""`dzvin whatif`: the figures of a day as it was, and as it would have been."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import msgspec

from dzvin.engine_log_file import Damaged
from dzvin.engine_log_shelf import Run
from dzvin.replaying_day import NoDay, day_runs, own_strategies
from queue_engine.dispatcher import strategy_of_ones_own
from queue_engine.input_log import Step
from queue_engine.replay import Replay
from queue_engine.strategy import Strategy
from queue_engine.whatif.chances import Chances
from queue_engine.whatif.changes import Change, changed
from queue_engine.whatif.day import Day
from queue_engine.whatif.figures import Figures, alike, figures, occupancy
from queue_engine.whatif.meter import Meter
from queue_engine.whatif.observing import Observer
from queue_engine.whatif.simulation import Simulation

ALL = "all"


class Asked(NamedTuple):
    change: Change
    seed: int = 1
    threshold: float = 20.0
    short: float = 5.0


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of each line and of `all`; the share of their time at work in which agents talk or wrap up."""

    lines: dict[str, Figures]
    occupancy: float | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`again`: the unchanged day in the simulator, and `alike` the share of its waits that end as they did. `drawn`:
    the same, but of who came nothing is taken as it was save when. `changed`: what was asked."""

    day: str
    change: Change
    threshold: float
    short: float
    models: dict[str, str]
    gone: tuple[str, ...]
    alike: float | None
    real: Side
    again: Side
    drawn: Side
    changed: Side


def whatif(data: Path, day: str, asked: Asked) -> Answer:
    """Raises NoDay, CannotChange."""
    real, own = observed(data, day)
    found = changed(real, asked.change)
    own |= _own(asked.change)
    again = Simulation(real, Chances(real, asked.seed), own).run()
    drawn = Simulation(real, Chances(real, asked.seed, as_it_was=False), own).run()
    try:
        then = Simulation(found.day, Chances(real, asked.seed), own).run()
    except ValueError as error:
        raise NoDay(str(error)) from error
    return Answer(
        day=day,
        change=asked.change,
        threshold=asked.threshold,
        short=asked.short,
        models=found.models,
        gone=found.gone,
        alike=alike(real.meter.visits, again.visits),
        real=_side(real.meter, real.ends, asked),
        again=_side(again, real.ends, asked),
        drawn=_side(drawn, real.ends, asked),
        changed=_side(then, real.ends, asked),
    )


def observed(data: Path, day: str) -> tuple[Day, dict[str, Strategy]]:
    """What happened that day, and the strategies of one's own that its lines had. Raises NoDay."""
    runs = day_runs(data, day)
    began = min(heading.at for run in runs for heading in run.headings if heading.day == day)
    found, own = Day(runs[0].heading.beginning.seed), dict[str, Strategy]()
    for run in runs:
        try:
            of_run = own_strategies(run)
            _observe(run, day, Replay(run.heading.beginning, of_run), found, began, is_last=run is runs[-1])
        except Damaged as error:
            raise NoDay(str(error)) from error
        own |= of_run
    return found, own


def _observe(run: Run, day: str, replay: Replay, found: Day, began: float, *, is_last: bool) -> None:
    """Raises NoDay, Damaged."""
    observer: Observer | None = None
    now = run.heading.now
    for heading, record in run.records():
        shift = heading.at - heading.now - began
        if heading.day == day and observer is None:
            observer = Observer(found, replay.engine, shift)
            observer.begin(heading.now + shift)
        if not replay.step(record) or (isinstance(record, Step) and record.error):
            raise NoDay(f"the engine does not decide that day again as it did: see dzvin replay --day {day}")
        now = record.now
        if observer is not None:
            observer.shift = shift
            observer.take(record)
    if observer is not None:
        observer.end(now, stopped=not is_last)


def _own(change: Change) -> dict[str, Strategy]:
    if change.strategy is None or ":" not in change.strategy:
        return {}
    try:
        return {change.strategy: strategy_of_ones_own(change.strategy)}
    except (ImportError, AttributeError) as error:
        raise NoDay(f"a strategy of one's own cannot be loaded: {error}") from error


def _side(meter: Meter, ends: float, asked: Asked) -> Side:
    lines = sorted({visit.line for visit in meter.visits})
    found = {
        line: figures(
            [visit for visit in meter.visits if visit.line == line], ends, threshold=asked.threshold, short=asked.short
        )
        for line in lines
    }
    found[ALL] = figures(meter.visits, ends, threshold=asked.threshold, short=asked.short)
    return Side(lines=found, occupancy=occupancy(meter))


# ---- for people ------------------------------------------------------------------------------------------------------

COLUMNS = ("real", "again", "drawn", "changed")
NAMES = {
    "offered": "offered",
    "answered": "answered",
    "abandoned": "gave up",
    "left_otherwise": "left otherwise",
    "waiting": "still waiting",
    "answer_mean": "mean wait for an answer, s",
    "answer_p95": "95 % answered within, s",
    "longest_wait": "longest wait, s",
    "service_level": "answered within {:g} s, %",
}


def lines(answer: Answer) -> Iterator[str]:
    yield f"{answer.day}: {in_words(answer.change)}"
    for new, model in answer.models.items():
        yield f"  {new} keeps the hours of {model}"
    for extension in answer.gone:
        yield f"  {extension} is not there"
    yield ""
    yield _row("", COLUMNS)
    sides = [answer.real, answer.again, answer.drawn, answer.changed]
    for line in sorted(answer.real.lines.keys() | answer.changed.lines.keys()):
        yield "all lines" if line == ALL else f"line {line}"
        of_line = [side.lines.get(line) for side in sides]
        for field in fields(Figures):
            values = [None if each is None else getattr(each, field.name) for each in of_line]
            yield _row(f"  {NAMES[field.name].format(answer.threshold)}", [_shown(field.name, v) for v in values])
    yield _row("agents talk or wrap up, %", [_shown("occupancy", side.occupancy) for side in sides])
    yield ""
    yield from _legend(answer)


def _legend(answer: Answer) -> Iterator[str]:
    share = "-" if answer.alike is None else f"{answer.alike * 100:.1f} %"
    yield "real     the day as it was, of the engine's log"
    yield f"again    the same day simulated: {share} of its waits end as they did, with the same agent, within a second"
    yield "drawn    the same, but patience, talks and rings are drawn: how far chance alone leads from the real day"
    yield "changed  what was asked; compare it with again, and believe no difference that is smaller than that to drawn"


def in_words(change: Change) -> str:
    where = "all lines" if change.line is None else f"line {change.line}"
    said = [
        f"{change.agents:+d} agents" if change.agents else "",
        f"strategy {change.strategy}" if change.strategy is not None else "",
        f"wrap-up {change.wrap_up:g} s" if change.wrap_up is not None else "",
    ]
    return f"{', '.join(filter(None, said)) or 'nothing is changed'} in {where}"


def _row(title: str, values: Sequence[str]) -> str:
    return f"{title:<34}" + "".join(f"{value:>11}" for value in values)


def _shown(name: str, value: int | float | None) -> str:
    if value is None:
        return "-"
    if name in ("service_level", "occupancy"):
        return f"{value * 100:.1f}"
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}"
