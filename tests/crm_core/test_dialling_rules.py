"""Who may be called when, by their own clock, and when they are tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crm_core.dialling.rules import PAUSES, USUAL_HOURS, Next, Outcome, check_hours, is_zone, next_try, opens, zones_of
from crm_core.settings.working_time import BadHours

NOON = datetime(2030, 1, 7, 12, tzinfo=UTC)  # a Monday
DAILY = "mon-sun 09:00-20:00"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "zone", "opening"),
    [
        ("2030-01-07T07:00:00+00:00", "Europe/Kyiv", "2030-01-07T07:00:00+00:00"),  # nine o'clock sharp
        ("2030-01-07T06:59:59+00:00", "Europe/Kyiv", "2030-01-07T07:00:00+00:00"),
        ("2030-01-07T17:59:59+00:00", "Europe/Kyiv", "2030-01-07T17:59:59+00:00"),
        ("2030-01-07T18:00:00+00:00", "Europe/Kyiv", "2030-01-08T07:00:00+00:00"),
        ("2030-01-07T07:00:00+00:00", "America/New_York", "2030-01-07T14:00:00+00:00"),
        # The night in which the clock is put: nine is an hour earlier in UTC from then on, and later from autumn on.
        ("2030-03-30T19:00:00+00:00", "Europe/Kyiv", "2030-03-31T06:00:00+00:00"),
        ("2030-10-26T19:00:00+00:00", "Europe/Kyiv", "2030-10-27T07:00:00+00:00"),
    ],
)
def test_a_party_is_called_by_its_own_clock(now: str, zone: str, opening: str) -> None:
    assert opens(DAILY, [zone], at(now)) == at(opening)


def test_a_number_that_may_be_in_several_zones_is_called_when_it_suits_all() -> None:
    zones = ["America/New_York", "America/Los_Angeles"]
    assert opens(DAILY, zones, at("2030-01-07T14:00:00+00:00")) == at("2030-01-07T17:00:00+00:00")
    assert opens(DAILY, zones, at("2030-01-08T01:30:00+00:00")) == at("2030-01-08T17:00:00+00:00")


def test_nobody_is_called_where_no_hour_suits_all_zones() -> None:
    assert opens("mon-sun 09:00-10:00", ["America/New_York", "Europe/Kyiv"], NOON) is None


def test_days_of_rest_are_kept() -> None:
    friday_evening = at("2030-01-11T19:00:00+00:00")
    assert opens("mon-fri 09:00-20:00", ["Europe/Kyiv"], friday_evening) == at("2030-01-14T07:00:00+00:00")


@pytest.mark.parametrize("hours", ["", "always", "mon-fri 25:00-26:00", "mon 10:00-09:00"])
def test_a_list_without_sound_hours_is_refused(hours: str) -> None:
    with pytest.raises(BadHours):
        check_hours(hours)
    check_hours(USUAL_HOURS)


def test_the_zone_comes_with_the_number() -> None:
    assert zones_of("+380501112233", "UTC") == ("Europe/Kyiv",)
    assert zones_of("+12125551234", "UTC") == ("America/New_York",)
    assert len(zones_of("+18005551234", "UTC")) > 10
    assert zones_of("+8835100012345", "Europe/Kyiv") == ("Europe/Kyiv",)


@pytest.mark.parametrize("text", ["", ".", "Nowhere/Land", "../etc/passwd", "/etc/passwd", "x" * 65])
def test_what_is_no_zone_is_known_as_such(text: str) -> None:
    assert not is_zone(text)
    assert is_zone("Europe/Kyiv")


@pytest.mark.parametrize("outcome", sorted(PAUSES))
def test_who_was_not_reached_is_tried_again_after_a_pause_as_often_as_the_list_says(outcome: str) -> None:
    after = next_try(Outcome(outcome), 1, 3, {}, NOON)
    assert after == Next(NOON + timedelta(minutes=PAUSES[outcome]))
    assert next_try(Outcome(outcome), 3, 3, {}, NOON) == Next(None)


def test_the_lists_own_pause_goes_first() -> None:
    assert next_try(Outcome.BUSY, 1, 3, {"busy": 5}, NOON) == Next(NOON + timedelta(minutes=5))


@pytest.mark.parametrize("outcome", [Outcome.REACHED, Outcome.WRONG_NUMBER])
def test_who_was_reached_or_is_not_there_is_not_called_again(outcome: Outcome) -> None:
    assert next_try(outcome, 1, 3, {}, NOON) == Next(None)
