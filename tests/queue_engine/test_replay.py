"""A log of inputs gives the same decisions again, and a different engine is found out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from dzvin.engine_log_file import as_record, as_written
from queue_engine.engine import Engine
from queue_engine.input_log import Beginning, Refusal, Step
from queue_engine.inputs import AgentReachable, ItemArrived
from queue_engine.reasons import AgentCondition, LeaveReason
from queue_engine.replay import CONTEXT, Replay
from queue_engine.strategy import View
from queue_engine.work import Line, WorkItem
from tests.queue_engine.desk import one
from tests.queue_engine.line_machine import LineMachine
from tests.queue_engine.noting import NotingEngine
from tests.queue_engine.simulated_day import Day, lines

OWN = "tests.queue_engine.test_replay:breaks"


def breaks(view: View) -> Sequence[str]:
    raise LookupError(view)


class NotedMachine(LineMachine):
    made_of = NotingEngine

    def teardown(self) -> None:
        assert isinstance(self.engine, NotingEngine)
        replay = Replay(self.engine.beginning)
        assert replay.run(as_record(as_written(record)) for record in self.engine.records) is None
        assert replay.inputs == len(self.engine.records)


def test_every_random_day_is_decided_the_same_way_again() -> None:
    run_state_machine_as_test(NotedMachine, settings=settings(max_examples=30, stateful_step_count=50, deadline=None))


def a_day(seed: int = 1) -> NotingEngine:
    engine = NotingEngine(lines(12), 0.0, seed=seed)
    Day(seed, engine, random.Random(seed)).run(300)
    return engine


def test_another_setting_of_a_line_is_a_difference() -> None:
    day = a_day()
    first, *others = day.beginning.lines
    replay = Replay(replace(day.beginning, lines=(replace(first, wrap_up=first.wrap_up + 30), *others)))
    found = replay.run(day.records)
    assert found is not None
    assert found.noted != found.replayed
    assert len(found.before) == CONTEXT


def test_another_seed_is_a_difference() -> None:
    day = a_day()
    assert Replay(replace(day.beginning, seed=2)).run(day.records) is not None


def test_an_input_that_is_missing_is_a_difference() -> None:
    day = a_day()
    del day.records[100]
    assert Replay(day.beginning).run(day.records) is not None


def test_a_decision_that_nobody_made_is_a_difference() -> None:
    day = a_day()
    at, step = next((at, step) for at, step in enumerate(day.records) if isinstance(step, Step) and step.decisions)
    day.records[at] = replace(step, decisions=())
    found = Replay(day.beginning).run(day.records)
    assert found is not None
    assert found.record is day.records[at]
    assert found.noted == ()


def test_a_refusal_is_compared_with_what_the_line_would_say() -> None:
    line = Line("7000", ("1001",), join_empty=frozenset({AgentCondition.UNREACHABLE}))
    refusal = Refusal(1.0, WorkItem(one(1), "7000", 1.0), LeaveReason.NO_AGENTS)
    begun = Beginning(0.0, 0, (line,))
    assert Replay(begun).run([refusal]) is None
    came = Step(0.5, AgentReachable("1001", True), Engine((line,), 0.0).handle(AgentReachable("1001", True), 0.5))
    found = Replay(begun).run([came, refusal])
    assert found is not None
    assert (found.noted, found.replayed) == (("no_agents",), ("let in",))


def test_a_strategy_of_ones_own_that_fails_fails_alike() -> None:
    """What an exception says of itself may hold an address of memory."""
    engine = NotingEngine([Line("7000", ("1001",), strategy=OWN)], 0.0, own={OWN: breaks})
    engine.handle(AgentReachable("1001", True), 0.0)
    engine.handle(ItemArrived(WorkItem(one(1), "7000", 1.0)), 1.0)

    def breaks_otherwise(view: View) -> Sequence[str]:
        raise LookupError("another text")

    assert Replay(engine.beginning, {OWN: breaks_otherwise}).run(engine.records) is None
    assert Replay(engine.beginning, {OWN: lambda view: ["1001"]}).run(engine.records) is not None


def test_an_engine_that_raised_raises_alike() -> None:
    day = a_day()
    nobody = Step(99_999.0, ItemArrived(WorkItem(one(1), "7999", 0.0)), error="ValueError('no line 7999')")
    assert Replay(day.beginning).run([*day.records, nobody]) is None
    assert Replay(day.beginning).run([*day.records, replace(nobody, error="KeyError('7999')")]) is not None
