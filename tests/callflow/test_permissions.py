"""What an extension may spend outside."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from callflow.facts import Outcome
from callflow.permissions import Barrier, Hours, NotPermitted, OutsideRules, Permissions, Permit
from callflow.reach import Reach, reach_of
from callflow.router import CallbackPlan, LinePlan, Refuse, Route, ToExtension, ToTrunk, TrunkPlan

CITY = TrunkPlan(name="city", prefixes=("0", "+"))
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NEAR = ToTrunk(CITY, "+380441112233")
FAR = ToTrunk(CITY, "0037122334455")
DEAR = ToTrunk(CITY, "0900212345")
HELP = ToTrunk(CITY, "112")
FORBIDDEN = Refuse(Outcome.FORBIDDEN, 403)
KYIV = ZoneInfo("Europe/Kyiv")


@pytest.mark.parametrize(
    ("number", "reach"),
    [
        ("+380441112233", Reach.NATIONAL),
        ("0441112233", Reach.NATIONAL),
        ("044 111-22-33", Reach.NATIONAL),
        ("00380441112233", Reach.NATIONAL),
        ("2001", Reach.NATIONAL),
        ("0800500500", Reach.NATIONAL),
        ("112", Reach.EMERGENCY),
        ("102", Reach.EMERGENCY),
        ("0900212345", Reach.PREMIUM),
        ("+380900212345", Reach.PREMIUM),
        ("00380900212345", Reach.PREMIUM),
        ("0037122334455", Reach.INTERNATIONAL),
        ("+37122334455", Reach.INTERNATIONAL),
        ("00 371 22334455", Reach.INTERNATIONAL),
        ("0 0371 22334455", Reach.INTERNATIONAL),
        ("+883510012345", Reach.INTERNATIONAL),  # satellite and international networks
        ("+80012345678", Reach.INTERNATIONAL),
        # Tricks, and what nobody can tell: the dearer reading holds.
        ("*67#0037122334455", Reach.INTERNATIONAL),
        ("#31#0441112233", Reach.INTERNATIONAL),
        ("+3800037122334455", Reach.INTERNATIONAL),
        ("8100037122334455", Reach.INTERNATIONAL),
        ("01137122334455", Reach.INTERNATIONAL),
        ("0441112233,,0037122334455", Reach.INTERNATIONAL),
        ("٠٠٣٧١٢٢٣٣٤٤٥٥", Reach.INTERNATIONAL),
        ("00", Reach.INTERNATIONAL),
        ("+", Reach.INTERNATIONAL),
        ("", Reach.INTERNATIONAL),
        ("++380441112233", Reach.INTERNATIONAL),
    ],
)
def test_how_far_a_number_reaches(number: str, reach: Reach) -> None:
    assert reach_of(number, "UA") is reach


def test_a_country_that_shares_our_code_is_abroad() -> None:
    assert reach_of("+12425551234", "US") is Reach.INTERNATIONAL
    assert reach_of("2125551234", "US") is Reach.NATIONAL


def test_prefixes_can_be_named_premium_in_either_spelling() -> None:
    assert reach_of("0441112233", "UA", ["+38044"]) is Reach.PREMIUM
    assert reach_of("0441112233", "UA", ["044"]) is Reach.PREMIUM
    assert reach_of("112", "UA", ["1"]) is Reach.EMERGENCY


@pytest.mark.parametrize("by", ["1001", None])
@pytest.mark.parametrize("route", [FAR, DEAR])
def test_abroad_and_premium_are_closed_until_opened(by: str | None, route: Route) -> None:
    assert Permissions().refusal(by, route, NOON) == FORBIDDEN
    opened = Permissions(OutsideRules(international=True, premium=True))
    assert opened.refusal(by, route, NOON) is None


def test_an_extension_may_have_rules_of_its_own() -> None:
    permissions = Permissions(rules={"1001": OutsideRules(international=True)})
    assert permissions.refusal("1001", FAR, NOON) is None
    assert permissions.refusal("1002", FAR, NOON) == FORBIDDEN


def test_our_own_numbers_and_ties_cost_nothing() -> None:
    permissions = Permissions(ties={"uas"})
    for route in (ToExtension("1002"), ToTrunk(CITY, "uas"), Refuse(Outcome.UNKNOWN_NUMBER, 404)):
        for _ in range(100):
            permissions.begin("1001", route, NOON)
    assert permissions.at_once("1001") == 0


def test_two_calls_outside_at_once_and_no_third() -> None:
    permissions = Permissions()
    calls = [permissions.begin("1001", NEAR, NOON) for _ in range(2)]
    assert barrier(permissions, "1001") is Barrier.CALLS_AT_ONCE
    assert permissions.refusal("1001", NEAR, NOON) == FORBIDDEN
    assert permissions.refusal("1002", NEAR, NOON) is None
    calls[0].end(NOON)
    calls[0].end(NOON)  # twice does no harm
    assert permissions.refusal("1001", NEAR, NOON) is None
    assert permissions.at_once("1001") == 1


def test_so_many_calls_a_minute() -> None:
    permissions = Permissions(OutsideRules(calls_per_minute=3, calls_at_once=0))
    for second in (0, 10, 20):
        permissions.begin("1001", NEAR, NOON + timedelta(seconds=second)).end(NOON + timedelta(seconds=second))
    assert barrier(permissions, "1001", NOON + timedelta(seconds=59)) is Barrier.CALLS_PER_MINUTE
    assert barrier(permissions, "1001", NOON + timedelta(seconds=61)) is None


def test_so_many_minutes_a_day_and_a_running_call_is_told_how_long_it_may_last() -> None:
    permissions = Permissions(OutsideRules(minutes_per_day=60), zone=KYIV)
    first = permissions.begin("1001", NEAR, NOON)
    assert first.seconds_left == 3600
    first.end(NOON + timedelta(minutes=45))
    later = NOON + timedelta(hours=2)
    second = permissions.begin("1001", NEAR, later)
    assert second.seconds_left == 900
    assert barrier(permissions, "1001", later + timedelta(minutes=15)) is Barrier.MINUTES_PER_DAY
    second.end(later + timedelta(minutes=15))
    # Midnight in Kyiv is 22:00 UTC in winter.
    assert barrier(permissions, "1001", NOON.replace(hour=21, minute=59)) is Barrier.MINUTES_PER_DAY
    assert barrier(permissions, "1001", NOON.replace(hour=22)) is None


def test_hours_are_those_of_the_place_and_may_go_over_midnight() -> None:
    day = Permissions(OutsideRules(hours=Hours(time(8), time(20))), zone=KYIV)
    assert barrier(day, "1001", NOON.replace(hour=6)) is None
    assert barrier(day, "1001", NOON.replace(hour=18)) is Barrier.HOURS
    night = Permissions(OutsideRules(hours=Hours(time(22), time(6))), zone=KYIV)
    assert barrier(night, "1001", NOON.replace(hour=20)) is None
    assert barrier(night, "1001", NOON) is Barrier.HOURS


def test_emergency_numbers_pass_always() -> None:
    nothing = OutsideRules(calls_at_once=1, calls_per_minute=1, minutes_per_day=1, hours=Hours(time(1), time(2)))
    permissions = Permissions(nothing)
    for _ in range(5):
        permissions.begin("1001", HELP, NOON)
    assert permissions.refusal("1001", HELP, NOON) is None


def test_the_first_refusal_of_an_extension_in_a_day_is_an_alarm() -> None:
    alarms: list[tuple[str | None, Barrier]] = []
    permissions = Permissions(on_alarm=lambda by, why: alarms.append((by, why)))
    for _ in range(3):
        permissions.refusal("1001", FAR, NOON)
        permissions.refusal("1002", FAR, NOON)
        permissions.refusal("1001", DEAR, NOON)
    assert alarms == [
        ("1001", Barrier.INTERNATIONAL), ("1002", Barrier.INTERNATIONAL), ("1001", Barrier.PREMIUM),
    ]  # fmt: skip
    assert permissions.refused == 9
    permissions.refusal("1001", FAR, NOON + timedelta(days=1))
    assert len(alarms) == 4


def test_a_clock_that_steps_back_gives_no_minutes_away() -> None:
    permissions = Permissions(OutsideRules(minutes_per_day=10))
    permissions.begin("1001", NEAR, NOON).end(NOON - timedelta(hours=1))
    assert permissions.begin("1001", NEAR, NOON).seconds_left == 600


def barrier(permissions: Permissions, by: str, now: datetime = NOON) -> Barrier | None:
    permit: Permit | None = None
    try:
        permit = permissions.begin(by, NEAR, now)
    except NotPermitted as refused:
        return refused.barrier
    finally:
        if permit is not None:
            permit.end(now)
    return None


@pytest.mark.parametrize(("abroad", "refused"), [(False, True), (True, False)])
def test_a_line_calls_back_abroad_only_where_it_says_so_and_never_what_is_premium(abroad: bool, refused: bool) -> None:
    line = LinePlan(number="700", callback=CallbackPlan(key="5", international=abroad))
    permissions = Permissions(OutsideRules(calls_at_once=1, international=True, premium=True), lines={"700": line})
    assert (permissions.refusal("700", FAR, NOON) is not None) is refused
    assert permissions.refusal("700", DEAR, NOON) == FORBIDDEN
    for _ in range(5):  # its agents bound how many at once
        permissions.begin("700", NEAR, NOON)
