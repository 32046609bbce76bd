"""What an agent has taken out of a waiting line: from the answer, over the bridge, to the end of the segment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from callflow.side import Side
from queue_engine.place import Place


def _at_once() -> None:
    """For whom nobody else is rung."""


class Service:
    """`on_bridge`: the two hear each other. `on_nothing`: the agent has answered, and the bridge will not stand; who
    waits goes on waiting."""

    def __init__(
        self,
        side: Side,
        place: Place,
        on_bridge: Callable[[], None] = _at_once,
        on_nothing: Callable[[], None] = _at_once,
    ) -> None:
        self.side = side
        self.stood: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether there was a bridge, as soon as that is decided."""
        self._place = place
        place.answered = True
        self._on_bridge = on_bridge
        self._on_nothing = on_nothing
        self._over = False

    @property
    def line(self) -> str:
        return self._place.item.line

    def stands(self, side: Side) -> None:
        """The bridge stands: the others who ring are let go now, and not before."""
        if self.stood.done() or side is not self.side:
            return
        self._place.taken(side.extension or "")
        self.stood.set_result(True)
        self._on_bridge()

    def over(self) -> None:
        """The agent's part is over, or there was none: the answer came to nothing. Safe to call twice."""
        if self._over:
            return
        self._over = True
        if self.stood.done():
            self._place.ended(self.side.extension or "")
            return
        self._place.answered = False
        self.stood.set_result(False)
        self._on_nothing()
