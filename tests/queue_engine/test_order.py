"""Which item is next, and which agents may take it: tiers, skills, priority, aging, an agent of one's own."""

from __future__ import annotations

import pytest

from queue_engine.facts import Will
from queue_engine.inputs import AgentLines, AgentSkills, ItemChanged, LineChanged
from queue_engine.reasons import RefusalCause
from queue_engine.work import Line, Relaxation, Tier
from tests.queue_engine.desk import Desk, one

TIERS = Line("7000", ("1001", "1002", "1003"), tiers=(Tier(("1002",), 10.0), Tier(("1003",), 30.0)))
RELAXING = (Relaxation(20.0, {"english": 2}), Relaxation(60.0, {"english": 0}))
SKILLED = Line("7000", ("1001", "1002"), relaxations=RELAXING)


def test_a_tier_opens_when_somebody_has_waited_that_long() -> None:
    desk = Desk(TIERS).phone("1001", "1002", "1003")
    desk.legs("1001", 1)
    desk.comes(1)
    assert desk.at(9.9).asked() == []
    assert desk.at(10.0).asked() == ["1002"]


def test_a_tier_opens_at_once_while_nobody_of_those_before_it_is_at_work() -> None:
    desk = Desk(TIERS).phone("1003").comes(1)
    assert desk.asked() == ["1003"]


def test_a_tier_stays_closed_while_somebody_before_it_is_only_busy() -> None:
    desk = Desk(TIERS).phone("1001", "1003")
    desk.legs("1001", 1)
    desk.comes(1)
    assert desk.at(29.0).asked() == []
    desk.will("1001", Will.PAUSED)
    assert desk.asked() == ["1003"]


def test_only_who_has_the_skill_at_that_level_is_asked() -> None:
    desk = Desk(SKILLED).phone("1001", "1002")
    desk.give(AgentSkills("1002", {"english": 3}))
    assert desk.comes(1, skills={"english": 3}).asked() == ["1002"]


def test_a_skill_relaxes_with_the_wait_level_by_level() -> None:
    desk = Desk(SKILLED).phone("1001", "1002")
    desk.give(AgentSkills("1002", {"english": 2}))
    desk.comes(1, skills={"english": 3}).comes(2, skills={"english": 3})
    assert desk.at(19.9).offers() == []
    assert desk.at(20.0).offers() == [(1, "1002")]
    assert desk.at(60.0).offers() == [(2, "1001")]


def test_a_skill_that_an_agent_gets_live_counts_at_once() -> None:
    desk = Desk(SKILLED).phone("1001").comes(1, skills={"english": 1})
    assert desk.asked() == []
    desk.give(AgentSkills("1001", {"english": 1}))
    assert desk.asked() == ["1001"]


def test_who_cannot_be_served_yet_holds_up_nobody_behind() -> None:
    desk = Desk(SKILLED).phone("1001").comes(1, skills={"english": 1}).comes(2)
    assert desk.offers() == [(2, "1001")]


def test_higher_priority_is_served_first() -> None:
    desk = Desk(Line("7000", ("1001",))).comes(1).at(5.0).comes(2, priority=1.0)
    assert desk.phone("1001").offers() == [(2, "1001")]


def test_a_heavier_line_is_served_first() -> None:
    desk = Desk(Line("7000", ("1001",)), Line("7001", ("1001",), weight=5.0)).comes(1).at(9.0).comes(2, "7001")
    assert desk.phone("1001").offers() == [(2, "1001")]


@pytest.mark.parametrize(("waited", "first"), [(99.0, 2), (101.0, 1)])
def test_aging_lets_nobody_starve(waited: float, first: int) -> None:
    desk = Desk(Line("7000", ("1001",), aging=0.1)).comes(1).at(waited).comes(2, priority=10.0)
    assert desk.phone("1001").offers() == [(first, "1001")]


def test_lines_that_age_differently_are_compared_by_the_score_of_now() -> None:
    desk = Desk(Line("7000", ("1001",), aging=1.0), Line("7001", ("1001",), weight=50.0)).comes(1).comes(2, "7001")
    assert desk.at(60.0).phone("1001").offers() == [(1, "1001")]


def test_of_equal_score_who_is_due_first_is_served_first() -> None:
    desk = Desk(Line("7000", ("1001",), target=60.0), Line("7001", ("1001",), target=20.0)).comes(1)
    assert desk.at(30.0).comes(2, "7001").phone("1001").offers() == [(2, "1001")]


def test_positions_follow_a_priority_that_is_changed_live() -> None:
    desk = Desk(Line("7000", ("1001",))).comes(1).comes(2).comes(3)
    desk.give(ItemChanged(one(3), priority=1.0))
    assert [desk.engine.position(one(number)) for number in (1, 2, 3)] == [2, 3, 1]


def test_an_item_waits_for_its_own_agent_as_long_as_its_patience_lasts() -> None:
    desk = Desk(Line("7000", ("1001", "1002"), sticky_patience=15.0)).phone("1001", "1002")
    desk.legs("1002", 1)
    desk.comes(1, sticky="1002")
    assert desk.at(14.9).asked() == []
    assert desk.at(15.0).asked() == ["1001"]


def test_an_item_does_not_wait_for_its_own_agent_who_is_not_at_work() -> None:
    desk = Desk(Line("7000", ("1001", "1002"), sticky_patience=15.0)).phone("1001").comes(1, sticky="1002")
    assert desk.asked() == ["1001"]


