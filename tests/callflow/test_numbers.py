"""Patterns, rewriting rules and the canonical form of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.numbers import LONGEST_NUMBER, NumberPlan, Pattern, Rule, translate

UKRAINE = NumberPlan()
HUNGARY = NumberPlan(country_code="36", national_prefix="06", international_prefix="00")
POLAND = NumberPlan(country_code="48", national_prefix="", international_prefix="00")


@pytest.mark.parametrize(
    ("pattern", "number", "filled"),
    [
        ("0441234567", "0441234567", ""),
        ("0441234567", "04412345678", None),
        ("+38044123XXXX", "+380441234567", "4567"),
        ("+38044123XXXX", "+38044123456", None),
        ("ZXX", "012", None),
        ("ZXX", "102", "102"),
        ("NXX", "112", None),
        ("00.", "0037122", ""),
        ("00.", "00", None),
        ("00!", "00", ""),
        ("0XX.", "0671112233", "67"),
        ("*8X", "*81", "1"),
        ("X", "٣", None),
    ],
)
def test_a_pattern_tells_what_stood_for_its_wildcards(pattern: str, number: str, filled: str | None) -> None:
    assert Pattern.parse(pattern).filled(number) == filled


@pytest.mark.parametrize("text", ["", "12a", "1.2", "x", "(0|1)*", "1" * 40, "X!."])
def test_what_is_no_pattern_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected digits"):
        Pattern.parse(text)


def test_the_first_rule_that_fits_rewrites_the_number() -> None:
    rules = [
        Rule(Pattern.parse("00."), strip=2, prepend="+"),
        Rule(Pattern.parse("0XXXXXXXXX"), strip=1, prepend="+380"),
        Rule(Pattern.parse("0."), strip=1),
    ]
    assert translate(rules, "0037122334455") == "+37122334455"
    assert translate(rules, "0441234567") == "+380441234567"
    assert translate(rules, "0103") == "103"
    assert translate(rules, "+380441234567") == "+380441234567"


@pytest.mark.parametrize(
    ("plan", "number", "e164"),
    [
        (UKRAINE, "+38 (044) 123-45-67", "+380441234567"),
        (UKRAINE, "0441234567", "+380441234567"),
        (UKRAINE, "00380441234567", "+380441234567"),
        (UKRAINE, "380441234567", "+380441234567"),
        (UKRAINE, "0037122334455", "+37122334455"),
        (UKRAINE, "441234567", None),
        (UKRAINE, "103", None),
        (UKRAINE, "+1", None),
        (UKRAINE, "+0441234567", None),
        (UKRAINE, "uas", None),
        (UKRAINE, "*21*0441234567#", None),
        (HUNGARY, "0612345678", "+3612345678"),
        (POLAND, "48221234567", "+48221234567"),
    ],
)
def test_one_canonical_form_for_public_numbers_and_none_for_others(
    plan: NumberPlan, number: str, e164: str | None
) -> None:
    assert plan.e164(number) == e164


@pytest.mark.parametrize("number", ["+380441234567", "380441234567", "0441234567", "441234567", "00380441234567"])
def test_a_number_of_ours_is_known_in_each_of_its_spellings(number: str) -> None:
    assert "380441234567" in UKRAINE.spellings(number)


@given(st.text(max_size=64))
def test_hostile_text_is_no_number_and_never_an_error(text: str) -> None:
    e164 = UKRAINE.e164(text)
    assert e164 is None or (len(e164) <= 16 and e164[1:].isdigit() and e164.isascii())
    assert len(UKRAINE.spellings(text)) <= 3
    Pattern.parse("+380XX!").filled(text)


@given(
    st.text(alphabet="0123456789+*#XZN.!", min_size=1, max_size=LONGEST_NUMBER), st.text("0123456789+*#", max_size=40)
)
def test_a_pattern_never_keeps_more_than_the_number_holds(pattern: str, number: str) -> None:
    try:
        parsed = Pattern.parse(pattern)
    except ValueError:
        return
    filled = parsed.filled(number)
    assert filled is None or len(filled) <= len(number)
