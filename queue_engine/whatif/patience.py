"""How long people wait, as far as one can know: of who was answered it is known only that they waited so long.

The estimate is that of Kaplan and Meier (Nonparametric Estimation from Incomplete Observations, 1958): of all who still
wait after so many seconds, the share that gives up then. Beyond the last who gave up nobody can know; there people go
on to give up at the mean rate of the day.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from math import log

from queue_engine.reasons import LeaveReason


@dataclass(frozen=True, slots=True)
class GaveUp:
    """After so many seconds, and how: hung up, pressed a key, asked for a callback."""

    seconds: float
    reason: LeaveReason


class Patience:
    def __init__(self, gave_up: Iterable[GaveUp], endured: Iterable[float]) -> None:
        """`endured`: seconds of who was answered, or sent away, and would have waited longer."""
        self._ends = sorted(gave_up, key=lambda each: each.seconds)
        censored = sorted(endured)
        at_risk, share = len(self._ends) + len(censored), 1.0
        self._left: list[float] = []  # the share that still waits after each end
        behind = 0
        for each in self._ends:
            while behind < len(censored) and censored[behind] < each.seconds:
                behind, at_risk = behind + 1, at_risk - 1
            share *= 1 - 1 / at_risk
            at_risk -= 1
            self._left.append(share)
        waited = sum(each.seconds for each in self._ends) + sum(censored)
        self.rate = len(self._ends) / waited if waited > 0 else 0.0
        """Who gives up, for each second that somebody waits."""

    def __len__(self) -> int:
        """Of how many it is known."""
        return len(self._ends)

    def waits_longer(self, seconds: float) -> float:
        """The share of people who do."""
        known = bisect_right(self._ends, seconds, key=lambda each: each.seconds)
        return self._left[known - 1] if known else 1.0

    def draw(self, chance: float, after: float = 0.0) -> GaveUp | None:
        """When somebody gives up who has waited `after` seconds; None: never. `chance` is in [0, 1)."""
        share = self.waits_longer(after)
        wanted = share * (1 - chance)
        passed = bisect_right(self._ends, after, key=lambda each: each.seconds)
        found = max(passed, bisect_left(self._left, -wanted, key=lambda left: -left))
        if share and found < len(self._ends):
            return self._ends[found]
        if not self.rate:
            return None
        last = max(after, self._ends[-1].seconds)
        rest = wanted / self._left[-1] if share else 1 - chance
        return GaveUp(last - log(rest) / self.rate, LeaveReason.ABANDONED)
