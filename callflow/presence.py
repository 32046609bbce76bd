"""Who is on the phone and whose phone rings: read off live legs and offers, never written anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from pbx.leg import Leg


class Presence:
    """`on_change(extension, legs)` tells every change of the number of an extension's live legs, `on_enter(extension,
    leg)` each new one."""

    def __init__(
        self, on_change: Callable[[str, int], None], on_enter: Callable[[str, Leg], None] = lambda _, __: None
    ) -> None:
        self._legs: dict[str, dict[Leg, None]] = {}
        self._ringing: dict[str, dict[UUID, None]] = {}
        self._on_change = on_change
        self._on_enter = on_enter

    def enters(self, extension: str | None, leg: Leg) -> None:
        """That leg now belongs to that extension (None: to an outside number), until it is released. Once more for a
        leg that has become another call's."""
        if extension is None:
            return
        legs = self._legs.setdefault(extension, {})
        if leg not in legs:
            legs[leg] = None
            leg.on_released(lambda leg: self._leaves(extension, leg))
            self._on_change(extension, len(legs))
        self._on_enter(extension, leg)

    def _leaves(self, extension: str, leg: Leg) -> None:
        legs = self._legs.get(extension, {})
        legs.pop(leg, None)
        if not legs:
            self._legs.pop(extension, None)
        self._on_change(extension, len(legs))

    def legs_of(self, extension: str) -> int:
        return len(self._legs.get(extension, ()))

    def a_leg_of(self, extension: str | None) -> Leg | None:
        """One with sound, so that another leg of the same person can be opened in the same media worker."""
        legs = self._legs.get(extension, ()) if extension else ()
        return next((leg for leg in legs if leg.media is not None and not leg.is_over), None)

    def lines_taken(self, extension: str) -> int:
        """In how many calls the extension is; all its phones that ring for one call take one line."""
        return len({leg.call_id for leg in self._legs.get(extension, ()) if not leg.is_over})

    @contextmanager
    def rings(self, extension: str, call_id: UUID) -> Iterator[None]:
        """Meanwhile that call rings at that extension."""
        ringing = self._ringing.setdefault(extension, {})
        ringing[call_id] = None
        try:
            yield
        finally:
            ringing.pop(call_id, None)
            if not ringing and self._ringing.get(extension) is ringing:
                del self._ringing[extension]

    def rung_for(self, call_id: UUID) -> set[str]:
        """Where that call rings."""
        return {extension for extension, calls in self._ringing.items() if call_id in calls}

    def ringing(self) -> Iterator[tuple[str, UUID]]:
        """Extensions at which something rings, with the call; who began to ring first comes first."""
        for extension, calls in self._ringing.items():
            yield from ((extension, call_id) for call_id in calls)
