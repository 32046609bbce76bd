"""Who may come in, who is sent away and why, and who finds the old place again."""

from __future__ import annotations

import pytest

from queue_engine.facts import Will
from queue_engine.inputs import ItemArrived, ItemChanged, LineChanged, LineOpened
from queue_engine.reasons import AgentCondition, LeaveReason
from queue_engine.work import Line, WorkItem
from tests.queue_engine.desk import Desk, one

ABSENT = frozenset({AgentCondition.SIGNED_OUT, AgentCondition.PAUSED, AgentCondition.UNREACHABLE})


def test_a_closed_line_takes_nobody_and_serves_who_is_in_it() -> None:
    desk = Desk(Line("7000", ("1001",))).comes(1)
    desk.give(LineOpened("7000", False))
    assert desk.engine.admission("7000", desk.now) is LeaveReason.CLOSED
    assert desk.phone("1001").offers() == [(1, "1001")]
    desk.give(LineOpened("7000", True))
    assert desk.engine.admission("7000", desk.now) is None


def test_a_line_that_empties_when_closed_sends_everybody_away() -> None:
    desk = Desk(Line("7000", ("1001",), empties_when_closed=True)).comes(1).comes(2)
    desk.give(LineOpened("7000", False))
    assert desk.ends() == [(1, LeaveReason.CLOSED), (2, LeaveReason.CLOSED)]


def test_a_full_line_takes_nobody_until_somebody_is_taken() -> None:
    desk = Desk(Line("7000", ("1001",), max_length=1)).phone("1001").comes(1)
    assert desk.engine.admission("7000", desk.now) is LeaveReason.FULL
    desk.taken(1, "1001")
    assert desk.engine.admission("7000", desk.now) is None


def test_nobody_comes_into_a_line_whose_agents_are_all_absent() -> None:
    desk = Desk(Line("7000", ("1001", "1002"), join_empty=ABSENT)).phone("1001")
    desk.legs("1001", 1)
    assert desk.engine.admission("7000", desk.now) is None
    desk.will("1001", Will.PAUSED)
    assert desk.engine.admission("7000", desk.now) is LeaveReason.NO_AGENTS


def test_nobody_comes_in_who_would_wait_longer_than_the_limit() -> None:
    desk = Desk(Line("7000", ("1001",), expected_wait_limit=150.0)).phone("1001").comes(1)
    desk.serve(1, "1001", 100.0)
    assert desk.engine.admission("7000", desk.now) is None
    desk.comes(2)
    desk.taken(2, "1001")
    assert desk.engine.expected_wait("7000", desk.now) == 100.0
    desk.comes(3)
    assert desk.engine.expected_wait("7000", desk.now, one(3)) == 100.0
    assert desk.engine.admission("7000", desk.now) is LeaveReason.EXPECTED_WAIT


def test_a_wrap_up_that_ended_while_nobody_waited_turns_nobody_away() -> None:
    """The engine is woken for nobody then."""
    busy = frozenset({AgentCondition.WRAP_UP, AgentCondition.RESTING})
    desk = Desk(Line("7000", ("1001",), wrap_up=10.0, join_empty=busy)).phone("1001").comes(1)
    desk.serve(1, "1001", 5.0)
    assert desk.engine.admission("7000", desk.now) is LeaveReason.NO_AGENTS
    assert desk.at(15.0).engine.admission("7000", desk.now) is None


def test_who_finds_an_agent_free_after_a_wrap_up_waits_no_longer_than_the_limit() -> None:
    desk = Desk(Line("7000", ("1001",), wrap_up=10.0, expected_wait_limit=5.0)).phone("1001").comes(1)
    desk.serve(1, "1001", 50.0)
    assert desk.engine.admission("7000", desk.now) is LeaveReason.EXPECTED_WAIT
    desk.at(60.0)
    assert desk.engine.expected_wait("7000", desk.now) == 0.0
    assert desk.engine.admission("7000", desk.now) is None


def test_a_line_that_has_served_nobody_yet_does_not_know_how_long_one_waits() -> None:
    assert Desk(Line("7000", ("1001",), expected_wait_limit=1.0)).comes(1).engine.expected_wait("7000", 0.0) is None


def test_the_wait_ends_after_its_time() -> None:
    desk = Desk(Line("7000", ("1001",), max_wait=60.0)).comes(1)
    assert desk.at(59.9).ends() == []
    assert desk.at(60.0).ends() == [(1, LeaveReason.TIMEOUT)]


def test_who_has_an_agent_ringing_at_the_end_of_the_wait_is_sent_away_only_when_that_one_does_not_take_it() -> None:
    desk = Desk(Line("7000", ("1001",), max_wait=60.0)).comes(1).at(50.0).phone("1001")
    assert desk.at(65.0).ends() == []
    desk.refused(1, "1001")
    assert desk.ends() == [(1, LeaveReason.TIMEOUT)]


