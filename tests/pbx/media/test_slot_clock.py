"""The 20 ms clock by itself. The compiled one cannot be called from Python; tests of playback and rooms run it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pbx.media.slot_clock import SlotClock
from tests.pbx.media.rig import MILLISECOND, rig

FAR = 1 << 60


@pytest.fixture
def clock() -> Iterator[SlotClock]:
    with rig("interpreted") as made:
        yield made.control.engine.slot_clock


def turns(clock: SlotClock, now: int) -> list[int]:
    """Who has a turn until then, as the engine gives them."""
    found = []
    while clock.is_due(now):
        one = clock.first()
        while one >= 0:
            found.append(one)
            one = clock.next_one(one)
        clock.next_slot()
    return found


def test_it_wakes_nobody_for_an_empty_slot(clock: SlotClock) -> None:
    clock.add(5, 0)
    wakes = []
    now = clock.next_due(FAR)
    while now < 100 * MILLISECOND:
        wakes.append(now // MILLISECOND)
        assert turns(clock, now) == [5]
        now = clock.next_due(FAR)
    assert wakes == [0, 20, 40, 60, 80]


def test_an_empty_clock_has_no_turn(clock: SlotClock) -> None:
    assert clock.next_due(7) == 7
    clock.add(5, 0)
    clock.remove(5)
    assert clock.next_due(7) == 7


def test_what_is_due_earlier_elsewhere_comes_first(clock: SlotClock) -> None:
    clock.add(5, 0)
    turns(clock, 0)
    assert clock.next_due(3 * MILLISECOND) == 3 * MILLISECOND


def test_turns_are_spread_over_the_slots(clock: SlotClock) -> None:
    for one in range(40):
        clock.add(one, 0)
    each = [turns(clock, millisecond * MILLISECOND) for millisecond in range(20)]
    assert [len(found) for found in each] == [2] * 20
    assert sorted(one for found in each for one in found) == list(range(40))
