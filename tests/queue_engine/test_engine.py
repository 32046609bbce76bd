"""The engine's rules, one test each, in virtual time."""

from __future__ import annotations

from uuid import UUID

import pytest

from queue_engine.agent import Agent
from queue_engine.engine import (
    AgentLegs,
    AgentReachable,
    AgentWill,
    Engine,
    ItemArrived,
    ItemLeft,
    Offer,
    OfferRefused,
    TimePassed,
    WakeAt,
)
from queue_engine.facts import Will
from queue_engine.work import Line, WorkItem

SALES = Line("7000", ("1001", "1002"), ring_timeout=20.0, retry_after=5.0)
SUPPORT = Line("7001", ("1002",), ring_timeout=15.0)


def an_item(number: int, line: str = "7000", joined_at: float = 0.0) -> WorkItem:
    return WorkItem(UUID(int=number), line, joined_at)


@pytest.fixture
def engine() -> Engine:
    return Engine((SALES, SUPPORT), now=0.0)


def reachable(engine: Engine, *extensions: str, now: float = 0.0) -> None:
    for extension in extensions:
        engine.handle(AgentReachable(extension, True), now)


def test_nobody_is_offered_work_before_a_phone_registers(engine: Engine) -> None:
    assert engine.handle(ItemArrived(an_item(1)), 1.0) == []
    assert engine.passed_over(UUID(int=1), 1.0) == {"1001": "unreachable", "1002": "unreachable"}


def test_a_waiting_item_is_offered_as_soon_as_an_agent_is_reachable(engine: Engine) -> None:
    engine.handle(ItemArrived(an_item(1)), 1.0)
    assert engine.handle(AgentReachable("1001", True), 2.0) == [Offer(UUID(int=1), "7000", "1001", 22.0)]


def test_the_agent_who_has_been_free_longest_is_asked_first(engine: Engine) -> None:
    reachable(engine, "1002", now=1.0)
    reachable(engine, "1001", now=2.0)
    (offer,) = engine.handle(ItemArrived(an_item(1, joined_at=3.0)), 3.0)
    assert isinstance(offer, Offer)
    assert offer.extension == "1002"


def test_an_agent_holds_at_most_one_item(engine: Engine) -> None:
    reachable(engine, "1001")
    engine.handle(ItemArrived(an_item(1)), 1.0)
    assert engine.handle(ItemArrived(an_item(2, joined_at=1.0)), 1.0) == []


def test_the_oldest_item_over_all_lines_is_served_first(engine: Engine) -> None:
    engine.handle(ItemArrived(an_item(1, "7001", joined_at=1.0)), 1.0)
    engine.handle(ItemArrived(an_item(2, "7000", joined_at=0.5)), 1.0)
    (offer,) = engine.handle(AgentReachable("1002", True), 2.0)
    assert isinstance(offer, Offer)
    assert offer.item_id == UUID(int=2)


def test_a_refused_item_keeps_its_place_and_goes_to_another_agent(engine: Engine) -> None:
    reachable(engine, "1001", now=0.0)
    reachable(engine, "1002", now=1.0)
    engine.handle(ItemArrived(an_item(1)), 2.0)
    decisions = engine.handle(OfferRefused(UUID(int=1), "1001"), 3.0)
    assert decisions == [Offer(UUID(int=1), "7000", "1002", 23.0)]


def test_an_agent_who_refused_rests_and_is_asked_again_after_it(engine: Engine) -> None:
    reachable(engine, "1001")
    engine.handle(ItemArrived(an_item(1)), 1.0)
    assert engine.handle(OfferRefused(UUID(int=1), "1001"), 2.0) == [WakeAt(7.0)]
    assert engine.handle(TimePassed(), 6.9) == [WakeAt(7.0)]
    assert engine.handle(TimePassed(), 7.0) == [Offer(UUID(int=1), "7000", "1001", 27.0)]


def test_a_refusal_of_an_offer_that_is_no_longer_held_changes_nothing(engine: Engine) -> None:
    reachable(engine, "1001")
    engine.handle(ItemArrived(an_item(1)), 1.0)
    engine.handle(ItemLeft(UUID(int=1)), 2.0)
    assert engine.handle(OfferRefused(UUID(int=1), "1001"), 3.0) == []
    assert engine.waiting == {}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (AgentLegs("1001", 1), "busy"),
        (AgentWill("1001", Will.PAUSED), "paused"),
        (AgentReachable("1001", False), "unreachable"),
    ],
)
def test_whoever_cannot_take_it_is_passed_over_with_a_reason(engine: Engine, given: object, reason: str) -> None:
    reachable(engine, "1001")
    engine.handle(given, 1.0)  # type: ignore[arg-type]  # one of the inputs
    assert engine.handle(ItemArrived(an_item(1)), 2.0) == []
    assert engine.passed_over(UUID(int=1), 2.0)["1001"] == reason


def test_an_agent_is_offered_the_next_item_when_the_last_one_left(engine: Engine) -> None:
    reachable(engine, "1001")
    engine.handle(ItemArrived(an_item(1)), 1.0)
    engine.handle(ItemArrived(an_item(2, joined_at=1.0)), 1.0)
    assert engine.handle(ItemLeft(UUID(int=1)), 9.0) == [Offer(UUID(int=2), "7000", "1001", 29.0)]


def test_positions_count_only_ones_own_line(engine: Engine) -> None:
    engine.handle(ItemArrived(an_item(1, "7000", 0.0)), 0.0)
    engine.handle(ItemArrived(an_item(2, "7001", 1.0)), 1.0)
    engine.handle(ItemArrived(an_item(3, "7000", 2.0)), 2.0)
    assert [engine.position(UUID(int=number)) for number in (1, 2, 3, 4)] == [1, 1, 2, None]


def test_a_long_line_costs_an_observation_no_more_than_a_short_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    refusal = Agent.refusal

    def counted(agent: Agent, now: float) -> str | None:
        asked.append(agent.extension)
        return refusal(agent, now)

    def cost() -> int:
        asked.clear()
        engine.handle(AgentLegs("1001", 1), 400.0)
        return len(asked)

    monkeypatch.setattr(Agent, "refusal", counted)
    engine.handle(ItemArrived(an_item(1)), 1.0)
    short = cost()
    for number in range(2, 300):
        engine.handle(ItemArrived(an_item(number, joined_at=float(number))), float(number))
    assert cost() == short


def test_who_waits_behind_a_line_without_agents_is_served(engine: Engine) -> None:
    engine.handle(AgentReachable("1002", True), 0.0)
    engine.handle(AgentLegs("1002", 1), 0.0)
    engine.handle(ItemArrived(an_item(1, line="7001", joined_at=1.0)), 1.0)
    engine.handle(ItemArrived(an_item(2, joined_at=2.0)), 2.0)
    assert engine.handle(AgentReachable("1001", True), 3.0) == [Offer(UUID(int=2), "7000", "1001", 23.0)]
