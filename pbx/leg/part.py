"""A part of a leg. The leg owns it, and is not owned by it: so a leg goes the moment that nobody speaks of it any more,
with all that its call has left, and does not wait for the garbage collector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import ref

if TYPE_CHECKING:
    from pbx.leg.leg import Leg

Whole = TypeVar("Whole", bound="Leg")


class Part(Generic[Whole]):
    """Contract: used by way of its leg only, or by a timer whose key holds the leg."""

    def __init__(self, leg: Whole) -> None:
        self._whole = ref(leg)

    @property
    def _leg(self) -> Whole:
        leg = self._whole()
        assert leg is not None, "whoever uses a part holds its leg"
        return leg
