"""Outside numbers that lead inside: which of ours a provider's call is for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callflow.numbers import Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """`number` is a pattern of digits without the plus; or all numbers of one width from `first` to `last`.

    Each `X` in `to` becomes a digit that stood for a wildcard, the last for the last: +38044123XXXX to 1XXX leads
    +380441234567 to 1567.
    """

    to: str
    trunk: str = ""  # only from this trunk; "": from any
    number: Pattern | None = None
    first: str = ""
    last: str = ""

    def leads(self, digits: str) -> str | None:
        if self.number is None:
            inside = len(digits) == len(self.first) and self.first <= digits <= self.last
            return self.to if inside else None
        filled = self.number.filled(digits)
        return None if filled is None else _filled_in(self.to, filled)


def _filled_in(template: str, digits: str) -> str:
    if not digits or "X" not in template:
        return template
    left = list(digits)
    return "".join(left.pop() if sign == "X" and left else sign for sign in reversed(template))[::-1]


class Dids:
    """Looks a number up: whole numbers before patterns and ranges, a trunk's own before everybody's."""

    def __init__(self, dids: Iterable[Did] = ()) -> None:
        self._whole: dict[tuple[str, str], str] = {}
        self._others: list[Did] = []
        for did in dids:
            if did.number is not None and did.number.text.isdigit():
                self._whole.setdefault((did.trunk, did.number.text), did.to)
            else:
                self._others.append(did)

    def lead(self, spellings: Sequence[str], trunk: str) -> str | None:
        """Our own number that the first spelling that we know leads to."""
        for of in (trunk, ""):
            for digits in spellings:
                if (whole := self._whole.get((of, digits))) is not None:
                    return whole
        for of in (trunk, ""):
            for did in self._others:
                if did.trunk != of:
                    continue
                for digits in spellings:
                    if (led := did.leads(digits)) is not None:
                        return led
        return None
