"""What an agent has taken out of a waiting line: from the answer, over the bridge, to the end of the segment."""

from __future__ import annotations

from collections.abc import Callable

from callflow.side import Side
from pbx.leg import LegEnd
from queue_engine.place import Place
from queue_engine.reasons import LeaveReason


class Service:
    """`tell_left` tells how the wait ended. `release`: nobody else rings for it any more. `stopped`: why the
    wait ends now, if it is not the agent's doing."""

    def __init__(
        self,
        side: Side,
        place: Place,
        tell_left: Callable[[LeaveReason], None],
        release: Callable[[], None],
        stopped: Callable[[], LeaveReason] = lambda: LeaveReason.TECHNICAL,
    ) -> None:
        self.side = side
        self._place = place
        place.answered = True
        self._tell_left = tell_left
        self._release = release
        self._stopped = stopped
        self._stands = self._over = False

    @property
    def line(self) -> str:
        return self._place.item.line

    def stands(self, side: Side) -> None:
        """The bridge stands: the others who ring are let go now, and not before."""
        if self._stands or self._over or side is not self.side:
            return
        self._stands = True
        self._place.taken(side.extension or "")
        self._tell_left(LeaveReason.ANSWERED)
        self._release()

    def over(self) -> None:
        """The agent's part is over, or there was none: the answer came to nothing. Safe to call twice."""
        if self._over:
            return
        self._over = True
        if self._stands:
            self._place.ended(self.side.extension or "")
            return
        reason = self._why_for_nothing()
        self._place.leave(reason)
        self._tell_left(reason)
        self._release()

    def _why_for_nothing(self) -> LeaveReason:
        """An answer that crosses the caller's good-bye is not the agent's fault, nor is one whom we let go."""
        stopped, side = self._stopped(), self.side
        hung_up = side.is_over and side.leg.ended.result().reason is not LegEnd.HUNG_UP
        return LeaveReason.AGENT_DUMP if hung_up and stopped is not LeaveReason.ABANDONED else stopped
