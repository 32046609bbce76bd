"""Numbers in one normal form (R-CALL-17)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.clients import normalise

ANNA = "+380501112233"


@pytest.mark.parametrize(
    "raw", [ANNA, "380501112233", "0501112233", "501112233", "050 111-22-33", "+38 (050) 111.22.33", "00380501112233"]
)
def test_a_national_number_is_one_number_however_it_is_written(raw: str) -> None:
    assert normalise(raw).e164 == ANNA


@pytest.mark.parametrize(
    ("raw", "e164"),
    [
        ("+35921234567", "+35921234567"),
        ("35921234567", "+35921234567"),  # a trunk that leaves out the plus
        ("+14155550100", "+14155550100"),
        ("+380441234567", "+380441234567"),
    ],
)
def test_numbers_of_other_countries_keep_theirs(raw: str, e164: str) -> None:
    assert normalise(raw).e164 == e164


@pytest.mark.parametrize(
    "raw",
    ["1001", "7", "u00001", "sipp", "0800FLOWERS", "٠٥٠١١١٢٢٣٣", "+", "+1", "1" * 40, "tel:+380501112233", "+38050x"],
)
def test_what_is_no_number_of_the_public_network_has_no_e164(raw: str) -> None:
    assert normalise(raw).e164 is None
    assert normalise(raw).raw == raw


@pytest.mark.parametrize("raw", ["", "  ", "Anonymous", "anonymous", "unavailable", "Restricted"])
def test_withheld_numbers_are_known(raw: str) -> None:
    number = normalise(raw)
    assert (number.withheld, number.e164) == (True, None)


def test_the_region_says_where_a_number_is_at_home() -> None:
    assert normalise("020 7946 0018", region="GB").e164 == "+442079460018"
    assert normalise("020 7946 0018", region="UA").e164 is None


@pytest.mark.req("O-18")
@pytest.mark.parametrize(("raw", "digits"), [("10-01", 4), ("+38 (050) 111", 8), ("", 0), ("sipp", 0), ("٣٤", 0)])
def test_only_digits_count_in_the_short_number_rule(raw: str, digits: int) -> None:
    assert normalise(raw).digits == digits


@given(st.one_of(st.text(max_size=60), st.text(alphabet="+0123456789 ()-./", max_size=40)))
def test_any_text_is_a_number_or_none(raw: str) -> None:
    number = normalise(raw)
    assert number.e164 is None or re.fullmatch(r"\+[1-9][0-9]{1,14}", number.e164, re.ASCII)
    if number.e164:
        assert normalise(number.e164).e164 == number.e164
