"""The engine's log on disk, and `dzvin replay --day` as a person and as a program meet it."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from typer.testing import CliRunner

from dzvin.cli import app
from dzvin.engine_log import FOLDER, EngineLog
from dzvin.engine_log_file import MAGIC, Damaged, LogFile, encode_heading, frame
from dzvin.engine_log_shelf import Keeping, Name, clear, names
from queue_engine.dispatcher import Dispatcher
from queue_engine.input_log import Beginning, Record, Step
from queue_engine.inputs import ItemArrived, TimePassed
from queue_engine.work import Line
from tests.queue_engine.desk import one
from tests.queue_engine.noting import NotingEngine
from tests.queue_engine.simulated_day import Day, lines

cli = CliRunner()
KYIV = ZoneInfo("Europe/Kyiv")
MORNING = datetime(2026, 11, 20, 8, 0, tzinfo=KYIV).timestamp()
DAY = "2026-11-20"
NEXT_DAY = "2026-11-21"
PLENTY = Keeping(days=30, bytes=1 << 30)
HOURS = 3600.0
EVENING = MORNING + 10 * HOURS


class Wall:
    """A wall clock that goes with the monotonic times of what is noted."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def noted(tmp_path: Path, wall: Wall) -> AsyncIterator[EngineLog]:
    log = EngineLog(tmp_path / FOLDER, PLENTY, KYIV, wall)
    yield log
    await log.close()


def a_day(items: int = 100) -> NotingEngine:
    engine = NotingEngine(lines(12), 0.0, seed=1)
    Day(1, engine, random.Random(1)).run(items)
    return engine


def note(log: EngineLog, wall: Wall, records: Sequence[Record], begins_at: float = MORNING) -> None:
    for record in records:
        wall.now = begins_at + record.now
        log.note(record)


async def kept_day(tmp_path: Path, wall: Wall, *, begins_at: float = MORNING) -> Path:
    """The file of one day of one run."""
    wall.now = begins_at
    log = EngineLog(tmp_path / FOLDER, PLENTY, KYIV, wall)
    day = a_day()
    log.begins(day.beginning)
    note(log, wall, day.records, begins_at)
    await log.close()
    return list(names(tmp_path / FOLDER).values())[-1]


def nameless(record: Record) -> Record:
    """Keys are written otherwise, on purpose."""
    if isinstance(record, Step) and isinstance(record.given, ItemArrived):
        return replace(record, given=ItemArrived(replace(record.given.item, key=None)))
    return record


def replayed(data: Path, *arguments: str, day: str = DAY) -> tuple[int, str]:
    result = cli.invoke(app, ["replay", "--day", day, "--data", str(data), *arguments])
    return result.exit_code, result.output


# ---- what is written -------------------------------------------------------------------------------------------------


async def test_what_is_noted_is_read_again(noted: EngineLog, wall: Wall, tmp_path: Path) -> None:
    day = a_day()
    noted.begins(day.beginning)
    note(noted, wall, day.records)
    (path,) = names(tmp_path / FOLDER).values()
    file = LogFile(path)
    assert file.heading().beginning == day.beginning
    assert [nameless(record) for record in file.records()] == [nameless(record) for record in day.records]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_dispatcher_notes_before_anybody_hears_of_a_decision(noted: EngineLog, tmp_path: Path) -> None:
    dispatcher = Dispatcher([Line("7000", ("1001",))], seed=7, noted=noted)
    dispatcher.reachable("1001", True)
    place = dispatcher.enter(one(1), "7000")
    place.leave()
    dispatcher.close()
    (path,) = names(tmp_path / FOLDER).values()
    kinds = [type(record.given).__name__ for record in LogFile(path).records() if isinstance(record, Step)]
    assert kinds == ["AgentReachable", "ItemArrived", "ItemLeft"]
    today = path.name.partition(".")[0]
    assert replayed(tmp_path, day=today)[0] == 0


async def test_each_local_day_has_a_file_and_replays_from_the_start_of_its_run(tmp_path: Path, wall: Wall) -> None:
    await kept_day(tmp_path, wall, begins_at=EVENING)
    first, second = names(tmp_path / FOLDER).items()
    assert [(name.day, name.part) for name in (first[0], second[0])] == [(DAY, 0), (NEXT_DAY, 1)]
    earlier = len(list(LogFile(first[1]).records()))
    code, output = replayed(tmp_path, day=NEXT_DAY)
    assert (code, f"  {earlier} inputs of the days before were run again first" in output) == (0, True)
    first[1].unlink()
    code, output = replayed(tmp_path, day=NEXT_DAY)
    assert (code, "part 0 of this run is missing" in output) == (2, True)


