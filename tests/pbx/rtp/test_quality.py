"""The E-model, against figures that ITU-T has published."""

from __future__ import annotations

import pytest

from pbx.rtp.quality import Grade, Quality, mouth_to_ear, quality


@pytest.mark.parametrize(("r", "mos"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)])
def test_the_opinion_score_of_a_rating_is_that_of_g_107_annex_b(r: float, mos: float) -> None:
    """Table B.1."""
    assert Quality(r).mos == pytest.approx(mos, abs=0.01)


def test_a_clean_line_has_the_best_rating_of_its_codec() -> None:
    assert quality("pcma", loss=0, delay_ms=20).r == pytest.approx(93.2)
    assert quality("pcma", loss=0, delay_ms=20).mos == pytest.approx(4.41, abs=0.01)
    assert quality("gsm", loss=0, delay_ms=20).r == pytest.approx(73.2)


@pytest.mark.parametrize(("delay", "impairment"), [(100, 0), (200, 3.04), (300, 14.76), (400, 24.07)])
def test_delay_costs_what_g_107_says(delay: float, impairment: float) -> None:
    """Equation 7-27, computed by hand from its text."""
    assert 93.2 - quality("pcmu", loss=0, delay_ms=delay).r == pytest.approx(impairment, abs=0.02)


def test_losses_cost_what_g_107_says() -> None:
    """Equation 7-29 with Bpl 25.1: 95 * 5 / (5 + 25.1) for five of a hundred packets."""
    assert 93.2 - quality("pcmu", loss=0.05, delay_ms=0).r == pytest.approx(15.78, abs=0.01)
    assert quality("pcmu", loss=0.05, delay_ms=0, burst=2).r < quality("pcmu", loss=0.05, delay_ms=0).r


def test_more_loss_is_never_better_and_no_rating_is_below_zero() -> None:
    ratings = [quality("pcmu", loss=each / 100, delay_ms=50 * each) for each in range(101)]
    assert ratings == sorted(ratings, key=lambda each: -each.r)
    assert ratings[-1].r >= 0
    assert ratings[-1].mos == 1.0


def test_grades_are_those_of_g_109() -> None:
    assert [Quality(r).grade for r in (93, 80, 79, 60, 59, 0)] == [
        Grade.GOOD, Grade.GOOD, Grade.FAIR, Grade.FAIR, Grade.POOR, Grade.POOR,
    ]  # fmt: skip


def test_a_codec_that_nobody_knows_is_judged_as_g_711() -> None:
    assert quality("x-new", loss=0.01, delay_ms=150) == quality("pcmu", loss=0.01, delay_ms=150)


def test_what_nobody_has_measured_costs_nothing() -> None:
    assert mouth_to_ear(round_trip_ms=None, jitter_ms=0) == 20
    assert mouth_to_ear(round_trip_ms=100, jitter_ms=5) == 80
