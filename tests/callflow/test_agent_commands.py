"""What agents say of themselves and supervisors of agents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest

from callflow.agent_commands import AgentCommands
from callflow.control import Actor, Agent, ControlRefused
from callflow.facts import Fact
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import AgentDeclared, HandRaised, QueueFact, Will, WrapUpCut
from queue_engine.inputs import AgentReachable, WrapUpExtended
from queue_engine.work import Line

AT = datetime(2026, 11, 28, 9, tzinfo=UTC)
ANNA = Actor(UUID(int=1), "1001", supervisor=False)
BORIS = Actor(UUID(int=2), "1002", supervisor=False)
DORA = Actor(UUID(int=4), None, supervisor=True)
FOREVER = 1e12
FREE = "free"


class Office:
    def __init__(self) -> None:
        self.facts: list[Fact | QueueFact] = []
        self.dispatcher = Dispatcher([Line("700", ("1001",))])
        self.commands = AgentCommands(self.dispatcher, self, self)

    def append(self, fact: Fact | QueueFact) -> None:
        self.facts.append(fact)

    def now(self) -> datetime:
        return AT

    def condition(self) -> str:
        story = self.dispatcher.why_agent("1001")
        assert story is not None
        return story.state.key


@contextmanager
def an_office() -> Iterator[Office]:
    office = Office()
    try:
        office.dispatcher.give(AgentReachable("1001", True))
        yield office
    finally:
        office.dispatcher.close()


@pytest.mark.parametrize(
    ("will", "condition"),
    [
        (Will.SIGNED_OUT, "signed_out"),
        (Will.PAUSED, "paused"),
        (Will.READY, FREE),
        (Will.ON_DEMAND, FREE),
    ],
)
async def test_a_supervisors_word_reaches_the_engine_and_the_ledger_says_whose_it_was(
    will: Will, condition: str
) -> None:
    with an_office() as office:
        office.commands.declare(DORA, ANNA.self, will, "lunch")
        assert office.condition() == condition
        (fact,) = office.facts
    assert isinstance(fact, AgentDeclared)
    assert (fact.user, fact.extension, fact.will, fact.by) == (ANNA.user_id, "1001", will, DORA.user_id)
    assert fact.reason == ("lunch" if will is Will.PAUSED else "")  # only a pause has one


async def test_nobody_but_the_agent_and_supervisors_speaks_for_an_agent() -> None:
    with an_office() as office:
        with pytest.raises(ControlRefused, match="forbidden"):
            office.commands.declare(BORIS, ANNA.self, Will.PAUSED)
        with pytest.raises(ControlRefused, match="forbidden"):
            office.commands.cut_wrap_up(BORIS, ANNA.self)
        with pytest.raises(ControlRefused, match="forbidden"):
            office.commands.lower_hand(BORIS, ANNA.self)
        assert office.facts == []
        assert office.condition() == FREE


@pytest.mark.parametrize("actor", [ANNA, DORA])
async def test_a_wrap_up_that_is_ended_makes_the_agent_free_at_once(actor: Actor) -> None:
    with an_office() as office:
        office.dispatcher.give(WrapUpExtended("1001", FOREVER))
        assert office.condition() == "wrap_up"
        office.commands.cut_wrap_up(actor, ANNA.self)
        assert office.condition() == FREE
        (fact,) = office.facts
    assert isinstance(fact, WrapUpCut)
    assert (fact.extension, fact.by) == ("1001", actor.user_id)


async def test_who_has_no_phone_has_no_wrap_up() -> None:
    with an_office() as office, pytest.raises(ControlRefused, match="no_phone"):
        office.commands.cut_wrap_up(DORA, Agent(UUID(int=9), None))


@pytest.mark.parametrize("lowered_by", [ANNA, DORA])
async def test_a_hand_is_raised_by_the_agent_and_lowered_by_either(lowered_by: Actor) -> None:
    with an_office() as office:
        office.commands.raise_hand(ANNA)
        office.commands.lower_hand(lowered_by, ANNA.self)
        told = [(f.user, f.raised, f.by) for f in office.facts if isinstance(f, HandRaised)]
    assert told == [(ANNA.user_id, True, ANNA.user_id), (ANNA.user_id, False, lowered_by.user_id)]


async def test_an_agent_has_more_time_for_a_wrap_up_that_runs_and_begins_none() -> None:
    with an_office() as office:
        with pytest.raises(ControlRefused, match="no_wrap_up"):
            office.commands.prolong_wrap_up(ANNA, 300.0)
        now = asyncio.get_running_loop().time()
        office.dispatcher.wrap_up("1001", now + 20)
        office.commands.prolong_wrap_up(ANNA, 300.0)
        story = office.dispatcher.why_agent("1001")
        assert story is not None
        assert story.state.key == "wrap_up"
        assert 100 < float(story.state.values["seconds"]) <= 300
        with pytest.raises(ControlRefused, match="no_phone"):
            office.commands.prolong_wrap_up(DORA, 300.0)
