"""Service level in the six ways of the trade, side by side. Pure.

A figure without its formula says nothing: one day has six service levels. Each is None while nothing was offered that
it counts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of one line and one interval of arrival. `threshold` and `short` are seconds of waiting, short <= threshold."""

    answered: int
    answered_in_time: int  # waited at most the threshold
    abandoned: int  # hung up while they waited, the short ones too
    abandoned_in_time: int
    short_abandoned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevels:
    """Shares from 0 to 1.

    answered         in time / answered
    strict           in time / all: who gave up counts against
    ignoring         in time / all but those who gave up in time
    positive         in time or given up in time / all
    short_excluded   in time / all but those who gave up at once: the one that we show
    short_credited   in time or given up at once / all
    """

    answered: float | None
    strict: float | None
    ignoring: float | None
    positive: float | None
    short_excluded: float | None
    short_credited: float | None


def service_levels(counts: Counts) -> ServiceLevels:
    """All six (requirement: compute all, show one, name it)."""
    in_time, everybody = counts.answered_in_time, counts.answered + counts.abandoned
    return ServiceLevels(
        answered=share(in_time, counts.answered),
        strict=share(in_time, everybody),
        ignoring=share(in_time, everybody - counts.abandoned_in_time),
        positive=share(in_time + counts.abandoned_in_time, everybody),
        short_excluded=share(in_time, everybody - counts.short_abandoned),
        short_credited=share(in_time + counts.short_abandoned, everybody),
    )


def share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None
