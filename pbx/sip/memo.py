"""Remembers what short texts parse to: the From of a call comes in a dozen messages, always the same.

The results are immutable values, so sharing one is safe. Long texts are parsed anew each time and never kept, so that
strangers' messages cannot fill the memory: at most `ENTRIES` texts of `LONGEST` characters for each kind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

ENTRIES = 4096
LONGEST = 200

T = TypeVar("T")


def remembered(parse: Callable[[str], T]) -> Callable[[str], T]:
    """`parse`, remembering its results. What it raises is not remembered."""
    kept = lru_cache(ENTRIES)(parse)

    def of(text: str) -> T:
        return kept(text) if len(text) <= LONGEST else parse(text)

    return of
