"""From the offer to the end of wrap-up: ring-all's losers, rests by cause, auto-pause, deadlines."""

from __future__ import annotations

import pytest

from queue_engine.decisions import WrapUp
from queue_engine.facts import Will
from queue_engine.inputs import AgentAtWindow, WrapUpEnded, WrapUpExtended
from queue_engine.reasons import RefusalCause
from queue_engine.work import ItemKind, Line
from tests.queue_engine.desk import Desk

PAIR = ("1001", "1002")


def test_losers_of_a_ring_all_are_let_go_when_the_bridge_stands_and_not_before() -> None:
    desk = Desk(Line("7000", PAIR, strategy="ring_all")).phone(*PAIR).comes(1)
    desk.legs("1002", 1)  # picked up, but no bridge yet
    assert desk.withdrawn() == []
    desk.taken(1, "1002")
    assert desk.withdrawn() == [(1, "1001", "taken_elsewhere")]


def test_the_losers_are_free_for_the_next_item_at_once() -> None:
    desk = Desk(Line("7000", PAIR, strategy="ring_all")).phone(*PAIR).comes(1).comes(2)
    desk.heard()
    desk.taken(1, "1002")
    withdrawn, offered = desk.heard()
    assert "taken_elsewhere" in str(withdrawn)
    assert "1001" in str(offered)


def test_one_who_refuses_a_ring_all_leaves_the_others_ringing() -> None:
    desk = Desk(Line("7000", PAIR, strategy="ring_all")).phone(*PAIR).comes(1)
    desk.heard()
    desk.refused(1, "1001", RefusalCause.REJECTED)
    assert desk.heard() == []
    desk.taken(1, "1002")
    assert desk.engine.agents["1002"].serving is not None


def test_an_answer_after_the_offer_was_taken_back_changes_nothing() -> None:
    desk = Desk(Line("7000", PAIR, strategy="ring_all")).phone(*PAIR).comes(1)
    desk.taken(1, "1002")
    desk.taken(1, "1001")
    assert desk.engine.agents["1001"].serving is None


@pytest.mark.parametrize(
    ("cause", "seconds"),
    [
        (RefusalCause.NO_ANSWER, 7.0),
        (RefusalCause.BUSY, 30.0),
        (RefusalCause.REJECTED, 90.0),
        (RefusalCause.UNREACHABLE, 5.0),
    ],
)
def test_the_rest_after_an_offer_depends_on_why_it_was_not_taken(cause: RefusalCause, seconds: float) -> None:
    delays = {RefusalCause.NO_ANSWER: 7.0, RefusalCause.BUSY: 30.0, RefusalCause.REJECTED: 90.0}
    desk = Desk(Line("7000", ("1001",), delays=delays, retry_after=5.0)).phone("1001").comes(1)
    desk.heard()
    desk.refused(1, "1001", cause)
    assert desk.at(seconds - 0.1).asked() == []
    assert desk.at(seconds).asked() == ["1001"]


def test_who_does_not_answer_so_many_times_in_a_row_is_paused() -> None:
    desk = Desk(Line("7000", ("1001",), auto_pause_after=2, retry_after=0.0)).phone("1001").comes(1)
    desk.refused(1, "1001")
    assert desk.pauses() == []
    desk.refused(1, "1001")
    assert desk.pauses() == ["1001"]
    assert desk.engine.agents["1001"].will is Will.PAUSED


def test_an_answer_and_a_word_of_ones_own_begin_the_count_anew() -> None:
    desk = Desk(Line("7000", ("1001",), auto_pause_after=2, retry_after=0.0)).phone("1001").comes(1)
    desk.refused(1, "1001")
    desk.serve(1, "1001", 5.0)
    desk.comes(2)
    desk.refused(2, "1001")
    desk.will("1001", Will.READY)
    desk.refused(2, "1001")
    assert desk.pauses() == []


def test_a_cause_that_does_not_count_pauses_nobody() -> None:
    desk = Desk(Line("7000", ("1001",), auto_pause_after=1, retry_after=0.0)).phone("1001").comes(1)
    desk.refused(1, "1001", RefusalCause.BUSY)
    assert desk.pauses() == []


def test_no_offer_before_the_wrap_up_deadline() -> None:
    desk = Desk(Line("7000", ("1001",), wrap_up=20.0)).phone("1001").comes(1).comes(2)
    desk.serve(1, "1001", 60.0)
    desk.heard()
    assert desk.at(79.9).asked() == []
    assert desk.at(80.0).offers() == [(2, "1001")]


