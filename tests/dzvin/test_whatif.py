"""`dzvin whatif`, as a person and as a program meet it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from typer.testing import CliRunner

from dzvin.cli import app
from dzvin.engine_log import FOLDER, EngineLog
from dzvin.engine_log_file import LogFile, encode_heading
from dzvin.engine_log_shelf import Keeping
from queue_engine.inputs import AgentReachable, ItemArrived
from queue_engine.strategy import View
from queue_engine.work import Line, WorkItem
from tests.queue_engine.desk import one
from tests.queue_engine.noting import NotingEngine
from tests.queue_engine.simulated_day import Day as World

cli = CliRunner()
KYIV = ZoneInfo("Europe/Kyiv")
MORNING = datetime(2026, 11, 20, 7, 0, tzinfo=KYIV).timestamp()
EVENING = MORNING + 13 * 3600.0
DAY = "2026-11-20"
LINES = (Line("7000", ("1001", "1002", "1003"), wrap_up=10.0), Line("7001", ("1003", "1004"), wrap_up=10.0))


def last_of_the_line(view: View) -> Sequence[str]:
    return (view.candidates[-1].extension,)


async def keep(data: Path, engine: NotingEngine, begins_at: float) -> None:
    now = begins_at

    def wall() -> float:
        return now

    log = EngineLog(data / FOLDER, Keeping(days=30, bytes=1 << 30), KYIV, wall)
    log.begins(engine.beginning)
    for record in engine.records:
        now = begins_at + record.now
        log.note(record)
    await log.close()


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A busy day, and a core that was started again in the evening of it."""
    day = NotingEngine(LINES, 0.0, seed=1)
    World(1, day, random.Random(1)).run(600)
    await keep(tmp_path, day, MORNING)
    evening = NotingEngine(LINES, 0.0, seed=2)
    evening.handle(AgentReachable("1001", True), 1.0)
    evening.handle(ItemArrived(WorkItem(one(1), "7000", 2.0)), 2.0)
    await keep(tmp_path, evening, EVENING)
    return tmp_path


def asked(data: Path, *arguments: str, day: str = DAY) -> tuple[int, str]:
    result = cli.invoke(app, ["whatif", "--day", day, "--data", str(data), *arguments])
    return result.exit_code, result.output


def answer(data: Path, *arguments: str) -> dict[str, Any]:
    code, output = asked(data, "--json", *arguments)
    assert code == 0, output
    found: dict[str, Any] = msgspec.json.decode(output)
    return found


async def test_more_agents_answer_sooner_and_the_unchanged_day_is_as_it_was(data: Path) -> None:
    told = answer(data, "--agents", "+2")
    assert told["alike"] > 0.99
    for figure, real in told["real"]["lines"]["all"].items():
        assert told["again"]["lines"]["all"][figure] == pytest.approx(real, rel=0.01), figure
    assert told["changed"]["lines"]["all"]["answered"] > told["again"]["lines"]["all"]["answered"]
    assert told["changed"]["lines"]["all"]["answer_mean"] < told["again"]["lines"]["all"]["answer_mean"]
    assert told["changed"]["occupancy"] < told["again"]["occupancy"]
    assert list(told["models"]) == ["added-1", "added-2"]


async def test_fewer_agents_in_one_line_are_that_lines(data: Path) -> None:
    told = answer(data, "--agents", "-1", "--line", "7001")
    assert told["gone"] == ["1004"]
    assert told["changed"]["lines"]["7001"]["answered"] < told["again"]["lines"]["7001"]["answered"]


async def test_a_longer_wrap_up_makes_waits_longer(data: Path) -> None:
    told = answer(data, "--wrap-up", "120")
    assert told["changed"]["lines"]["all"]["answer_mean"] > told["again"]["lines"]["all"]["answer_mean"]


@pytest.mark.parametrize("strategy", ["random", "tests.dzvin.test_whatif:last_of_the_line"])
async def test_another_strategy_asks_others(data: Path, strategy: str) -> None:
    told = answer(data, "--strategy", strategy)
    assert told["change"]["strategy"] == strategy
    assert told["changed"] != told["again"]


async def test_a_table_for_people(data: Path) -> None:
    code, output = asked(data, "--agents", "+1", "--threshold", "30")
    assert code == 0
    assert "2026-11-20: +1 agents in all lines" in output
    assert "added-1 keeps the hours of" in output
    assert output.count("answered within 30 s, %") == 3, "two lines, and all of them"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--line", "7999"), "there was no line 7999"),
        (("--agents", "-4"), "nobody would be left"),
        (("--strategy", "fairest"), "no strategy fairest"),
        (("--strategy", "no_such_module:f"), "cannot be loaded: No module named 'no_such_module'"),
    ],
)
async def test_what_makes_no_sense_ends_with_status_2(data: Path, arguments: tuple[str, ...], words: str) -> None:
    code, output = asked(data, *arguments)
    assert (code, words in output) == (2, True), output


async def test_a_damaged_day_is_not_simulated(data: Path) -> None:
    path = min((data / FOLDER).iterdir())
    content = bytearray(path.read_bytes())
    content[-5_000] ^= 1
    path.write_bytes(content)
    assert asked(data)[0] == 2


async def test_a_day_that_is_decided_otherwise_now_is_not_simulated(data: Path) -> None:
    """What would be read off it would be another day's."""
    path = min((data / FOLDER).iterdir())
    heading = LogFile(path).heading()
    slower = tuple(replace(line, ring_timeout=7.0) for line in heading.beginning.lines)
    changed = replace(heading, beginning=replace(heading.beginning, lines=slower))
    path.write_bytes(encode_heading(changed) + path.read_bytes()[len(encode_heading(heading)) :])
    code, output = asked(data)
    assert (code, "does not decide that day again as it did" in output) == (2, True)


def test_a_day_of_which_nothing_is_there_is_told(tmp_path: Path) -> None:
    code, output = asked(tmp_path)
    assert (code, "no log of 2026-11-20" in output) == (2, True)


async def test_a_day_that_began_in_the_midst_of_a_run_begins_with_agents_as_they_were(tmp_path: Path) -> None:
    """A core that was started in the evening before: its agents registered then, and never again."""
    run = NotingEngine(LINES, 0.0, seed=1)
    World(1, run, random.Random(1)).run(600)
    await keep(tmp_path, run, MORNING - 15 * 3600.0 + 1.0)
    code, output = asked(tmp_path, "--json")
    assert code == 0, output
    told = msgspec.json.decode(output)
    assert told["real"]["lines"]["all"]["answered"] > 50
    assert told["alike"] > 0.85, "who waited at midnight is not simulated, and moves others"
    assert told["again"]["occupancy"] == pytest.approx(told["real"]["occupancy"], rel=0.05)
