"""Codes that one end presses while both talk. Pure. The other end hears the tones too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Meaning = TypeVar("Meaning")
PATIENCE = 3.0  # seconds between two keys of one code


@dataclass(slots=True)
class PressedCodes(Generic[Meaning]):
    """Listens to the keys of one end, one after the other."""

    codes: Mapping[str, Meaning]
    _keys: str = ""
    _last: float = 0.0

    def press(self, key: str, now: float) -> Meaning | None:
        """What the keys up to this one ask for. `now`: seconds of any clock."""
        longest = max(map(len, self.codes), default=0)
        self._keys = (self._keys if now - self._last <= PATIENCE else "") + key
        self._keys, self._last = self._keys[-longest:] if longest else "", now
        for code, order in self.codes.items():
            if self._keys.endswith(code):
                self._keys = ""
                return order
        return None
