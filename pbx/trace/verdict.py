"""What a replay says in the end, and how its parts say that something came out otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`record`: its place in the trace. `what`: the part of the core. `replayed`: what came out this time."""

    record: int
    at: float
    leg: int
    what: str
    noted: str
    replayed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`checked`: comparisons that were made. `unchecked`: records that hang on what is missing, so that nothing can be
    said of them. `missing`: records that the trace left out at its bound."""

    checked: int
    unchecked: int
    missing: int
    difference: Difference | None

    @property
    def is_same(self) -> bool:
        """Whether everything that could be compared came out as it was noted."""
        return self.difference is None


class Differs(Exception):
    """A part of the core did something else this time."""

    def __init__(self, what: str, noted: str, replayed: str) -> None:
        super().__init__(f"{what}: {noted} / {replayed}")
        self.what, self.noted, self.replayed = what, noted, replayed


class Unknown(Exception):
    """It hangs on something that the trace left out."""


def compare(what: str, noted: object, replayed: object) -> None:
    """Raises Differs."""
    if noted != replayed:
        raise Differs(what, _shown(noted), _shown(replayed))


def _shown(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
