"""A day that was, simulated: unchanged it is the same day, and changed it tells what such a world would have done."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from queue_engine.facts import Will
from queue_engine.input_log import Refusal
from queue_engine.inputs import (
    AgentLegs,
    AgentLines,
    AgentReachable,
    AgentWill,
    Input,
    ItemArrived,
    ItemChanged,
    ItemLeft,
    LineChanged,
    LineOpened,
    OfferRefused,
    OfferTaken,
    ServiceEnded,
    TimePassed,
    WrapUpEnded,
    WrapUpExtended,
)
from queue_engine.reasons import AgentCondition, LeaveReason, RefusalCause
from queue_engine.whatif.changes import CannotChange, Change, changed
from queue_engine.whatif.day import Day, Limit, OwnCall
from queue_engine.whatif.figures import alike, figures, occupancy
from queue_engine.whatif.meter import Meter, Visit, agent_of
from queue_engine.whatif.patience import GaveUp
from queue_engine.work import ItemKind, Line, WorkItem
from tests.queue_engine.desk import one
from tests.queue_engine.line_machine import LineMachine
from tests.queue_engine.noting import NotingEngine
from tests.queue_engine.random_lines import AGENTS
from tests.queue_engine.simulated_day import lines
from tests.queue_engine.what_happened import a_world, observed, of, one_line, simulated, told

LINE = Line("7000", ("1001",), wrap_up=10.0)
OTHER = Line("7001", ("1002",))
HERE = (0.0, AgentReachable("1001", True))


def comes(at: float, number: int, line: str = "7000") -> tuple[float, Input]:
    return (at, ItemArrived(WorkItem(one(number), line, at)))


def a_day(*given: tuple[float, Input], line: Line = LINE, ends: float | None = None) -> Day:
    return observed(told(NotingEngine((line, OTHER), 0.0), *given), ends=ends)


def ends_of(meter: Meter) -> list[tuple[float, LeaveReason | None, str | None]]:
    return [(visit.left_at or 0.0, visit.reason, visit.extension) for visit in meter.visits]


# ---- the whole -------------------------------------------------------------------------------------------------------


def test_an_unchanged_day_is_the_same_day() -> None:
    """Every wait ends as it did: strategies that draw, rings that were cut off, resumed places and all."""
    day = observed(a_world(*lines(12), items=800))
    again = simulated(day)
    assert alike(day.meter.visits, again.visits) == 1.0
    assert of(again, day) == of(day.meter, day)
    assert occupancy(again) == pytest.approx(occupancy(day.meter))


def test_with_everything_drawn_the_figures_are_near() -> None:
    days = [observed(a_world(one_line(8), seed=seed, items=700)) for seed in range(2)]
    for figure, tolerance in (("answered", 0.04), ("answer_mean", 0.15), ("service_level", 0.06)):
        real = mean(getattr(of(day.meter, day), figure) for day in days)
        drawn = mean(getattr(of(simulated(day, as_it_was=False), day), figure) for day in days)
        assert drawn == pytest.approx(real, rel=tolerance), figure


@pytest.mark.parametrize(("agents", "more"), [(6, 2), (8, -2)])
def test_other_agents_do_what_a_world_with_so_many_does(agents: int, more: int) -> None:
    """Two days on average; a single day of such a world is 15 % from another."""
    said, done = [], []
    for seed in (1, 2):
        day = observed(a_world(one_line(agents), seed=seed, items=600))
        said.append(of(simulated(changed(day, Change(agents=more)).day, day), day))
        there = observed(a_world(one_line(agents + more), seed=seed, items=600))
        done.append(of(there.meter, there))
    assert mean(each.answer_mean or 0 for each in said) == pytest.approx(
        mean(e.answer_mean or 0 for e in done), rel=0.25
    )
    assert mean(each.answered for each in said) == pytest.approx(mean(each.answered for each in done), rel=0.06)


def test_more_agents_make_waits_shorter_on_a_busy_day() -> None:
    day = observed(a_world(one_line(4), items=800))
    real, more = of(day.meter, day), of(simulated(changed(day, Change(agents=2)).day, day), day)
    assert more.answered > real.answered
    assert more.abandoned < real.abandoned
    assert (more.answer_mean or 0) < (real.answer_mean or 0)


def test_the_same_seed_gives_the_same_answer() -> None:
    day = observed(a_world(one_line(4)))
    then = changed(day, Change(agents=1)).day
    assert simulated(then, day).visits == simulated(then, day).visits


class ObservedMachine(LineMachine):
    """Whatever happens in a few lines, and whatever is changed of it: the day can be simulated."""

    made_of = NotingEngine

    def teardown(self) -> None:
        assert isinstance(self.engine, NotingEngine)
        day = observed(self.engine, ends=self.now)
        for then in (
            day,
            changed(day, Change(agents=1, strategy="ring_all")).day if any(day.staffed().values()) else day,
        ):
            for as_it_was in (True, False):
                meter = simulated(then, day, as_it_was=as_it_was)
                assert {visit.item_id for visit in meter.visits} == {caller.item.item_id for caller in day.callers}
                assert all((visit.left_at or day.ends) >= visit.entered_at for visit in meter.visits)
                assert sum(meter.busy.values()) + sum(meter.idle.values()) <= len(AGENTS) * 2 * day.ends + 0.1


def test_every_random_day_can_be_simulated() -> None:
    few = settings(max_examples=15, stateful_step_count=50, deadline=None)
    run_state_machine_as_test(ObservedMachine, settings=few)


# ---- what is read off a day ------------------------------------------------------------------------------------------


def test_who_gave_up_is_known_and_who_was_answered_has_endured_so_long() -> None:
    day = a_day(
        HERE, comes(1, 1), (4, OfferTaken(one(1), "1001")), comes(5, 2), (30, ItemLeft(one(2))),
        (64, ServiceEnded(one(1), "1001")),
    )  # fmt: skip
    answered, impatient = day.callers
    assert (answered.gave_up, answered.endured, answered.talk) == (None, 3.0, 60.0)
    assert impatient.gave_up == GaveUp(25.0, LeaveReason.ABANDONED)
    assert [(ring.seconds, ring.cause, ring.cut) for ring in answered.rings["1001"]] == [(3.0, None, False)]


def test_a_ring_that_the_caller_cut_off_is_known_to_have_lasted_so_long_at_least() -> None:
    day = a_day(HERE, comes(1, 1), (9, ItemLeft(one(1))))
    assert [(ring.seconds, ring.cut) for ring in day.callers[0].rings["1001"]] == [(8.0, True)]


def test_a_wrap_up_that_the_agent_ended_or_prolonged_is_the_callers() -> None:
    for word, seconds in ((WrapUpEnded("1001"), 4.0), (WrapUpExtended("1001", 100.0), 69.0)):
        day = a_day(
            HERE, comes(1, 1), (4, OfferTaken(one(1), "1001")), (31, ServiceEnded(one(1), "1001")), (35, word),
            comes(120, 2),
        )  # fmt: skip
        assert day.callers[0].wrap_up == seconds
        assert simulated(day).busy == pytest.approx(day.meter.busy)


def test_a_call_that_came_from_no_line_keeps_the_agent_busy_in_the_simulation_too() -> None:
    day = a_day(
        HERE, (5, AgentLegs("1001", 1)), comes(10, 1), (50, AgentLegs("1001", 0)), (53, OfferTaken(one(1), "1001")),
        (60, ServiceEnded(one(1), "1001")),
    )  # fmt: skip
    assert day.own_calls == [OwnCall("1001", 5.0, 45.0)]
    assert ends_of(simulated(day)) == [(53.0, LeaveReason.ANSWERED, "1001")]


def test_an_own_call_waits_for_the_end_of_a_talk() -> None:
    day = a_day(
        HERE, comes(1, 1), (2, OfferTaken(one(1), "1001")), (30, ServiceEnded(one(1), "1001")), comes(31, 2),
        (60, OfferTaken(one(2), "1001")), (90, ServiceEnded(one(2), "1001")), line=replace(LINE, wrap_up=0.0),
        ends=200.0,
    )  # fmt: skip
    day.own_calls = [OwnCall("1001", 10.0, 100.0)]
    day.callers[1].gave_up = None
    assert [left_at for left_at, *_ in ends_of(simulated(day))] == [2.0, 130.0 + 29.0]


def test_a_line_that_sends_people_on_does_so_in_the_simulation() -> None:
    """The time that a line waits, and where it sends people, are the call's business and not the engine's: both are
    read off the day."""
    day = a_day(
        comes(1, 1), (41, ItemLeft(one(1), LeaveReason.OVERFLOWED)), comes(41, 1, "7001"), (70, ItemLeft(one(1))),
    )  # fmt: skip
    assert day.limits == {"7000": Limit(40.0, LeaveReason.OVERFLOWED)}
    assert len(day.callers) == 1
    assert day.callers[0].gave_up == GaveUp(69.0, LeaveReason.ABANDONED)
    assert ends_of(simulated(day)) == [(41.0, LeaveReason.OVERFLOWED, None), (70.0, LeaveReason.ABANDONED, None)]


def test_a_line_that_nobody_had_to_leave_lets_wait_as_long_as_it_is_set() -> None:
    """A day with short waits says nothing of it, and one with fewer agents has long ones."""
    line = replace(LINE, goes_on_after=40.0, goes_on_to="7001")
    day = a_day(comes(1, 1), (31, ItemLeft(one(1))), line=line, ends=100.0)
    day.callers[0].gave_up = GaveUp(69.0, LeaveReason.ABANDONED)
    assert ends_of(simulated(day)) == [(41.0, LeaveReason.OVERFLOWED, None), (70.0, LeaveReason.ABANDONED, None)]


def test_lines_that_send_people_to_each_other_and_take_nobody_do_so_once() -> None:
    lines = [replace(line, join_empty=frozenset({AgentCondition.UNREACHABLE})) for line in (LINE, OTHER)]
    engine = NotingEngine((replace(lines[0], goes_on_to="7001"), replace(lines[1], goes_on_to="7000")), 0.0)
    engine.records.append(Refusal(1.0, WorkItem(one(1), "7000", 1.0), LeaveReason.NO_AGENTS))
    assert [visit.line for visit in simulated(observed(engine, ends=100.0)).visits] == ["7000", "7001"]


def test_who_was_answered_before_asking_for_a_callback_is_not_called_back() -> None:
    callback = WorkItem(one(9), "7000", 1.0, ItemKind.CALLBACK)
    day = a_day(
        comes(1, 1), (31, ItemArrived(callback)), (31, ItemLeft(one(1), LeaveReason.CALLBACK)),
        (60, AgentReachable("1001", True)), (65, OfferTaken(one(9), "1001")), (95, ServiceEnded(one(9), "1001")),
        ends=200.0,
    )  # fmt: skip
    assert [reason for _, reason, _ in ends_of(simulated(day))] == [LeaveReason.CALLBACK, LeaveReason.ANSWERED]
    day.told.append(HERE)
    assert [reason for _, reason, _ in ends_of(simulated(day))] == [LeaveReason.ANSWERED]


def test_a_slow_agent_talks_longer_with_the_callers_of_a_quick_one_who_is_not_there() -> None:
    """40 talks each, of 60 and of 180 seconds."""
    line = Line("7000", ("1001", "1002"), strategy="fewest_calls")
    given: list[tuple[float, Input]] = [(0.0, AgentReachable(agent, True)) for agent in line.agents]
    for number in range(80):
        agent, at = line.agents[number % 2], 400.0 * number
        given += [comes(at, number + 1), (at + 2, OfferTaken(one(number + 1), agent))]
        given.append((at + 62 + 120 * (number % 2), ServiceEnded(one(number + 1), agent)))
    day = a_day(*given, line=line, ends=40_000.0)
    assert simulated(day).busy == pytest.approx({"1001": 2400.0, "1002": 7200.0})
    alone = simulated(replace(day, lines=(replace(line, agents=("1002",)), OTHER)), day)
    assert alone.busy["1002"] == pytest.approx(2 * 7200.0, rel=0.15)


def test_whom_a_supervisor_moved_is_moved_in_the_simulation() -> None:
    day = a_day(
        comes(1, 1), (10, ItemChanged(one(1), line="7001")), (20, AgentReachable("1002", True)),
        (25, OfferTaken(one(1), "1002")), ends=30.0,
    )  # fmt: skip
    assert ends_of(simulated(day)) == ends_of(day.meter)
    assert [visit.line for visit in simulated(day).visits] == ["7000", "7001"]


def test_a_callback_whose_party_has_answered_waits_on_as_a_caller_in_the_simulation() -> None:
    callback = WorkItem(one(1), "7000", 1.0, ItemKind.CALLBACK)
    day = a_day(
        (1.0, ItemArrived(callback)), (5.0, ItemArrived(replace(callback, kind=ItemKind.CALL))),
        (9.0, ItemLeft(one(1))), comes(10.0, 2), (12.0, ItemLeft(one(2))), ends=20.0,
    )  # fmt: skip
    assert len(day.callers) == len(day.meter.visits) == 2
    assert ends_of(simulated(day)) == ends_of(day.meter)


def test_whom_we_are_to_call_never_gives_up() -> None:
    callback = WorkItem(one(1), "7000", 1.0, ItemKind.CALLBACK)
    impatient = [pair for n in range(2, 40) for pair in (comes(n, n), (n + 1.0, ItemLeft(one(n))))]
    day = a_day((1.0, ItemArrived(callback)), *impatient, ends=10_000.0)
    assert (simulated(day, as_it_was=False).visits[0]).reason is None


def test_whom_a_line_did_not_let_in_tries_again_in_the_simulation() -> None:
    line = replace(LINE, join_empty=frozenset({AgentCondition.UNREACHABLE}))
    engine = NotingEngine((line, OTHER), 0.0)
    engine.records.append(Refusal(1.0, WorkItem(one(1), "7000", 1.0), LeaveReason.NO_AGENTS))
    day = observed(engine, ends=100.0)
    assert ends_of(simulated(day)) == [(1.0, LeaveReason.NO_AGENTS, None)]
    day.told = [(0.0, AgentReachable("1001", True))]
    assert [reason for _, reason, _ in ends_of(simulated(day))] == [LeaveReason.ANSWERED]


def test_a_pause_that_the_engine_made_lasts_as_long_as_one_of_that_day() -> None:
    line = replace(LINE, auto_pause_after=1, retry_after=0.0)
    day = a_day(
        HERE, comes(1, 1), (21, OfferRefused(one(1), "1001", RefusalCause.NO_ANSWER)),
        (81, AgentWill("1001", Will.READY)), (85, OfferTaken(one(1), "1001")), line=line,
    )  # fmt: skip
    assert day.pauses == [60.0]
    day.told = [(at, given) for at, given in day.told if not isinstance(given, AgentWill)]
    assert ends_of(simulated(day)) == [(85.0, LeaveReason.ANSWERED, "1001")]


def test_where_the_core_stopped_everybody_is_cut_off() -> None:
    first = told(NotingEngine((LINE, OTHER), 0.0), HERE, comes(1, 1), (2, OfferTaken(one(1), "1001")), comes(3, 2))
    day = observed(first, ends=50.0, stopped=True)
    second = told(
        NotingEngine((replace(LINE, wrap_up=3.0), OTHER), 60.0), (60, AgentReachable("1001", True)), comes(61, 3)
    )
    day = observed(second, ends=90.0, day=day)
    assert day.stops == [50.0]
    assert [visit.reason for visit in day.meter.visits] == [LeaveReason.ANSWERED, LeaveReason.TECHNICAL, None]
    assert (60.0, LineChanged(replace(LINE, wrap_up=3.0))) in day.told
    assert ends_of(simulated(day))[1] == (50.0, LeaveReason.TECHNICAL, None)


def test_a_day_begins_with_what_agents_were_at_midnight() -> None:
    engine = told(
        NotingEngine((LINE, OTHER), 0.0), HERE, (1, AgentWill("1001", Will.ON_DEMAND)), (2, LineOpened("7001", False))
    )
    engine.beginning = replace(engine.beginning, lines=(LINE, OTHER))
    day = observed(engine)
    assert {type(given) for _, given in day.told} >= {AgentReachable, AgentWill, LineOpened}


# ---- what is asked ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy() -> Day:
    return observed(a_world(*lines(16), items=400))


def test_an_added_agent_serves_the_lines_of_the_model_and_keeps_the_hours(busy: Day) -> None:
    found = changed(busy, Change(agents=1))
    (new, model) = next(iter(found.models.items()))
    for before, after in zip(busy.lines, found.day.lines, strict=True):
        assert (new in after.agents) == (model in before.agents)
        for tier, then in zip(before.tiers, after.tiers, strict=True):
            assert (new in then.agents) == (model in tier.agents)
    told_of = {
        extension: [(at, type(given)) for at, given in found.day.told if agent_of(given) == extension]
        for extension in (new, model)
    }
    assert told_of[new] == told_of[model] != []


def test_in_one_line_nothing_else_changes(busy: Day) -> None:
    found = changed(busy, Change(agents=-1, line="7000", strategy="ring_all", wrap_up=1.0))
    before, after = busy.lines[0], found.day.lines[0]
    assert found.day.lines[1:] == busy.lines[1:]
    assert set(before.agents) - set(after.agents) == set(found.gone)
    assert (after.strategy, after.wrap_up) == ("ring_all", 1.0)


def test_who_is_not_there_is_heard_of_no_more(busy: Day) -> None:
    found = changed(busy, Change(agents=-2))
    assert len(found.gone) == 2
    assert not {agent_of(given) for _, given in found.day.told} & set(found.gone)
    assert not {e for line in found.day.lines for e in line.agents} & set(found.gone)


def test_settings_that_change_during_the_day_are_changed_alike(busy: Day) -> None:
    less = Change(agents=-1, line="7000", wrap_up=1.0)
    (gone,) = changed(busy, less).gone
    both = AgentLines(gone, frozenset({"7000", "7001"}))
    found = changed(replace(busy, told=[(9.0, LineChanged(busy.lines[0])), (9.5, both)]), less)
    assert found.day.told == [(9.0, LineChanged(found.day.lines[0])), (9.5, AgentLines(gone, frozenset({"7001"})))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(line="7999"), "there was no line 7999"),
        (Change(agents=-16), "nobody would be left"),
    ],
)
def test_what_makes_no_sense_is_refused(busy: Day, change: Change, words: str) -> None:
    with pytest.raises(CannotChange, match=words):
        changed(busy, change)


def test_hours_of_nobody_are_nobodys() -> None:
    with pytest.raises(CannotChange, match="nobody was at work"):
        changed(a_day((0.0, TimePassed())), Change(agents=1))


# ---- figures ---------------------------------------------------------------------------------------------------------


def a_visit(waited: float, reason: LeaveReason | None) -> Visit:
    return Visit(one(1), "7000", 100.0, None if reason is None else 100.0 + waited, reason)


def test_figures_of_a_few_waits() -> None:
    waits = [
        *(a_visit(waited, LeaveReason.ANSWERED) for waited in (10.0, 20.0, 60.0)),
        a_visit(3.0, LeaveReason.ABANDONED), a_visit(90.0, LeaveReason.ABANDONED), a_visit(0.0, LeaveReason.FULL),
        a_visit(0.0, None),
    ]  # fmt: skip
    found = figures(waits, ends=300.0)
    assert (found.offered, found.answered, found.abandoned, found.left_otherwise, found.waiting) == (7, 3, 2, 1, 1)
    assert (found.answer_mean, found.answer_p95, found.longest_wait) == (30.0, 56.0, 200.0)
    assert found.service_level == 2 / 4, "who gave up at once does not count"


def test_nothing_is_no_zero() -> None:
    found = figures([], 0.0)
    assert (found.offered, found.answer_mean, found.longest_wait, found.service_level) == (0, None, None, None)
    assert occupancy(Meter()) is None


def test_occupancy_counts_talk_and_wrap_up_of_the_time_at_work() -> None:
    day = a_day(
        HERE, (50, AgentLegs("1001", 1)), (90, AgentLegs("1001", 0)), comes(100, 1), (100, OfferTaken(one(1), "1001")),
        (120, ServiceEnded(one(1), "1001")), (140, AgentWill("1001", Will.PAUSED)), ends=1_000.0,
    )  # fmt: skip
    assert day.meter.busy["1001"] == 20.0 + LINE.wrap_up
    assert day.meter.idle["1001"] == 50.0 + 10.0 + 10.0


def test_waits_that_end_otherwise_are_not_alike() -> None:
    real = [a_visit(10.0, LeaveReason.ANSWERED), a_visit(20.0, LeaveReason.ANSWERED)]
    assert alike(real, real) == 1.0
    assert alike(real, real[:1]) == 0.5
    assert alike(real, [real[0], a_visit(25.0, LeaveReason.ANSWERED)]) == 0.5
    assert alike(real, [real[0], a_visit(20.0, LeaveReason.ABANDONED)]) == 0.5