def test_an_agent_may_end_wrap_up() -> None:
    desk = Desk(Line("7000", ("1001",), wrap_up=20.0)).phone("1001").comes(1).comes(2)
    desk.serve(1, "1001", 60.0)
    desk.heard()
    desk.at(61.0).give(WrapUpEnded("1001"))
    assert desk.offers() == [(2, "1001")]


def test_an_agent_may_extend_wrap_up() -> None:
    desk = Desk(Line("7000", ("1001",), wrap_up=20.0)).phone("1001").comes(1).comes(2)
    desk.serve(1, "1001", 60.0)
    desk.at(70.0).give(WrapUpExtended("1001", 120.0))
    desk.heard()
    assert desk.at(119.0).offers() == []
    assert desk.at(120.0).offers() == [(2, "1001")]


def test_wrap_up_lasts_an_hour_at_most() -> None:
    desk = Desk(Line("7000", ("1001",))).phone("1001")
    desk.give(WrapUpExtended("1001", 1e9))
    desk.comes(1)
    assert desk.at(3600.0).asked() == ["1001"]


def test_a_service_ends_with_the_last_leg_whoever_forgets_to_say_it() -> None:
    desk = Desk(Line("7000", ("1001",))).phone("1001").comes(1)
    desk.legs("1001", 1)
    desk.taken(1, "1001")
    desk.comes(2)
    desk.heard()
    desk.at(30.0).legs("1001", 0)
    assert desk.offers() == [(2, "1001")]


def test_a_ticket_is_served_until_somebody_ends_it_whatever_the_phone_does() -> None:
    desk = Desk(Line("7000", ("1001",))).phone("1001").comes(1, kind=ItemKind.TICKET)
    desk.taken(1, "1001")
    desk.legs("1001", 1)
    desk.legs("1001", 0)
    desk.heard()
    assert desk.comes(2).asked() == []
    desk.ended(1, "1001")
    assert desk.offers() == [(2, "1001")]


def test_who_sits_at_a_window_with_a_ticket_is_not_rung() -> None:
    desk = Desk(Line("7000", ("1001",))).phone("1001")
    desk.give(AgentAtWindow("1001", True))
    assert desk.comes(1).asked() == []
    desk.give(AgentAtWindow("1001", False))
    assert desk.asked() == ["1001"]


def test_an_offer_of_which_nobody_tells_the_end_is_taken_back() -> None:
    desk = Desk(Line("7000", PAIR, ring_timeout=20.0, offer_grace=10.0)).phone("1001").comes(1)
    desk.phone("1002")
    desk.heard()
    assert desk.at(29.9).heard() == []
    desk.at(30.0)
    withdrawn, offered = desk.heard()
    assert "expired" in str(withdrawn)
    assert "1002" in str(offered)


def test_a_supervisor_ends_everything_that_an_item_has_of_an_agent() -> None:
    desk = Desk(Line("7000", ("1001",))).phone("1001").comes(1)
    desk.taken(1, "1001")
    desk.leaves(1)
    assert desk.engine.agents["1001"].serving is None


def wrap_ups(desk: Desk) -> list[tuple[str, bool, float]]:
    """Of whom, whether it begins one, until when."""
    return [(each.extension, each.item_id is not None, each.until) for each in desk.heard() if isinstance(each, WrapUp)]


def test_a_wrap_up_is_told_when_it_begins_when_it_is_extended_and_when_it_is_cut() -> None:
    desk = Desk(Line("7000", ("1001",), wrap_up=30.0)).phone("1001").comes(1)
    desk.taken(1, "1001")
    desk.heard()
    desk.ended(1, "1001")
    began = desk.now
    assert wrap_ups(desk) == [("1001", True, began + 30)]
    desk.give(WrapUpExtended("1001", began + 50))
    assert wrap_ups(desk) == [("1001", False, began + 50)]
    desk.at(began + 5)
    desk.give(WrapUpEnded("1001"))
    assert wrap_ups(desk) == [("1001", False, began + 5)]
    desk.give(WrapUpEnded("1001"))
    assert wrap_ups(desk) == [], "there is none that could be cut"


def test_a_line_without_wrap_up_tells_of_none() -> None:
    desk = Desk(Line("7000", ("1001",))).phone("1001").comes(1)
    desk.taken(1, "1001")
    desk.heard()
    desk.ended(1, "1001")
    assert wrap_ups(desk) == []


def test_who_is_on_demand_gets_the_next_item_while_a_ready_one_rings_for_the_first() -> None:
    desk = Desk(Line("7000", PAIR, strategy="ring_all")).phone(*PAIR)
    desk.will("1002", Will.ON_DEMAND)
    assert desk.comes(1).offers() == [(1, "1001")], "nobody on demand, while one who is ready rings"
    assert desk.comes(2).offers() == [(2, "1002")]