async def test_a_wall_clock_that_is_set_back_begins_no_other_day(noted: EngineLog, wall: Wall, tmp_path: Path) -> None:
    wall.now = EVENING
    noted.begins(Beginning(0.0, 0, (Line("7000", ("1001",)),)))
    for hours in (5.0, 6.5, 7.5):
        wall.now = EVENING + hours * HOURS - HOURS
        noted.note(Step(hours * HOURS, TimePassed()))
    assert [(name.day, name.part) for name in names(tmp_path / FOLDER)] == [(DAY, 0), (NEXT_DAY, 1)]
    assert len(list(LogFile(next(iter(names(tmp_path / FOLDER).values()))).records())) == 2


async def test_numbers_of_people_stay_out_and_the_decisions_are_the_same(
    noted: EngineLog, wall: Wall, tmp_path: Path
) -> None:
    day = a_day()  # its items have telephone numbers for keys, by which places are kept
    noted.begins(day.beginning)
    keyed = NotingEngine(day.beginning.lines, 0.0, seed=1)
    for record in day.records:
        assert isinstance(record, Step)
        given = record.given
        if isinstance(given, ItemArrived):
            given = ItemArrived(replace(given.item, key="+380441234567"))
        noted.note(Step(record.now, given, keyed.handle(given, record.now)))
    (path,) = names(tmp_path / FOLDER).values()
    assert b"+380441234567" not in path.read_bytes()
    assert replayed(tmp_path)[0] == 0


# ---- bounds and faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), None])
async def test_a_full_disk_switches_the_log_off_and_what_was_noted_replays(
    noted: EngineLog, wall: Wall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError | None
) -> None:
    day = a_day()
    noted.begins(day.beginning)
    note(noted, wall, day.records[:50])
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if fault is not None:
            raise fault
        return write(descriptor, data[:10])  # the rest found no room

    monkeypatch.setattr(os, "write", full)
    note(noted, wall, day.records[50:60])
    monkeypatch.undo()
    note(noted, wall, day.records[60:])
    assert noted.is_off
    code, output = replayed(tmp_path)
    assert (code, "replay: the same decisions, 50 inputs compared" in output) == (0, True)


async def test_a_run_that_reaches_the_bound_is_noted_no_further(tmp_path: Path, wall: Wall) -> None:
    log = EngineLog(tmp_path / FOLDER, Keeping(days=30, bytes=20_000), KYIV, wall)
    day = a_day()
    log.begins(day.beginning)
    note(log, wall, day.records)
    assert log.is_off
    (path,) = names(tmp_path / FOLDER).values()
    assert path.stat().st_size <= 20_000
    await log.close()


async def test_a_folder_that_cannot_be_made_costs_no_call(tmp_path: Path, wall: Wall) -> None:
    (tmp_path / FOLDER).write_text("a file is in the way")
    log = EngineLog(tmp_path / FOLDER, PLENTY, KYIV, wall)
    dispatcher = Dispatcher([Line("7000", ("1001",))], noted=log)
    dispatcher.reachable("1001", True)
    assert log.is_off
    dispatcher.close()
    await log.close()


def test_whole_runs_go_by_age_and_by_size_and_never_the_one_that_goes_on(tmp_path: Path) -> None:
    kept = [("2026-10-01", "a", 0), ("2026-10-02", "b", 0), ("2026-11-20", "b", 1), ("2026-11-19", "c", 0)]
    old = ("2026-10-01", "d", 0)
    for name in (*kept, old):
        (tmp_path / Name(*name).text).write_bytes(bytes(100))
    clear(tmp_path, Keeping(days=30, bytes=300), date(2026, 11, 20), running="d")
    assert [tuple(name) for name in names(tmp_path)] == [old, *kept[1:2], kept[3], kept[2]]
    clear(tmp_path, Keeping(days=30, bytes=150), date(2026, 11, 20), running="d")
    assert [tuple(name) for name in names(tmp_path)] == [old, kept[3]]


# ---- dzvin replay --day ----------------------------------------------------------------------------------------------


