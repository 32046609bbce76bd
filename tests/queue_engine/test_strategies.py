"""Whom an item goes to: one test for each strategy's rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from queue_engine.strategy import STRATEGIES, View
from queue_engine.work import Line
from tests.queue_engine.desk import Desk

TEAM = ("1001", "1002", "1003")


def a_desk(strategy: str, **settings: object) -> Desk:
    line = Line("7000", TEAM, strategy=strategy, **settings)  # type: ignore[arg-type]  # a line's own settings
    return Desk(line).phone(*TEAM)


def serve_in_turn(desk: Desk, numbers: Sequence[int], seconds: Sequence[float]) -> list[str]:
    """Each item comes when the last one has been served: whom was it offered to?"""
    asked = []
    for number, duration in zip(numbers, seconds, strict=True):
        desk.comes(number)
        asked += (extensions := desk.asked())
        desk.serve(number, extensions[0], duration)
    return asked


def test_the_nine_strategies_of_app_queue_and_mod_callcenter_are_there() -> None:
    assert len(STRATEGIES) == 9


def test_ring_all_asks_everybody_who_is_free() -> None:
    assert a_desk("ring_all").comes(1).asked() == list(TEAM)


def test_ring_all_asks_who_becomes_free_while_it_rings() -> None:
    desk = a_desk("ring_all")
    desk.legs("1003", 1)
    assert desk.comes(1).asked() == ["1001", "1002"]
    desk.legs("1003", 0)
    assert desk.asked() == ["1003"]


def test_longest_idle_asks_who_has_been_free_longest() -> None:
    assert serve_in_turn(a_desk("longest_idle"), [1, 2, 3, 4], [60, 5, 5, 5]) == ["1001", "1002", "1003", "1001"]


def test_round_robin_goes_on_after_whom_it_asked_last() -> None:
    desk = a_desk("round_robin")
    assert serve_in_turn(desk, [1, 2], [5, 5]) == ["1001", "1002"]
    desk.legs("1003", 1)
    assert desk.comes(3).asked() == ["1001"]


def test_fewest_calls_asks_who_took_the_fewest() -> None:
    desk = a_desk("fewest_calls")
    desk.legs("1003", 1)
    serve_in_turn(desk, [1, 2, 3], [5, 5, 5])
    desk.legs("1003", 0)
    assert desk.comes(4).asked() == ["1003"]


def test_least_talk_time_asks_who_talked_least() -> None:
    desk = a_desk("least_talk_time")
    serve_in_turn(desk, [1, 2, 3], [30, 5, 60])
    assert desk.comes(4).asked() == ["1002"]


def test_random_asks_everybody_about_as_often() -> None:
    counts = Counter(serve_in_turn(a_desk("random"), range(600), [1.0] * 600))
    assert set(counts) == set(TEAM)
    assert min(counts.values()) > 150


def test_weighted_random_asks_who_has_a_penalty_of_three_a_quarter_as_often() -> None:
    desk = Desk(Line("7000", ("1001", "1002"), strategy="weighted_random", penalties={"1002": 3}))
    counts = Counter(serve_in_turn(desk.phone("1001", "1002"), range(1, 1001), [1.0] * 1000))
    assert 0.75 < counts["1001"] / 1000 < 0.85


def test_top_down_begins_at_the_top_each_time() -> None:
    assert serve_in_turn(a_desk("top_down"), [1, 2], [5, 5]) == ["1001", "1001"]


def test_top_down_goes_down_when_somebody_does_not_take_it_and_begins_again_at_the_end() -> None:
    desk = a_desk("top_down", retry_after=0.0).comes(1)
    for extension in TEAM:
        desk.refused(1, extension)
    assert desk.asked() == [*TEAM, "1001"]


def test_progressive_asks_one_more_after_each_delay_while_the_others_ring_on() -> None:
    desk = a_desk("progressive", progress_delay=10.0).comes(1)
    assert desk.at(9.9).asked() == ["1001"]
    assert desk.at(10.0).asked() == ["1002"]
    assert desk.at(20.0).asked() == ["1003"]
    assert desk.withdrawn() == []


def test_the_same_seed_gives_the_same_choices_and_another_seed_others() -> None:
    def choices(seed: int) -> list[str]:
        desk = Desk(Line("7000", TEAM, strategy="random"), seed=seed).phone(*TEAM)
        return serve_in_turn(desk, range(40), [1.0] * 40)

    assert choices(7) == choices(7)
    assert choices(7) != choices(8)


def test_a_strategy_of_ones_own_sees_the_candidates_and_names_one() -> None:
    seen: list[View] = []

    def last_of_all(view: View) -> Sequence[str]:
        seen.append(view)
        return (view.candidates[-1].extension,)

    desk = Desk(Line("7000", TEAM, strategy="house:last"), own={"house:last": last_of_all}).phone(*TEAM)
    assert desk.comes(1).asked() == ["1003"]
    assert [candidate.extension for candidate in seen[0].candidates] == list(TEAM)


@pytest.mark.parametrize("names", [(), ("1009",)])
def test_a_strategy_that_names_nobody_is_told_and_the_longest_idle_is_asked(names: tuple[str, ...]) -> None:
    desk = Desk(Line("7000", TEAM, strategy="house:nobody"), own={"house:nobody": lambda _: names}).phone(*TEAM)
    desk.comes(1)
    assert [type(decision).__name__ for decision in desk.heard()] == ["StrategyFailed", "Offer"]


def test_a_strategy_that_raises_leaves_nobody_waiting() -> None:
    def broken(view: View) -> Sequence[str]:
        raise ZeroDivisionError(view.line.number)

    desk = Desk(Line("7000", TEAM, strategy="house:broken"), own={"house:broken": broken}).phone(*TEAM)
    desk.comes(1)
    failed, _ = desk.heard()
    assert "ZeroDivisionError" in str(failed)


def test_a_line_with_a_strategy_that_nobody_knows_is_not_taken() -> None:
    with pytest.raises(ValueError, match="no strategy fastest"):
        Desk(Line("7000", TEAM, strategy="fastest"))
