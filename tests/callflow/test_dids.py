"""Which of our numbers a provider's call is for."""

from __future__ import annotations

import pytest

from callflow.dids import Did, Dids
from callflow.numbers import NumberPlan, Pattern

UKRAINE = NumberPlan()
DIDS = Dids(
    [
        Did(to="7000", number=Pattern.parse("380441234567")),
        Did(to="1XXX", number=Pattern.parse("38044765XXXX")),
        Did(to="8000", first="380445550100", last="380445550199"),
        Did(to="7001", number=Pattern.parse("380441234567"), trunk="mobile"),
        Did(to="1001", number=Pattern.parse("700")),
    ]
)


def lead(number: str, trunk: str = "city") -> str | None:
    return DIDS.lead(UKRAINE.spellings(number), trunk)


@pytest.mark.parametrize("number", ["+380441234567", "380441234567", "0441234567", "441234567", "+38 044 123-45-67"])
def test_a_did_is_found_with_and_without_plus_and_in_national_form(number: str) -> None:
    assert lead(number) == "7000"


def test_a_trunks_own_did_goes_before_everybodys() -> None:
    assert lead("+380441234567", "mobile") == "7001"
    assert lead("+380441234567", "city") == "7000"


def test_a_pattern_fills_its_digits_into_the_extension() -> None:
    assert lead("0447654321") == "1321"


@pytest.mark.parametrize(
    ("number", "to"), [("0445550100", "8000"), ("+380445550199", "8000"), ("0445550200", None), ("04455501", None)]
)
def test_a_range_holds_its_ends_and_nothing_of_another_width(number: str, to: str | None) -> None:
    assert lead(number) == to


def test_a_provider_may_send_short_forms_of_its_own() -> None:
    assert lead("700") == "1001"
    assert lead("701") is None
    assert lead("") is None