async def test_the_same_decisions_end_with_status_0(tmp_path: Path, wall: Wall) -> None:
    await kept_day(tmp_path, wall)
    code, output = replayed(tmp_path)
    assert code == 0
    assert f"replay: the same decisions, {len(a_day().records)} inputs compared" in output


async def test_several_starts_of_a_day_are_compared_each(tmp_path: Path, wall: Wall) -> None:
    await kept_day(tmp_path, wall)
    await kept_day(tmp_path, wall, begins_at=MORNING + 2 * HOURS)
    code, output = replayed(tmp_path, "--json")
    assert code == 0
    assert [run["difference"] for run in msgspec.json.decode(output)["runs"]] == [None, None]


async def test_a_changed_setting_in_the_heading_is_a_difference(tmp_path: Path, wall: Wall) -> None:
    path = await kept_day(tmp_path, wall)
    heading = LogFile(path).heading()
    first, *others = heading.beginning.lines
    begun = replace(heading.beginning, lines=(replace(first, ring_timeout=7.0), *others))
    after = path.read_bytes()[len(encode_heading(heading)) :]
    path.write_bytes(encode_heading(replace(heading, beginning=begun)) + after)
    code, output = replayed(tmp_path)
    assert code == 1
    assert "DIFFERENT at" in output
    assert output.count("that day:") == output.count("this time:") == output.count("before it") == 1


async def test_an_end_that_a_kill_cut_off_is_told_and_no_difference(tmp_path: Path, wall: Wall) -> None:
    path = await kept_day(tmp_path, wall)
    path.write_bytes(path.read_bytes()[:-5])
    code, output = replayed(tmp_path)
    assert (code, "half a record" in output) == (0, True)
    assert f"{len(a_day().records) - 1} inputs compared" in output


@pytest.mark.parametrize("back", [3, 5_000])
async def test_every_flipped_byte_is_told(tmp_path: Path, wall: Wall, back: int) -> None:
    path = await kept_day(tmp_path, wall)
    content = bytearray(path.read_bytes())
    content[-back] ^= 0x10
    path.write_bytes(content)
    code, output = replayed(tmp_path)
    assert (code, "DAMAGED" in output) == (2, True)


async def test_no_flipped_bit_of_a_record_is_read_as_something_else(tmp_path: Path, wall: Wall) -> None:
    path = await kept_day(tmp_path, wall)
    records = list(LogFile(path).records())
    content = path.read_bytes()
    for offset in range(len(content) - 400, len(content)):
        flipped = bytearray(content)
        flipped[offset] ^= 1 << offset % 8
        path.write_bytes(flipped)
        with pytest.raises(Damaged):
            for record, was in zip(LogFile(path).records(), records, strict=True):
                assert record == was


async def test_a_log_without_its_beginning_is_told(tmp_path: Path, wall: Wall) -> None:
    path = await kept_day(tmp_path, wall)
    path.write_bytes(path.read_bytes()[len(encode_heading(LogFile(path).heading())) :])
    code, output = replayed(tmp_path)
    assert (code, "it has no beginning" in output) == (2, True)


async def test_a_version_of_tomorrow_is_told(tmp_path: Path, wall: Wall) -> None:
    path = await kept_day(tmp_path, wall)
    path.write_bytes(frame(msgspec.msgpack.encode((MAGIC, 2, {}))))
    code, output = replayed(tmp_path)
    assert (code, "version 2 of the log; this program knows version 1" in output) == (2, True)


def test_a_day_of_which_nothing_is_there_is_told(tmp_path: Path) -> None:
    code, output = replayed(tmp_path)
    assert (code, "no log of 2026-11-20" in output) == (2, True)


@pytest.mark.parametrize("arguments", [[], ["0191b2c3", "--day", DAY]])
def test_a_call_or_a_day_is_to_be_said(arguments: list[str], tmp_path: Path) -> None:
    result = cli.invoke(app, ["replay", *arguments, "--data", str(tmp_path)])
    assert (result.exit_code, "say either a call or --day" in result.output) == (2, True)


async def test_a_strategy_of_ones_own_is_loaded_by_its_name(noted: EngineLog, tmp_path: Path, wall: Wall) -> None:
    begun = Beginning(0.0, 0, (Line("7000", ("1001",), strategy="no_such_module:strategy"),))
    noted.begins(begun)
    code, output = replayed(tmp_path)
    assert (code, "cannot be loaded: No module named 'no_such_module'" in output) == (2, True)
