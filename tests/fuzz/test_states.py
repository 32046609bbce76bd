"""A part of the state fuzzer's accidents; all of them are `make fuzz FUZZ=states`."""

from __future__ import annotations

import pytest

from pbx.timers import Timers
from pbx.user_agent import UserAgent
from tests.fuzz.plays import PLAYS
from tests.fuzz.states import perform, run
from tests.fuzz.wire import Accident, Fault

EVERY = 7  # accidents: a seventh of them


@pytest.mark.parametrize("name", PLAYS)
def test_whatever_befalls_one_message_nothing_escapes_and_nothing_is_left(name: str) -> None:
    number, wrong = run(name, seeds=(7,), every=EVERY)
    assert wrong == []
    assert number > 0


@pytest.mark.parametrize("accident", Accident)
def test_an_accident_is_the_same_again(accident: Accident) -> None:
    fault = Fault(15, accident, 1)
    assert perform("call", fault) == perform("call", fault)


def test_a_leg_that_is_left_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserAgent, "_forget", lambda *_: None)
    assert "2 legs left" in perform("call").troubles


def test_an_exception_in_a_timer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(timers: Timers) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(Timers, "_fire", broken)
    assert any("a bug" in trouble for trouble in perform("call").troubles)
