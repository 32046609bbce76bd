"""What the owner of a waiting call sees of the engine: its place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest
import pytest_asyncio

from queue_engine.decisions import AutoPause
from queue_engine.dispatcher import Dispatcher, LineFull, NotAdmitted
from queue_engine.facts import Will
from queue_engine.reasons import AgentCondition, LeaveReason
from queue_engine.strategy import View
from queue_engine.work import Line

PAIR = ("1001", "1002")
ONE, TWO = UUID(int=1), UUID(int=2)


def last_in_line(view: View) -> Sequence[str]:
    """A strategy of one's own, as a configuration names it."""
    return (view.candidates[-1].extension,)


LINES = (
    Line("7000", PAIR, strategy="ring_all"),
    Line("7001", ("1001",), wrap_up=30.0, auto_pause_after=1, retry_after=0.0),
    Line("7002", PAIR, max_length=1, leave_empty=frozenset({AgentCondition.PAUSED, AgentCondition.UNREACHABLE})),
    Line("7003", PAIR, strategy=f"{__name__}:last_in_line"),
    Line("7004", ("1001",), join_empty=frozenset({AgentCondition.UNREACHABLE})),
)


@pytest_asyncio.fixture
async def dispatcher() -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(LINES)
    yield dispatcher
    dispatcher.close()


def at_work(dispatcher: Dispatcher) -> None:
    for extension in PAIR:
        dispatcher.reachable(extension, True)


async def test_a_place_is_offered_to_several_and_the_losers_go_when_one_has_it(dispatcher: Dispatcher) -> None:
    at_work(dispatcher)
    place = dispatcher.enter(ONE, "7000")
    assert place.offer.result().extension == "1001"
    assert list(place.seen()) == list(PAIR)
    assert not place.changed.done()
    place.taken("1002")
    assert place.changed.done()
    assert list(place.seen()) == ["1002"]


async def test_a_place_waits_for_the_next_offer_when_all_have_refused(dispatcher: Dispatcher) -> None:
    at_work(dispatcher)
    place = dispatcher.enter(ONE, "7000")
    place.refused("1001")
    assert place.offer.done()
    place.refused("1002")
    assert not place.offer.done()
    assert place.seen() == {}


async def test_leaving_after_it_was_taken_does_not_end_the_service(dispatcher: Dispatcher) -> None:
    at_work(dispatcher)
    place = dispatcher.enter(ONE, "7001")
    place.taken("1001")
    place.leave()
    assert len(dispatcher) == 0
    story = dispatcher.why_agent("1001")
    assert story is not None
    assert story.state.key == "serving"
    place.ended("1001")
    story = dispatcher.why_agent("1001")
    assert story is not None
    assert story.state.key == "wrap_up"


async def test_the_reason_is_told_when_the_engine_ends_the_wait(dispatcher: Dispatcher) -> None:
    at_work(dispatcher)
    for extension in PAIR:
        dispatcher.legs(extension, 1)
    place = dispatcher.enter(ONE, "7002")
    for extension in PAIR:
        dispatcher.declare(extension, Will.PAUSED)
    assert place.left.result() is LeaveReason.LEFT_EMPTY
    assert len(dispatcher) == 0
    place.leave()


async def test_a_full_line_is_told_from_one_without_agents(dispatcher: Dispatcher) -> None:
    at_work(dispatcher)
    dispatcher.enter(ONE, "7002")
    with pytest.raises(LineFull):
        dispatcher.enter(TWO, "7002")
    dispatcher.reachable("1001", False)
    with pytest.raises(NotAdmitted) as refused:
        dispatcher.enter(TWO, "7004")
    assert refused.value.reason is LeaveReason.NO_AGENTS


async def test_a_supervisor_ends_a_wait(dispatcher: Dispatcher) -> None:
    place = dispatcher.enter(ONE, "7000")
    dispatcher.withdraw(ONE)
    assert place.left.result() is LeaveReason.WITHDRAWN


async def test_an_auto_pause_is_the_agents_will_from_then_on_and_is_told(dispatcher: Dispatcher) -> None:
    told: list[AutoPause] = []

    def answered_at_once(auto_pause: AutoPause) -> None:
        told.append(auto_pause)
        dispatcher.declare(auto_pause.extension, Will.SIGNED_OUT)  # amid the decisions of another input

    dispatcher.on_auto_pause = answered_at_once
    at_work(dispatcher)
    place = dispatcher.enter(ONE, "7001")
    place.refused("1001")
    assert [auto_pause.extension for auto_pause in told] == ["1001"]
    assert dispatcher.will("1001") is Will.SIGNED_OUT


async def test_a_strategy_of_ones_own_is_named_by_module_and_function(dispatcher: Dispatcher) -> None:
    at_work(dispatcher)
    assert dispatcher.enter(ONE, "7003").offer.result().extension == "1002"


async def test_an_agent_who_is_new_to_all_lines_is_known_as_they_are(dispatcher: Dispatcher) -> None:
    dispatcher.reachable("1009", True)
    place = dispatcher.enter(ONE, "7000")
    dispatcher.serves("1009", frozenset({"7000"}))
    assert place.offer.result().extension == "1009"


async def test_a_line_that_is_changed_makes_its_new_agents_known_as_they_are(dispatcher: Dispatcher) -> None:
    dispatcher.reachable("1009", True)
    dispatcher.legs("1009", 1)
    place = dispatcher.enter(ONE, "7000")
    dispatcher.change_line(Line("7000", ("1009",)))
    assert not place.offer.done()
    dispatcher.legs("1009", 0)
    assert place.offer.result().extension == "1009"
