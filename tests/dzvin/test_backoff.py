from __future__ import annotations

from dzvin.backoff import DELAYS, STEADY, Backoff


def test_the_first_death_costs_no_time_and_a_loop_of_deaths_slows_down() -> None:
    backoff = Backoff()
    delays = [backoff.after(lived=1.0) for _ in range(8)]
    assert delays[0] == 0
    assert delays == sorted(delays)
    assert delays[-1] == DELAYS[-1]


def test_who_lived_long_is_started_again_at_once() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after(lived=1.0)
    assert backoff.after(lived=STEADY) == 0


def test_deaths_a_quarter_of_a_minute_apart_do_not_slow_each_other_down() -> None:
    backoff = Backoff()
    assert [backoff.after(lived=15.0) for _ in range(8)] == [0.0] * 8
