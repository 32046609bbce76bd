"""The dial plan's rules."""

from __future__ import annotations

import pytest

from callflow.dids import Did, Dids
from callflow.exchange import RecordingRules
from callflow.facts import Direction, Outcome
from callflow.numbers import Pattern
from callflow.router import (
    DialPlan,
    LinePlan,
    MenuPlan,
    Refuse,
    Route,
    ToExtension,
    ToFlow,
    ToLine,
    ToMenu,
    ToTrunk,
    TrunkPlan,
    direction_of,
)

LINE = LinePlan(number="7000", record=True)
MENU = MenuPlan(number="8000", prompt="menu", keys={"1": "1002"})
CITY = TrunkPlan(name="city", prefixes=("0", "+"))
MOBILE = TrunkPlan(name="mobile", prefixes=("067", "+38067"))
SILENT = TrunkPlan(name="silent", record=False)
PLAN = DialPlan(
    extensions={"1001", "1002"},
    lines={"7000": LINE},
    menus={"8000": MENU},
    flows={"8100", "7000"},
    trunks={trunk.name: trunk for trunk in (CITY, MOBILE, SILENT)},
    trunk_numbers={"uas": "silent"},
    dids=Dids([Did(to="7000", number=Pattern.parse("380441234567"))]),
)


@pytest.mark.parametrize(
    ("number", "route"),
    [
        ("1001", ToExtension("1001")),
        ("7000", ToLine(LINE)),
        ("8000", ToMenu(MENU)),
        ("8100", ToFlow("8100")),
        ("uas", ToTrunk(SILENT, "uas", ((SILENT,),))),
        ("0441112233", ToTrunk(CITY, "0441112233", ((CITY,),))),
        ("0671112233", ToTrunk(MOBILE, "0671112233", ((MOBILE,), (CITY,)))),
        ("+380671112233", ToTrunk(MOBILE, "+380671112233", ((MOBILE,), (CITY,)))),
        ("#31#0441112233", ToTrunk(CITY, "0441112233", ((CITY,),), withheld=True)),
        ("5559999", Refuse(Outcome.UNKNOWN_NUMBER, 404)),
        ("", Refuse(Outcome.UNKNOWN_NUMBER, 404)),
        ("0" * 40, Refuse(Outcome.UNKNOWN_NUMBER, 404)),
        ("0<script>", Refuse(Outcome.UNKNOWN_NUMBER, 404)),
    ],
)
def test_a_phone_reaches_our_own_numbers_first_and_then_the_trunk_with_the_longest_prefix(
    number: str, route: Route
) -> None:
    assert PLAN.from_phone(number) == route


def test_trunks_of_one_prefix_stand_in_order_of_priority_and_equal_ones_in_one_tier() -> None:
    first, second, third = (
        TrunkPlan(name=name, prefixes=("0",), priority=priority) for name, priority in (("a", 2), ("b", 1), ("c", 2))
    )
    inbound_only = TrunkPlan(name="d", prefixes=("0",), outbound=False)
    plan = DialPlan(extensions=(), trunks={trunk.name: trunk for trunk in (first, second, third, inbound_only)})
    assert plan.outside("044") == ToTrunk(second, "044", ((second,), (first, third)))


def test_a_number_that_nobody_knows_goes_to_its_trunks_default() -> None:
    trunk = TrunkPlan(name="t", default="7000")
    plan = DialPlan(extensions=(), lines={"7000": LINE}, trunks={"t": trunk})
    assert plan.from_trunk("+380999999999", "t") == ToLine(LINE)
    assert plan.from_trunk("+380999999999", "other") == Refuse(Outcome.UNKNOWN_NUMBER, 404)


def test_an_outside_caller_reaches_dids_only() -> None:
    assert PLAN.from_trunk("+380441234567") == ToLine(LINE)
    assert PLAN.from_trunk("380441234567") == ToLine(LINE)
    for number in ("1001", "7000", "uas", "0441112233"):
        assert PLAN.from_trunk(number) == Refuse(Outcome.UNKNOWN_NUMBER, 404)


def test_the_direction_follows_from_both_ends() -> None:
    assert direction_of(ToLine(LINE), from_trunk=True) is Direction.INBOUND
    assert direction_of(ToTrunk(CITY, "1"), from_trunk=False) is Direction.OUTBOUND
    assert direction_of(ToExtension("1001"), from_trunk=False) is Direction.INTERNAL


def test_what_a_trunk_or_line_says_of_recording_outranks_the_rule_for_its_direction() -> None:
    rules = RecordingRules(directions=frozenset({Direction.OUTBOUND, Direction.INTERNAL}))
    assert rules.applies(Direction.INTERNAL, ToExtension("1001"))
    assert rules.applies(Direction.OUTBOUND, ToTrunk(CITY, "1"))
    assert not rules.applies(Direction.OUTBOUND, ToTrunk(SILENT, "1"))
    assert rules.applies(Direction.INBOUND, ToLine(LINE))
    assert not rules.applies(Direction.INBOUND, ToExtension("1001"))
