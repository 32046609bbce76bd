"""The calls that live now, so that one call can be joined with another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from pbx.leg import Leg

if TYPE_CHECKING:
    from callflow.call import Call


def _nobody_hears(call: Call) -> None:
    pass


class LiveCalls:
    def __init__(self) -> None:
        self._calls: dict[UUID, Call] = {}
        self._parked: dict[str, UUID] = {}
        self.on_answered: Callable[[Call], None] = _nobody_hears  # two talk in it, or others than before

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: Call) -> None:
        self._calls[call.call_id] = call

    def remove(self, call_id: UUID) -> None:
        self._calls.pop(call_id, None)

    def of(self, call_id: UUID) -> Call | None:
        return self._calls.get(call_id)

    def owner(self, leg: Leg) -> Call | None:
        """The call that this leg is part of."""
        call = self._calls.get(leg.call_id)
        return call if call is not None and call.holds_leg(leg) else None

    def other_of(self, extension: str, call: Call) -> Call | None:
        """The one other call in which that person talks, or holds somebody."""
        others = [each for each in self._calls.values() if each is not call and each.leg_of(extension) is not None]
        return others[0] if len(others) == 1 else None

    def talking(self, extension: str) -> Call | None:
        """The call in which that person talks with somebody now."""
        for call in self._calls.values():
            if any(side.extension == extension for side in call.hearing.talkers):
                return call
        return None

    # ---- orbits, where calls are parked ----------------------------------------------------------------------------

    def park(self, orbit: str, call_id: UUID) -> None:
        assert orbit not in self._parked
        self._parked[orbit] = call_id

    def unpark(self, orbit: str) -> None:
        self._parked.pop(orbit, None)

    def parked_at(self, orbit: str) -> Call | None:
        call_id = self._parked.get(orbit)
        return self._calls.get(call_id) if call_id is not None else None

    def is_free(self, orbit: str) -> bool:
        return orbit not in self._parked