def test_an_own_agent_who_leaves_work_lets_the_item_go_to_the_others() -> None:
    desk = Desk(Line("7000", ("1001", "1002"), sticky_patience=15.0)).phone("1001", "1002")
    desk.legs("1002", 1)
    desk.comes(1, sticky="1002").at(3.0).will("1002", Will.SIGNED_OUT)
    assert desk.asked() == ["1001"]


def test_the_own_agent_is_asked_before_the_strategys_choice() -> None:
    desk = Desk(Line("7000", ("1001", "1002"))).phone("1001", "1002").comes(1, sticky="1002")
    assert desk.asked() == ["1002"]


def test_an_assigned_item_goes_to_that_agent_alone() -> None:
    desk = Desk(Line("7000", ("1001", "1002"))).phone("1002")
    desk.legs("1002", 1)
    desk.comes(1)
    desk.give(ItemChanged(one(1), assigned="1002"))
    desk.phone("1001")
    assert desk.asked() == []
    desk.legs("1002", 0)
    assert desk.offers() == [(1, "1002")]


def test_an_assignment_can_be_undone() -> None:
    desk = Desk(Line("7000", ("1001", "1002"))).phone("1001", "1002")
    desk.legs("1001", 1)
    desk.legs("1002", 1)
    desk.comes(1)
    desk.give(ItemChanged(one(1), assigned="1002"))
    desk.legs("1001", 0)
    assert desk.asked() == []
    desk.give(ItemChanged(one(1), assigned=""))
    assert desk.asked() == ["1001"]


def test_an_assignment_to_who_leaves_work_is_undone_though_the_own_agent_keeps_the_item() -> None:
    """Else it would be kept for who comes back, and offered to nobody while that one idles."""
    desk = Desk(Line("7000", ("1001", "1002"), sticky_patience=15.0)).phone("1001", "1002")
    desk.legs("1001", 1)
    desk.legs("1002", 1)
    desk.comes(1, sticky="1002")
    desk.give(ItemChanged(one(1), assigned="1001"))
    desk.gone("1001")
    desk.legs("1001", 0)
    desk.phone("1001")
    story = desk.engine.why_item(one(1), desk.now)
    assert story is not None
    assert story.kept_for == "1002"
    assert desk.asked() == []
    assert desk.at(15.0).asked() == ["1001"]


def test_an_item_that_is_moved_while_a_phone_rings_is_withdrawn_and_keeps_when_it_joined() -> None:
    desk = Desk(Line("7000", ("1001",)), Line("7001", ("1002",))).phone("1001", "1002").comes(1)
    desk.heard()
    desk.at(5.0).give(ItemChanged(one(1), line="7001"))
    assert [type(decision).__name__ for decision in desk.heard()] == ["Withdraw", "Offer"]
    story = desk.engine.why_item(one(1), 5.0)
    assert story is not None
    assert (story.line, story.waited) == ("7001", 5.0)


def test_on_demand_is_asked_only_when_nobody_ready_can_take_it() -> None:
    desk = Desk(Line("7000", ("1001", "1002"))).phone("1001", "1002")
    desk.will("1001", Will.ON_DEMAND)
    assert desk.comes(1).comes(2).offers() == [(1, "1002"), (2, "1001")]


def while_a_ready_one_rings() -> Desk:
    """1002 is on demand, and so rings not beside 1001."""
    desk = Desk(Line("7000", ("1001", "1002"), strategy="ring_all")).phone("1001", "1002")
    desk.will("1002", Will.ON_DEMAND)
    desk.comes(1)
    assert desk.asked() == ["1001"]
    return desk


def test_who_is_on_demand_is_asked_once_the_ready_one_is_gone_and_rings_no_more() -> None:
    desk = while_a_ready_one_rings()
    desk.gone("1001")
    desk.refused(1, "1001", RefusalCause.UNREACHABLE)
    assert desk.asked() == ["1002"]


def test_who_is_on_demand_is_asked_once_the_one_who_rings_is_ready_no_more() -> None:
    desk = while_a_ready_one_rings()
    desk.will("1001", Will.PAUSED)
    assert desk.asked() == ["1002"]


def test_who_was_on_demand_and_is_ready_now_rings_beside_the_other() -> None:
    desk = while_a_ready_one_rings()
    desk.will("1002", Will.READY)
    assert desk.asked() == ["1002"]


def test_ring_all_leaves_out_who_is_on_demand_while_somebody_ready_rings() -> None:
    desk = Desk(Line("7000", ("1001", "1002"), strategy="ring_all")).phone("1001", "1002")
    desk.will("1001", Will.ON_DEMAND)
    desk.comes(1)
    assert desk.asked() == ["1002"]
    desk.refused(1, "1002")
    assert desk.asked() == ["1001"]


def test_an_item_that_is_planned_for_later_waits_until_then() -> None:
    desk = Desk(Line("7000", ("1001",))).phone("1001").comes(1, not_before=60.0)
    assert desk.at(59.9).asked() == []
    assert desk.at(60.0).asked() == ["1001"]


def test_an_agent_who_is_given_a_line_takes_from_it_at_once() -> None:
    desk = Desk(Line("7000", ("1001",)), Line("7001", ("1002",))).phone("1002").comes(1)
    desk.give(AgentLines("1002", frozenset({"7000"})))
    assert desk.offers() == [(1, "1002")]
    assert desk.engine.lines["7001"].agents == ()


def test_changed_settings_count_for_who_waits_already() -> None:
    desk = Desk(Line("7000", ("1001",))).phone("1001").comes(1, skills={"english": 1})
    desk.give(LineChanged(Line("7000", ("1001",), relaxations=(Relaxation(5.0, {"english": 0}),))))
    assert desk.at(5.0).asked() == ["1001"]
