"""Whether the other side of a trunk lives: by OPTIONS, and by what calls meet. With hysteresis; pure.

One lost datagram says nothing, and one answer after a silence little: it takes some in a row to change the verdict, so
that a flapping line does not make the calls flap.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERY = 30.0  # seconds between probes of one that lives
SUSPICIOUS = 5.0  # while the verdict may be about to change
DOWN_AFTER, UP_AFTER = 3, 2  # in a row
IN_TROUBLE = frozenset({408, 503, 504})
"""Answers that say no more of a server's health than silence: one that is shutting down or overloaded says 503, a proxy
that cannot reach it says 408 or 504."""
TRIED_AGAIN = 30.0  # seconds after which calls try one that nobody probes


@dataclass(slots=True)
class Health:
    """`up` until known otherwise."""

    up: bool = True
    since: float = 0.0  # monotonic seconds of the last change; 0: none yet
    in_a_row: int = 0  # signs against the verdict

    def heard(self, now: float) -> bool:
        """It answered, whatever it answered. True when this makes it up."""
        if self.up:
            self.in_a_row = 0
            return False
        return self._against(now, UP_AFTER)

    def silent(self, now: float) -> bool:
        """It did not answer, or could not be reached. True when this makes it down."""
        if not self.up:
            self.in_a_row = 0
            self.since = now
            return False
        return self._against(now, DOWN_AFTER)

    def _against(self, now: float, enough: int) -> bool:
        self.in_a_row += 1
        if self.in_a_row < enough:
            return False
        self.up, self.since, self.in_a_row = not self.up, now, 0
        return True

    def probe_after(self) -> float:
        """Seconds until the next probe."""
        return EVERY if self.up and not self.in_a_row else SUSPICIOUS

    def is_promising(self, now: float, *, probed: bool) -> bool:
        """Whether a call should go there first: it lives, or it is time that somebody tries."""
        return self.up or (not probed and now - self.since >= TRIED_AGAIN)
