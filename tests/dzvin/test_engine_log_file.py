"""Every word of the engine is read from its log as it was written."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from dzvin.engine_log_file import as_record, as_written
from queue_engine.decisions import AutoPause, Decision, Leave, Offer, StrategyFailed, WakeAt, Withdraw, WrapUp
from queue_engine.facts import Will
from queue_engine.input_log import Refusal, Step
from queue_engine.inputs import (
    AgentAtWindow,
    AgentLegs,
    AgentLines,
    AgentReachable,
    AgentSkills,
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
from queue_engine.reasons import AgentCondition, LeaveReason, RefusalCause, WithdrawReason
from queue_engine.work import ItemKind, Line, Relaxation, Tier, WorkItem
from tests.queue_engine.desk import one

LINE = Line(
    "7000",
    ("1001", "1002"),
    strategy="random",
    penalties=MappingProxyType({"1001": 2}),
    tiers=(Tier(("1002",), 5.0),),
    skills={"english": 1},
    relaxations=(Relaxation(8.0, MappingProxyType({"english": 0})),),
    delays=MappingProxyType({RefusalCause.BUSY: 0.1}),
    auto_pause_causes=frozenset({RefusalCause.NO_ANSWER, RefusalCause.BUSY}),
    join_empty=frozenset(AgentCondition),
)
ITEM = WorkItem(one(1), "7000", 0.1 + 0.2, ItemKind.CALLBACK, 1.5, {"english": 2}, "1001", "+380441234567")
GIVEN: tuple[Input, ...] = (
    ItemArrived(ITEM), ItemLeft(one(1), LeaveReason.EXIT_KEY), ItemChanged(one(1), None, "7001", ""),
    OfferRefused(one(1), "1001", RefusalCause.BUSY), OfferTaken(one(1), "1001"), ServiceEnded(one(1), "1001"),
    WrapUpEnded("1001"), WrapUpExtended("1001", 1e6 / 3), AgentReachable("1001", True), AgentLegs("1001", 2),
    AgentWill("1001", Will.ON_DEMAND), AgentAtWindow("1001", False), AgentSkills("1001", {"english": 3}),
    AgentLines("1001", frozenset({"7000", "7001"})), LineChanged(LINE), LineOpened("7000", False), TimePassed(),
)  # fmt: skip
DECIDED: tuple[Decision, ...] = (
    Offer(one(1), "7000", "1001", 20.1), Withdraw(one(1), "1001", WithdrawReason.MOVED),
    Leave(one(1), "7000", LeaveReason.CLOSED), AutoPause("1001", RefusalCause.REJECTED, 3),
    StrategyFailed("7000", "own:f", "KeyError('x')"), WakeAt(1 / 3),
    WrapUp("1001", None, 31.5),
)  # fmt: skip


@pytest.mark.parametrize("given", GIVEN, ids=lambda given: type(given).__name__)
def test_an_input_is_read_as_it_was_written(given: Input) -> None:
    step = Step(1 / 3, given, list(DECIDED))
    assert as_record(as_written(step)) == step


def test_a_refusal_and_an_error_are_read_as_they_were_written() -> None:
    for record in (Refusal(0.1, ITEM, LeaveReason.FULL), Step(0.1, TimePassed(), [], "KeyError('x')")):
        assert as_record(as_written(record)) == record


def test_a_word_of_tomorrow_is_told() -> None:
    written = as_written(Step(0.1, TimePassed()))
    with pytest.raises(KeyError, match="TimePassdd"):
        as_record(written.replace(b"TimePassed", b"TimePassdd"))