def test_everybody_leaves_a_line_whose_agents_have_gone_after_its_grace() -> None:
    desk = Desk(Line("7000", ("1001",), leave_empty=ABSENT, leave_empty_after=10.0)).phone("1001")
    desk.legs("1001", 1)
    desk.comes(1).at(5.0).gone("1001")
    assert desk.at(14.9).ends() == []
    assert desk.at(15.0).ends() == [(1, LeaveReason.LEFT_EMPTY)]


def test_an_agent_who_comes_back_within_the_grace_keeps_the_line() -> None:
    desk = Desk(Line("7000", ("1001",), leave_empty=ABSENT, leave_empty_after=10.0)).phone("1001")
    desk.legs("1001", 1)
    desk.comes(1).gone("1001")
    desk.at(9.0).phone("1001")
    assert desk.at(100.0).ends() == []


def test_who_comes_into_an_empty_line_has_the_grace_too() -> None:
    desk = Desk(Line("7000", ("1001",), leave_empty=ABSENT, leave_empty_after=10.0)).at(30.0).comes(1)
    assert desk.at(39.9).ends() == []
    assert desk.at(40.0).ends() == [(1, LeaveReason.LEFT_EMPTY)]


def test_who_gave_up_and_comes_again_has_the_old_place() -> None:
    desk = Desk(Line("7000", ("1001",), resume_window=60.0)).comes(1, key="anna").at(1.0).comes(2)
    desk.leaves(1)
    desk.at(50.0).comes(3, key="anna")
    assert [desk.engine.position(one(number)) for number in (3, 2)] == [1, 2]


@pytest.mark.parametrize(
    ("reason", "later"), [(LeaveReason.ABANDONED, 62.0), (LeaveReason.TIMEOUT, 2.0), (LeaveReason.EXIT_KEY, 2.0)]
)
def test_who_comes_too_late_or_was_sent_elsewhere_begins_anew(reason: LeaveReason, later: float) -> None:
    desk = Desk(Line("7000", ("1001",), resume_window=60.0)).comes(1, key="anna").at(1.0).comes(2)
    desk.leaves(1, reason)
    desk.at(later).comes(3, key="anna")
    assert desk.engine.position(one(3)) == 2


@pytest.mark.parametrize("how", ["overflows", "is moved"])
def test_who_gives_up_in_another_line_finds_the_old_place_in_the_first_one_once(how: str) -> None:
    """Who calls again comes to where callers come, not to the line into which they had overflowed."""
    desk = Desk(Line("7000", ("1001",), resume_window=60.0), Line("7001", ("1002",), resume_window=60.0))
    desk.comes(1, key="anna").at(1.0).comes(2).comes(3, "7001").at(30.0)
    if how == "overflows":
        desk.leaves(1, LeaveReason.OVERFLOWED)
        desk.comes(1, "7001", joined_at=0.0, key="anna")
    else:
        desk.give(ItemChanged(one(1), line="7001"))
    desk.at(40.0).leaves(1)
    desk.at(50.0).comes(4, key="anna")
    assert [desk.engine.position(one(number)) for number in (4, 2)] == [1, 2]
    desk.comes(5, "7001", key="anna")
    assert [desk.engine.position(one(number)) for number in (3, 5)] == [1, 2]


def test_bounds_count_from_the_second_coming() -> None:
    desk = Desk(Line("7000", ("1001",), resume_window=60.0, max_wait=60.0)).comes(1, key="anna").at(50.0)
    desk.leaves(1)
    desk.at(70.0).comes(2, key="anna")
    assert desk.at(129.0).ends() == []
    assert desk.at(130.0).ends() == [(2, LeaveReason.TIMEOUT)]


def test_an_item_that_comes_twice_is_there_once_and_keeps_when_it_joined() -> None:
    desk = Desk(Line("7000", ()), Line("7001", ())).comes(1).at(9.0).comes(1, "7001")
    assert [(item.line, item.joined_at) for item in desk.engine.waiting.values()] == [("7001", 0.0)]


def test_an_input_that_names_no_line_changes_nothing() -> None:
    desk = Desk(Line("7000", ("1001",), max_wait=5.0)).comes(1)
    desk.now = 6.0
    with pytest.raises(ValueError, match="no line 7009"):
        desk.give(ItemArrived(WorkItem(one(2), "7009", 6.0)))
    with pytest.raises(ValueError, match="no strategy"):
        desk.give(LineChanged(Line("7000", (), strategy="none")))
    assert desk.at(6.0).ends() == [(1, LeaveReason.TIMEOUT)]
