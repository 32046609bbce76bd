"""Calls that are held, handed on and parked, and how people want to be reached, as the panel folds them."""

from __future__ import annotations

import pytest

from callflow.facts import Direction, ForwardKind, OfferEnd, Outcome, TransferEnd, TransferKind
from tests.web_panel.story import IVAN, MARTA, OLENA, Story, named
from tests.web_panel.test_live_state import state, statuses, story, tell
from web_panel.live_entries import Kind
from web_panel.live_render import agent_view, call_view
from web_panel.live_state import LiveState
from web_panel.live_views import Sight, StaffView
from web_panel.statuses import AgentStatus, CallState
from web_panel.wire import CallView

__all__ = ["state", "story"]

FREE, BUSY, CALLING, WAITING = AgentStatus.FREE, AgentStatus.BUSY, AgentStatus.CALLING, AgentStatus.WAITING


def shown(state: LiveState, call: str = "a") -> CallView:
    view = call_view(state, named(call))
    assert view is not None
    return view


def talking(state: LiveState, story: Story) -> None:
    """Olena has called Ivan."""
    tell(state, story.internal("a", "1001", "1002"), story.offered("a", "1002"), story.answered("a", "1002"))


def test_who_holds_is_told(state: LiveState, story: Story) -> None:
    talking(state, story)
    tell(state, story.held("a", "1002"))
    assert shown(state).held_by == ("1002",)
    tell(state, story.resumed("a", "1002"))
    assert shown(state).held_by == ()


def test_a_caller_who_hands_on_is_free_and_the_called_one_waits(state: LiveState, story: Story) -> None:
    talking(state, story)
    tell(state, story.hands_on("a", "1001", "1003"), story.segment_ended("a", "1002"), story.offered("a", "1003"))
    assert statuses(state, OLENA, IVAN, MARTA) == [FREE, WAITING, AgentStatus.OFFERED]
    tell(state, story.answered("a", "1003"), story.handed_on("a"))
    assert statuses(state, OLENA, IVAN, MARTA) == [FREE, BUSY, BUSY]
    assert shown(state).transfer is None


def test_nobody_takes_it_and_it_comes_back(state: LiveState, story: Story) -> None:
    talking(state, story)
    tell(state, story.hands_on("a", "1001", "1003"), story.segment_ended("a", "1002"), story.offered("a", "1003"))
    tell(state, story.offer_ended("a", "1003"), story.handed_on("a", TransferEnd.NO_ANSWER))
    tell(state, story.offered("a", "1001"), story.answered("a", "1001"))
    assert statuses(state, OLENA, IVAN, MARTA) == [BUSY, BUSY, FREE]


def test_a_consultation_shows_who_speaks_with_whom(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.offered("a", "1002"), story.answered("a", "1002"))
    tell(state, story.hands_on("a", "1002", "1003", TransferKind.ATTENDED), story.held("a", "1002"))
    tell(state, story.offered("a", "1003"))
    assert statuses(state, IVAN, MARTA) == [CALLING, AgentStatus.OFFERED]
    tell(state, story.consults("a"), story.offer_ended("a", "1003", OfferEnd.ANSWERED))
    assert statuses(state, IVAN, MARTA) == [BUSY, BUSY]
    transfer = shown(state).transfer
    assert transfer is not None
    assert (transfer.by, transfer.target, transfer.consulting) == ("1002", "1003", True)
    tell(state, story.handed_on("a", TransferEnd.CANCELLED), story.resumed("a", "1002"))
    assert statuses(state, IVAN, MARTA) == [BUSY, FREE]


def test_a_consultation_of_the_caller_joins_the_two_others(state: LiveState, story: Story) -> None:
    talking(state, story)
    tell(state, story.hands_on("a", "1001", "1003", TransferKind.ATTENDED), story.held("a", "1001"))
    tell(state, story.offered("a", "1003"), story.consults("a"))
    tell(state, story.resumed("a", "1001"), story.segment_ended("a", "1002"))
    tell(state, story.answered("a", "1003"), story.handed_on("a"))
    assert statuses(state, OLENA, IVAN, MARTA) == [FREE, BUSY, BUSY]


@pytest.mark.parametrize(("by", "expected"), [("1001", [FREE, WAITING]), ("1002", [WAITING, FREE])])
def test_who_parks_is_free_and_the_other_waits(
    state: LiveState, story: Story, by: str, expected: list[AgentStatus]
) -> None:
    talking(state, story)
    tell(state, story.segment_ended("a", "1002"), story.parked("a", by))
    assert statuses(state, OLENA, IVAN) == expected
    assert (shown(state).state, shown(state).orbit) == (CallState.PARKED, "*701")
    tell(state, story.unparked("a", "1003"), story.answered("a", "1003"))
    assert statuses(state, MARTA) == [BUSY]
    assert (shown(state).state, shown(state).orbit) == (CallState.TALKING, None)


def test_a_customer_who_is_parked_keeps_nobody_busy(state: LiveState, story: Story) -> None:
    tell(state, story.started("a"), story.offered("a", "1002"), story.answered("a", "1002"))
    tell(state, story.segment_ended("a", "1002"), story.parked("a", "1002"))
    assert statuses(state, OLENA, IVAN, MARTA) == [FREE, FREE, FREE]


def test_who_has_a_phone_sees_who_is_parked_and_not_the_talks_of_others(state: LiveState, story: Story) -> None:
    marta = StaffView(sight=Sight(user_id=MARTA.user_id, everything=False, phones=True, hall=False))
    hall = StaffView(sight=Sight(user_id=MARTA.user_id, everything=False, phones=False, hall=True))
    key = (Kind.CALL, named("a"))
    talking(state, story)
    assert not marta.sees(state, key)
    tell(state, story.segment_ended("a", "1002"), story.parked("a", "1002"))
    assert marta.sees(state, key)
    assert not hall.sees(state, key)
    tell(state, story.unparked("a", "1001"), story.answered("a", "1001"))
    assert not marta.sees(state, key)


def test_do_not_disturb_shows_until_something_stronger_holds(state: LiveState, story: Story) -> None:
    tell(state, story.undisturbed("1001", True))
    assert statuses(state, OLENA) == [AgentStatus.DND]
    tell(state, story.outbound("a", "1001", "+380671234567"))
    assert statuses(state, OLENA) == [CALLING]
    tell(state, story.ended("a"), story.undisturbed("1001", False))
    assert statuses(state, OLENA) == [FREE]


def test_whose_calls_go_on_is_shown_and_not_where_to(state: LiveState, story: Story) -> None:
    tell(state, story.forwards("1001", ForwardKind.BUSY, "1002"), story.forwards("1001", ForwardKind.ALWAYS, "1003"))
    view = agent_view(state, OLENA.user_id)
    assert view is not None
    assert view.forwards == ("always", "busy")
    tell(state, story.forwards("1001", ForwardKind.ALWAYS, None))
    view = agent_view(state, OLENA.user_id)
    assert view is not None
    assert view.forwards == ("busy",)


def test_a_call_that_was_busy_without_ringing_was_missed_by_that_person(state: LiveState, story: Story) -> None:
    tell(state, story.started("a", direction=Direction.INBOUND), story.offer_ended("a", "1002"))
    tell(state, story.ended("a", Outcome.BUSY))
    (missed,) = state.missed.values()
    assert missed.rung == {"1002"}
