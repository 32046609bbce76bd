"""Whose number a call shows outside."""

from __future__ import annotations

from callflow.caller_id import CallerIds
from callflow.numbers import Pattern, Rule
from callflow.router import TrunkPlan
from pbx.leg import Identity
from pbx.trunks.presentation import Shown

CALLER_IDS = CallerIds(extensions={"1001": "+380441110001"}, withheld={"1009"}, lines={"7000": "+380441110700"})
TRUNK = TrunkPlan(name="city", caller_id="+380441110000", caller_name="Dzvin Ltd")
BARE = TrunkPlan(name="bare")
OLENA, TARAS, CUSTOMER = Identity("1001", "Олена"), Identity("1002", "Тарас"), Identity("+380501112233", "Customer")


def shown(
    trunk: TrunkPlan, caller: Identity, *, ours: bool = True, line: str | None = None, withheld: bool = False
) -> Shown:
    extension = caller.number if ours else None
    return CALLER_IDS.shown(trunk, caller, extension=extension, line=line, withheld=withheld)


def test_an_extensions_own_number_goes_before_the_lines_and_that_before_the_trunks() -> None:
    assert shown(TRUNK, OLENA, line="7000").number == "+380441110001"
    assert shown(TRUNK, TARAS, line="7000").number == "+380441110700"
    assert shown(TRUNK, TARAS).number == "+380441110000"
    assert shown(BARE, TARAS).number == "1002"


def test_the_number_of_a_list_is_shown_whatever_its_agent_shows() -> None:
    for agent in (OLENA, Identity("1009")):
        of_list = CALLER_IDS.shown(
            TRUNK, agent, extension=agent.number, line="7000", withheld=False, of_list="+380441110555"
        )
        assert (of_list.number, of_list.withheld) == ("+380441110555", False)


def test_names_of_our_people_stay_inside() -> None:
    assert shown(TRUNK, OLENA).name == "Dzvin Ltd"
    assert shown(BARE, OLENA).name == ""


def test_a_call_that_comes_from_outside_and_goes_out_again_shows_what_the_trunk_may() -> None:
    assert shown(TRUNK, CUSTOMER, ours=False).number == "+380441110000"
    original = TrunkPlan(name="open", caller_id="+380441110000", show_original=True)
    assert shown(original, CUSTOMER, ours=False).number == "+380501112233"
    assert shown(BARE, CUSTOMER, ours=False).number == "+380501112233"


def test_a_number_is_withheld_for_one_call_or_for_an_extension() -> None:
    assert shown(TRUNK, OLENA, withheld=True).withheld
    assert shown(TRUNK, Identity("1009")).withheld
    assert not shown(TRUNK, OLENA).withheld


def test_the_number_is_written_as_the_trunk_wants_it() -> None:
    trunk = TrunkPlan(name="t", caller_out=(Rule(Pattern.parse("+380."), strip=3, prepend=""),))
    assert shown(trunk, OLENA).number == "0441110001"
