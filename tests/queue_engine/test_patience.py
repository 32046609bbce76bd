"""How long people would have waited who were answered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from queue_engine.draw import Draw
from queue_engine.reasons import LeaveReason
from queue_engine.whatif.patience import GaveUp, Patience


def gave_up(*seconds: float) -> list[GaveUp]:
    return [GaveUp(each, LeaveReason.ABANDONED) for each in seconds]


def test_without_answers_it_is_the_share_that_still_waits() -> None:
    patience = Patience(gave_up(10, 20, 30, 40), [])
    assert [patience.waits_longer(at) for at in (5, 10, 25, 40)] == [1.0, 0.75, 0.5, 0.0]


def test_the_estimate_is_that_of_kaplan_and_meier() -> None:
    """The survival times in weeks of 21 patients under 6-MP (Freireich, 1963); + is who was lost from sight:
    6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"""
    patience = Patience(gave_up(6, 6, 6, 7, 10, 13, 16, 22, 23), [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert {at: round(patience.waits_longer(at), 3) for at in published} == published


def test_who_has_waited_long_gives_up_later_still() -> None:
    patience = Patience(gave_up(10, 20, 30, 40), [])
    drawn = {patience.draw(chance / 10, after=20.0) for chance in range(10)}
    assert {each.seconds for each in drawn if each is not None} == {30, 40}


def test_draws_have_the_shares_of_the_estimate() -> None:
    patience, chance = Patience(gave_up(10, 20, 30, 40), [15, 35]), Draw(1)
    drawn = [patience.draw(chance.next()) for _ in range(4_000)]
    for at in (10, 20, 30):
        share = sum(each is not None and each.seconds <= at for each in drawn) / len(drawn)
        assert share == pytest.approx(1 - patience.waits_longer(at), abs=0.03)


@pytest.mark.parametrize("after", [50.0, 200.0])
def test_beyond_the_last_who_gave_up_people_go_on_to_give_up_at_the_rate_of_the_day(after: float) -> None:
    patience, chance = Patience(gave_up(10, 20), [100.0] * 17), Draw(1)
    assert patience.rate == 2 / 1730
    longer = [each.seconds for _ in range(4_000) if (each := patience.draw(chance.next(), after)) is not None]
    assert min(longer) > after
    assert sum(longer) / len(longer) - after == pytest.approx(1 / patience.rate, rel=0.1)


def test_a_chance_at_the_edge_is_no_division_by_nothing() -> None:
    for ends, endured in ((gave_up(10), []), (gave_up(10), [20.0]), (gave_up(10, 10), [10.0])):
        for chance in (0.0, 0.5, 1 - 2**-53):
            for after in (0.0, 10.0, 30.0):
                found = Patience(ends, endured).draw(chance, after)
                assert found is not None
                assert found.seconds >= after


@pytest.mark.parametrize("endured", [[], [5.0, 10.0]])
def test_where_nobody_gave_up_nobody_does(endured: Sequence[float]) -> None:
    assert Patience([], endured).draw(0.99) is None
