"""`dzvin replay --day`: whether the queue engine decides a day's inputs as it did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import msgspec

from dzvin.engine_log import FOLDER
from dzvin.engine_log_file import Damaged, Heading, NotALog
from dzvin.engine_log_shelf import Run, runs_of
from queue_engine.dispatcher import strategies_of_ones_own
from queue_engine.input_log import Record, Refusal, Step
from queue_engine.inputs import LineChanged
from queue_engine.replay import Replay
from queue_engine.strategy import Strategy


class NoDay(Exception):
    """There is no log of that day, or none that can be run again; the text says why."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The first difference. `at`: the wall clock, by that of the file's beginning."""

    at: datetime
    record: str
    noted: tuple[str, ...]
    replayed: tuple[str, ...]
    before: tuple[str, ...]


class RunVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Of one run of the core. `earlier`: inputs of the days before, which had to be run again first. `cut`: bytes at
    the end that a kill left half written. `damage`: why what comes behind it could not be read; "": nothing."""

    run: str
    started_at: datetime
    program: str
    settings: str
    inputs: int
    decisions: int
    refusals: int
    earlier: int
    cut: int
    damage: str
    difference: Told | None


class DayVerdict(msgspec.Struct, frozen=True, kw_only=True):
    day: str
    runs: tuple[RunVerdict, ...]

    @property
    def same(self) -> bool:
        return all(run.difference is None for run in self.runs)

    @property
    def sound(self) -> bool:
        return not any(run.damage for run in self.runs)


def replay_day(data: Path, day: str) -> DayVerdict:
    """Raises NoDay."""
    return DayVerdict(day=day, runs=tuple(_replayed(run, day) for run in day_runs(data, day)))


def day_runs(data: Path, day: str) -> list[Run]:
    """Raises NoDay."""
    folder = data / FOLDER
    try:
        runs = runs_of(folder, day)
    except (NotALog, OSError) as error:
        raise NoDay(f"{day} cannot be run again: {error}") from error
    if not runs:
        raise NoDay(f"no log of {day} below {folder}; a day is written as 2026-11-20")
    return runs


def own_strategies(run: Run) -> dict[str, Strategy]:
    """Of all lines that the run had at some time. Raises NoDay for one that cannot be loaded here, Damaged."""
    lines = list(run.heading.beginning.lines)
    for _, record in run.records():
        if isinstance(record, Step) and isinstance(record.given, LineChanged):
            lines.append(record.given.line)
    try:
        return strategies_of_ones_own(lines)
    except (ImportError, AttributeError) as error:
        raise NoDay(f"a strategy of one's own cannot be loaded: {error}") from error


def _replayed(run: Run, day: str) -> RunVerdict:
    damage, earlier, heading = "", 0, run.heading
    replay: Replay | None = None
    try:
        try:
            own = own_strategies(run)
        except Damaged:
            own = strategies_of_ones_own(run.heading.beginning.lines)
        replay = Replay(run.heading.beginning, own)
        for heading, record in run.records():
            if not replay.step(record):
                break
            earlier += isinstance(record, Step) and heading.day != day
    except Damaged as error:
        damage = str(error)
    except ValueError as error:
        raise NoDay(f"the engine cannot be made as it was: {error}") from error
    assert replay is not None
    return RunVerdict(
        run=run.heading.run,
        started_at=wall(run.heading, run.heading.beginning.now),
        program=run.heading.program,
        settings=run.heading.digest,
        inputs=replay.inputs - earlier,
        decisions=replay.decisions,
        refusals=replay.refusals,
        earlier=earlier,
        cut=run.cut,
        damage=damage,
        difference=_told(replay, heading),
    )


def wall(heading: Heading, now: float) -> datetime:
    """The wall clock of a moment of the monotonic one."""
    return datetime.fromtimestamp(heading.at + now - heading.now, UTC)


def _told(replay: Replay, heading: Heading) -> Told | None:
    found = replay.difference
    if found is None:
        return None
    return Told(
        at=wall(heading, found.record.now),
        record=in_words(found.record),
        noted=found.noted,
        replayed=found.replayed,
        before=tuple(f"{wall(heading, record.now):%H:%M:%S.%f} {in_words(record)}" for record in found.before),
    )


def in_words(record: Record) -> str:
    if isinstance(record, Refusal):
        return f"refused by line {record.item.line}: {record.item}"
    return str(record.given)


# ---- for people ------------------------------------------------------------------------------------------------------


def lines(verdict: DayVerdict, zone: tzinfo | None = None) -> Iterator[str]:
    """In that time zone, or this computer's."""
    for run in verdict.runs:
        yield (
            f"run {run.run}, started {run.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}, settings {run.settings}, "
            f"dzvin {run.program}"
        )
        if run.earlier:
            yield f"  {run.earlier:,} inputs of the days before were run again first"
        yield f"  {run.inputs:,} inputs, {run.decisions:,} decisions in all, {run.refusals:,} refusals by a line"
        if run.cut:
            yield f"  the last {run.cut} bytes are half a record: the core was killed there"
        if run.damage:
            yield f"  DAMAGED: {run.damage}; what comes behind it was not compared"
        if run.difference is not None:
            yield from _difference(run.difference, zone)
    inputs = sum(run.inputs for run in verdict.runs)
    if verdict.same and verdict.sound:
        yield f"replay: the same decisions, {inputs:,} inputs compared"
    else:
        yield f"replay: {'DAMAGED' if verdict.same else 'DIFFERENT'}, {inputs:,} inputs compared"


def _difference(found: Told, zone: tzinfo | None) -> Iterator[str]:
    yield f"  DIFFERENT at {found.at.astimezone(zone):%H:%M:%S.%f}, {found.record}"
    for title, decisions in (("that day", found.noted), ("this time", found.replayed)):
        yield f"    {title}:"
        yield from (f"      {decision}" for decision in decisions or ("nothing",))
    yield "    before it (UTC):"
    yield from (f"      {record}" for record in found.before or ("nothing",))
