"""Promised callbacks on the live panel, among those who wait in the line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from callflow import callback_facts as said
from callflow.facts import Fact, PartyIntroduced
from callflow.line_orders import WaitOrder, WaitOrdered
from tests.web_panel.story import BEGIN, Story, named
from web_panel.live_callbacks import Owed
from web_panel.live_calls import Party
from web_panel.live_entries import Key, Kind, Line
from web_panel.live_messages import CallLinked
from web_panel.live_render import line_view
from web_panel.live_state import LiveState
from web_panel.wire import LineView, WaitingCallback

LINE: Key = (Kind.LINE, "7000")


@pytest.fixture
def state() -> LiveState:
    lines = (Line(number="7000", name="Підтримка"), Line(number="7001", name="Нічна"))
    return LiveState(lines={line.number: line for line in lines})


def tell(state: LiveState, facts: Iterable[Fact]) -> tuple[Key, ...]:
    touched: tuple[Key, ...] = ()
    for fact in facts:
        touched = state.apply(fact, fact.at)
    return touched


def promised(name: str, joined_at: datetime = BEGIN, number: str = "+380501112233") -> list[Fact]:
    party = named(f"owed party {name}")
    return [
        PartyIntroduced(id=named("i"), at=joined_at, party=party, number=number),
        said.CallbackPromised(
            id=named("p"),
            at=joined_at + timedelta(minutes=1),
            call_id=named(f"call of {name}"),
            promise=named(name),
            line="7000",
            party=party,
            joined_at=joined_at,
            expires_at=joined_at + timedelta(hours=8),
        ),
    ]


def line_of(state: LiveState, number: str = "7000") -> LineView:
    view = line_view(state, number)
    assert view is not None
    return view


def shown(state: LiveState, number: str = "7000") -> list[UUID]:
    return [callback.id for callback in line_of(state, number).callbacks]


def only(state: LiveState) -> WaitingCallback:
    (callback,) = line_of(state).callbacks
    return callback


def ordered(order: WaitOrder, *, to: str = "", agent: str = "", points: float = 0.0) -> WaitOrdered:
    return WaitOrdered(
        id=named("o"), at=BEGIN, call_id=named("a"), user=named("chief"), order=order, line="7000", to=to, agent=agent,
        points=points,
    )  # fmt: skip


def test_who_is_owed_a_call_is_shown_in_the_line_and_is_no_caller(state: LiveState) -> None:
    touched = tell(state, promised("a"))
    assert touched == (LINE,)
    line, callback = line_of(state), only(state)
    assert (line.count, line.owed) == (0, 1)
    assert (callback.party.number, callback.since, callback.tries) == ("+380501112233", BEGIN, 0)


def test_callbacks_stand_in_the_order_in_which_their_callers_came(state: LiveState) -> None:
    tell(state, [*promised("late", BEGIN + timedelta(minutes=5)), *promised("early", BEGIN)])
    assert shown(state) == [named("early"), named("late")]


def test_a_callback_says_that_it_is_tried_and_when_again(state: LiveState) -> None:
    tell(state, promised("a"))
    begun = said.CallbackBegun(id=named("b"), at=BEGIN, call_id=named("back"), promise=named("a"))
    assert tell(state, [begun]) == (LINE,)
    assert only(state).calling
    again = BEGIN + timedelta(minutes=10)
    tried = said.CallbackTried(
        id=named("t"), at=BEGIN, promise=named("a"), tried=said.Tried.BUSY, tries=1, again_at=again
    )
    assert tell(state, [tried]) == (LINE,)
    assert (only(state).calling, only(state).tries, only(state).again_at) == (False, 1, again)


@pytest.mark.parametrize("end", ["kept", "broken"])
def test_a_callback_that_is_kept_or_broken_is_shown_no_more(state: LiveState, end: str) -> None:
    tell(state, promised("a"))
    over: Fact = (
        said.CallbackKept(id=named("e"), at=BEGIN, promise=named("a"), by=said.KeptBy.CALLBACK, call=named("back"))
        if end == "kept"
        else said.CallbackBroken(id=named("e"), at=BEGIN, promise=named("a"), reason=said.Broken.WITHDRAWN)
    )
    assert tell(state, [over]) == (LINE,)
    assert (line_of(state).owed, shown(state)) == (0, [])
    assert tell(state, [over]) == (), "it is over once"


def test_a_supervisors_word_moves_prefers_and_assigns_a_callback(state: LiveState) -> None:
    tell(state, promised("a"))
    tell(state, [ordered(WaitOrder.PRIORITISED, points=100.0), ordered(WaitOrder.ASSIGNED, agent="1002")])
    assert (only(state).points, only(state).agent) == (100.0, "1002")
    assert tell(state, [ordered(WaitOrder.MOVED, to="7001")]) == (LINE, (Kind.LINE, "7001"))
    assert (shown(state), shown(state, "7001")) == ([], [named("a")])


def test_who_is_called_back_at_the_own_number_has_the_clients_name(state: LiveState) -> None:
    tell(state, Story().started("call of a", number="+380501112233"))
    state.apply(CallLinked(call_id=named("call of a"), client_id=named("client"), client_name="Оксана Лис"), BEGIN)
    tell(state, promised("a"))
    assert only(state).party.client_name == "Оксана Лис"


def test_those_of_an_earlier_core_are_shown_and_what_was_heard_since_stands(state: LiveState) -> None:
    tell(state, promised("a"))
    earlier = [Owed(id=named(name), line="7000", party=Party(number="1"), since=BEGIN, tries=2) for name in ("a", "z")]
    state.callbacks.know(earlier)
    assert {callback.id: callback.tries for callback in line_of(state).callbacks} == {named("a"): 0, named("z"): 2}
