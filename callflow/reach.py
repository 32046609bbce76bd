"""How far a telephone number reaches, and so what a call to it may cost.

Pure. What is not recognisably a number of the own country counts as international: a trick of spelling must not be
cheaper than the truth. So do service codes (`*67#00…`), which a provider would read its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType, ShortNumberCost, ValidationResult, shortnumberinfo

LONGEST_SHORT = 6  # digits: taxis, banks, services
_NEAR = (ValidationResult.IS_POSSIBLE, ValidationResult.IS_POSSIBLE_LOCAL_ONLY)
_DEAR = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)


class Reach(StrEnum):
    EMERGENCY = "emergency"
    NATIONAL = "national"
    PREMIUM = "premium"
    INTERNATIONAL = "international"


def reach_of(number: str, region: str, premium_prefixes: Sequence[str] = ()) -> Reach:
    """`number` as it is dialled to the outside; `region`: the own country in two letters. `premium_prefixes` are
    compared with the number as dialled and in its international form."""
    digits = "".join(character for character in number if character not in " -.()")
    if not digits.removeprefix("+").isdigit() or not digits.isascii():
        return Reach.INTERNATIONAL
    if shortnumberinfo.is_emergency_number(digits, region):
        return Reach.EMERGENCY
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return Reach.INTERNATIONAL
    full = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if any(prefix and (digits.startswith(prefix) or full.startswith(prefix)) for prefix in premium_prefixes):
        return Reach.PREMIUM
    if parsed.country_code != phonenumbers.country_code_for_region(region):
        return Reach.INTERNATIONAL
    if len(digits) <= LONGEST_SHORT:
        cost = shortnumberinfo.expected_cost_for_region(parsed, region)
        return Reach.PREMIUM if cost == ShortNumberCost.PREMIUM_RATE else Reach.NATIONAL
    # Countries share codes (+1, +7): the whole number tells which one it is.
    if phonenumbers.region_code_for_number(parsed) not in (region, None):
        return Reach.INTERNATIONAL
    if phonenumbers.number_type(parsed) in _DEAR:
        return Reach.PREMIUM
    possible = phonenumbers.is_possible_number_with_reason(parsed) in _NEAR
    return Reach.NATIONAL if possible else Reach.INTERNATIONAL
