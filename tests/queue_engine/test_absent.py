"""Items for which nobody waits on the telephone: callbacks and planned calls wait in the same order as callers."""

from __future__ import annotations

import pytest

from queue_engine.inputs import ItemArrived, ItemChanged, LineOpened
from queue_engine.reasons import AgentCondition
from queue_engine.work import ItemKind, Line, WorkItem
from tests.queue_engine.desk import Desk, one

PAIR = ("1001", "1002")
LINE = Line("7000", ("1001",))


def test_a_callback_is_served_where_its_caller_stood() -> None:
    desk = Desk(LINE).at(10.0).comes(1).at(20.0).comes(2, joined_at=5.0, kind=ItemKind.CALLBACK)
    assert desk.engine.position(one(2)) == 1
    desk.phone("1001")
    assert desk.offers() == [(2, "1001")]


def test_a_callback_that_is_tried_later_keeps_its_place_and_is_passed_over_until_then() -> None:
    desk = Desk(LINE).comes(1, kind=ItemKind.CALLBACK, not_before=60.0).at(10.0).comes(2)
    assert (desk.engine.position(one(1)), desk.engine.position(one(2))) == (None, 1)
    desk.at(60.0)
    assert (desk.engine.position(one(1)), desk.engine.position(one(2))) == (1, 2)


def test_a_free_agent_gets_a_callback_the_moment_that_it_may_be_tried_again() -> None:
    desk = Desk(LINE).phone("1001").comes(1, kind=ItemKind.CALLBACK, not_before=60.0)
    assert desk.offers() == []
    desk.at(59.9)
    assert desk.offers() == []
    desk.at(60.0)
    assert desk.offers() == [(1, "1001")]


def test_after_a_try_that_reached_nobody_the_agent_wraps_up_and_the_callback_comes_again() -> None:
    desk = Desk(Line("7000", ("1001",), wrap_up=10.0)).phone("1001").comes(1, kind=ItemKind.CALLBACK)
    desk.serve(1, "1001", 30.0)
    desk.heard()
    desk.comes(1, joined_at=0.0, kind=ItemKind.CALLBACK)
    desk.at(39.9)
    assert desk.offers() == []
    desk.at(40.0)
    assert desk.offers() == [(1, "1001")]


def test_whose_it_is_has_it_still_once_its_party_has_answered() -> None:
    """The party is called first: then it waits as a caller, for the agent who promised to call."""
    desk = Desk(Line("7000", PAIR)).phone(*PAIR).comes(1, kind=ItemKind.PLANNED, not_before=1.0)
    desk.give(ItemChanged(one(1), assigned="1002"))
    assert desk.at(1.0).asked() == ["1002"]
    desk.comes(1)
    assert desk.asked() == ["1002"]


def test_whose_it_was_rings_on_when_it_becomes_anybodys() -> None:
    desk = Desk(Line("7000", PAIR)).phone(*PAIR).comes(1, kind=ItemKind.PLANNED, not_before=1.0)
    desk.give(ItemChanged(one(1), assigned="1002"))
    assert desk.at(1.0).asked() == ["1002"]
    desk.give(ItemChanged(one(1), assigned=""))
    assert desk.heard() == []
    desk.refused(1, "1002")
    assert desk.asked() == ["1001"]


@pytest.mark.parametrize("strategy", ["ring_all", "progressive"])
def test_a_callback_asks_one_agent_at_a_time_whatever_the_strategy(strategy: str) -> None:
    desk = Desk(Line("7000", PAIR, strategy=strategy)).phone(*PAIR).comes(1, kind=ItemKind.CALLBACK)
    assert len(desk.asked()) == 1
    desk.at(15.0)
    assert desk.asked() == []
    desk.refused(1, "1001")
    assert desk.asked() == ["1002"]


def test_no_bound_of_a_line_sends_a_callback_away() -> None:
    bounds = Line(
        "7000", ("1001",), max_wait=30.0, leave_empty=frozenset({AgentCondition.UNREACHABLE}), empties_when_closed=True
    )
    desk = Desk(bounds).comes(1, kind=ItemKind.CALLBACK)
    desk.give(LineOpened("7000", False))
    desk.at(3600.0)
    assert desk.ends() == []
    desk.phone("1001")
    assert desk.offers() == [(1, "1001")]


def test_an_offer_for_which_the_party_is_called_first_lasts_as_much_longer() -> None:
    desk = Desk(Line("7000", ("1001",), ring_timeout=20.0, offer_grace=10.0)).phone("1001")
    desk.give(ItemArrived(WorkItem(one(1), "7000", 0.0, ItemKind.CALLBACK, prepares=40.0)))
    desk.at(69.9)
    assert desk.withdrawn() == []
    desk.at(70.0)
    assert desk.withdrawn() == [(1, "1001", "expired")]


def test_a_callback_whose_party_has_answered_waits_on_as_a_caller_at_its_place() -> None:
    desk = Desk(LINE).comes(1, kind=ItemKind.CALLBACK).at(5.0).comes(2).phone("1001")
    assert desk.offers() == [(1, "1001")]
    desk.comes(1)
    assert desk.withdrawn() == [(1, "1001", "moved")]
    assert desk.engine.agents["1001"].offered == one(1)
