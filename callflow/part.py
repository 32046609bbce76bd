"""A part of a call. The call owns it, and is not owned by it: so a call goes the moment that it is over, and does not
wait for the garbage collector."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from callflow.call import Call


class PartOfCall:
    """Contract: used by way of its call, or while the call's task runs."""

    def __init__(self, call: Call) -> None:
        self._whole = ref(call)

    @property
    def _call(self) -> Call:
        call = self._whole()
        assert call is not None, "whoever uses a part holds its call"
        return call
