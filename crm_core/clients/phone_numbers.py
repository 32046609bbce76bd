"""One normal form for numbers (R-CALL-17): E.164, or none. Pure.

The text comes from the wire or from a person and is hostile: only what looks like a number is parsed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers

LONGEST = 32  # characters; E.164 has 15 digits, people write brackets and dashes
WITHHELD = frozenset({"", "anonymous", "unknown", "restricted", "private", "unavailable", "withheld"})

_number = re.compile(r"\+?[0-9 ()./\-]+", re.ASCII)
_not_digits = re.compile(r"[^0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """`raw` as signalled or typed; `e164` when the text is a number of the public network."""

    raw: str
    e164: str | None
    withheld: bool

    @property
    def digits(self) -> int:
        """How many digits remain without separators: what the short-number rule counts (O-18)."""
        return len(_not_digits.sub("", self.raw))


def normalise(raw: str, *, region: str = "UA") -> PhoneNumber:
    """Never raises. A withheld number and text that is no number have no `e164`."""
    text = raw.strip()
    if text.lower() in WITHHELD:
        return PhoneNumber(raw=text, e164=None, withheld=True)
    return PhoneNumber(raw=text, e164=_e164(text, region), withheld=False)


def _e164(text: str, region: str) -> str | None:
    if len(text) > LONGEST or not _number.fullmatch(text):
        return None
    if text.startswith("+"):
        return _parsed(text, None)
    if national := _parsed(text, region):
        return national
    # Trunks often leave out the plus: 359888123456. Whole country codes only, and never a short internal number.
    digits = _not_digits.sub("", text)
    return _parsed(f"+{digits}", None) if 11 <= len(digits) <= 15 and digits[0] != "0" else None


def _parsed(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # With a plus the writer has said that this is E.164, so a length that is possible will do: number plans change
    # faster than the library. Without one it must be a number of that country, or an extension would become one.
    sure = phonenumbers.is_possible_number(number) if text.startswith("+") else phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if sure else None
