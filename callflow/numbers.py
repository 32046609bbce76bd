"""Telephone numbers as people and providers write them: patterns, rewriting, one canonical form. Pure.

Everything here is linear in the length of the number: a pattern has no alternatives and no repetition but at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_NUMBER = 32
SEPARATORS = str.maketrans("", "", " -.()/")
_LITERAL = frozenset("0123456789+*#")
_WILD = {"X": "0123456789", "Z": "123456789", "N": "23456789"}
_REST = ".!"  # at the end of a pattern: one or more characters; any number of them


@dataclass(frozen=True, slots=True)
class Pattern:
    """`X` is any digit, `Z` 1 to 9, `N` 2 to 9, digits and `+ * #` are themselves; `.` at the end is one or more
    characters, `!` none or more. Otherwise the whole number must fit."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Raises ValueError that says what is expected."""
        body = text[:-1] if text[-1:] and text[-1] in _REST else text
        if not text or len(text) > LONGEST_NUMBER or any(sign not in _LITERAL and sign not in _WILD for sign in body):
            raise ValueError(f'expected digits, + * #, X Z N, and at the end . or !, got "{text}"')
        return cls(text)

    def fits(self, number: str) -> bool:
        return self.filled(number) is not None

    def filled(self, number: str) -> str | None:
        """The digits that stood for `X`, `Z` and `N`, in order; None when the number does not fit."""
        rest = self.text[-1] if self.text[-1] in _REST else ""
        body = self.text[:-1] if rest else self.text
        shortest = len(body) + (rest == ".")
        if len(number) < shortest or (not rest and len(number) > shortest):
            return None
        filled = []
        for sign, character in zip(body, number, strict=False):
            if sign in _WILD:
                if character not in _WILD[sign]:
                    return None
                filled.append(character)
            elif sign != character:
                return None
        return "".join(filled)


@dataclass(frozen=True, slots=True)
class Rule:
    """A number that fits `pattern` loses its first `strip` characters and gets `prepend` before it."""

    pattern: Pattern
    strip: int = 0
    prepend: str = ""

    def apply(self, number: str) -> str | None:
        return f"{self.prepend}{number[self.strip :]}" if self.pattern.fits(number) else None


def translate(rules: Sequence[Rule], number: str) -> str:
    """The number as the first rule that fits makes it; as it is when none does."""
    for rule in rules:
        if (changed := rule.apply(number)) is not None:
            return changed
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPlan:
    """How numbers are dialled in a country."""

    country_code: str = "380"
    national_prefix: str = "0"  # before a number of the own country; "" where there is none
    international_prefix: str = "00"

    def e164(self, number: str) -> str | None:
        """`+` and 7 to 15 digits, or None for what is no public number: an extension, a service or a short number.

        A number of the own country without any prefix (441234567) has none either: it might be anything.
        """
        text = number.translate(SEPARATORS)
        if text.startswith("+"):
            return _plus(text[1:])
        if not (text.isascii() and text.isdigit()):
            return None
        if self.international_prefix and text.startswith(self.international_prefix):
            return _plus(text[len(self.international_prefix) :])
        if self.national_prefix and text.startswith(self.national_prefix):
            return _plus(f"{self.country_code}{text[len(self.national_prefix) :]}")
        if text.startswith(self.country_code) and len(text) >= len(self.country_code) + 8:
            return _plus(text)
        return None

    def spellings(self, number: str) -> tuple[str, ...]:
        """Digits that may stand for the same subscriber of this country, the likeliest first: as a provider may write
        one of our own numbers (+380441234567, 380441234567, 0441234567, 441234567)."""
        text = number.translate(SEPARATORS)
        digits = digits_of(text)
        found = [digits]
        if (e164 := self.e164(text)) is not None:
            found.append(e164[1:])
        if not text.startswith(("+", self.country_code)):
            found.append(f"{self.country_code}{digits}")
        return tuple(dict.fromkeys(found))


def _plus(digits: str) -> str | None:
    sound = 7 <= len(digits) <= 15 and digits.isascii() and digits.isdigit() and digits[0] != "0"
    return f"+{digits}" if sound else None


def digits_of(number: str) -> str:
    return "".join(character for character in number if character.isascii() and character.isdigit())


def is_dialable(number: str) -> bool:
    """`+`, digits, `*`, `#` and the separators people type; nothing that could be markup or a header."""
    return all(character in "+0123456789*#-. ()/" for character in number)
