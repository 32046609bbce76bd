"""Who is on the phone: live legs by extension. Busy is read off this, never written anywhere."""

from __future__ import annotations

from collections.abc import Callable

from pbx.leg import Leg


class Presence:
    """Counts each extension's live legs; `on_change(extension, legs)` tells every change, `on_enter(extension, leg)`
    each new one."""

    def __init__(
        self, on_change: Callable[[str, int], None], on_enter: Callable[[str, Leg], None] = lambda _, __: None
    ) -> None:
        self._legs: dict[str, int] = {}
        self._on_change = on_change
        self._on_enter = on_enter

    def enters(self, extension: str | None, leg: Leg) -> None:
        """That leg now belongs to that extension (None: to an outside number), until it is released."""
        if extension is None:
            return
        self._change(extension, +1)
        leg.on_released(lambda _: self._change(extension, -1))
        self._on_enter(extension, leg)

    def legs_of(self, extension: str) -> int:
        return self._legs.get(extension, 0)

    def _change(self, extension: str, by: int) -> None:
        legs = self._legs.get(extension, 0) + by
        if legs:
            self._legs[extension] = legs
        else:
            self._legs.pop(extension, None)
        self._on_change(extension, legs)
