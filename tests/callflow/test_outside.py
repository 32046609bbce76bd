"""The order in which the trunks of a route are tried."""

from __future__ import annotations

import itertools
from collections import Counter
from random import Random

from callflow.outside import in_order
from callflow.router import TrunkPlan

FIRST, EQUAL, LAST = TrunkPlan(name="first"), TrunkPlan(name="equal"), TrunkPlan(name="last")
HEAVY = TrunkPlan(name="heavy", weight=3)


def always_up(_: str) -> bool:
    return True


def names(*tiers: tuple[TrunkPlan, ...], down: str = "", draw: float = 0.5) -> list[str]:
    return [plan.name for plan in in_order(tiers, lambda name: name != down, lambda: draw)]


def test_a_better_tier_goes_first() -> None:
    assert names((FIRST,), (LAST,)) == ["first", "last"]


def test_what_is_down_goes_last_but_is_tried_all_the_same() -> None:
    assert names((FIRST,), (EQUAL, LAST), down="first")[-1] == "first"
    assert len(names((FIRST,), down="first")) == 1


def test_within_a_tier_each_goes_first_in_proportion_to_its_weight() -> None:
    random = Random(1)
    firsts = Counter(next(in_order([(HEAVY, EQUAL)], always_up, random.random)).name for _ in range(4000))
    assert 0.72 < firsts["heavy"] / 4000 < 0.78


def test_each_is_tried_once() -> None:
    draws = itertools.cycle((0.0, 0.9, 0.3)).__next__
    tried = [plan.name for plan in in_order([(FIRST, EQUAL), (LAST, HEAVY)], always_up, draws)]
    assert sorted(tried) == ["equal", "first", "heavy", "last"]
    assert set(tried[:2]) == {"first", "equal"}
