"""Chance that a replay finds again: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators)."""

from __future__ import annotations

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


class Draw:
    """Numbers from a seed that is handed in: the same seed gives the same numbers on every machine."""

    def __init__(self, seed: int) -> None:
        self._state = seed & MASK

    def next(self) -> float:
        """In [0, 1)."""
        self._state = (self._state + GOLDEN) & MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)
