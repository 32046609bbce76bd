"""A day in figures: counts and measures of the waits that began in it, and how busy agents were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from queue_engine.reasons import LeaveReason
from queue_engine.whatif.meter import Meter, Visit

GAVE_UP = (LeaveReason.ABANDONED, LeaveReason.SHORT_ABANDONED)
ALIKE_WITHIN = 1.0
"""Seconds by which two waits may differ and be told as the same."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds; None where there is nothing to measure. The service level is that of the line reports: answered within
    `threshold`, of all who were answered or gave up, but not at once (within `short`)."""

    offered: int
    answered: int
    abandoned: int
    left_otherwise: int
    waiting: int
    answer_mean: float | None
    answer_p95: float | None
    longest_wait: float | None
    service_level: float | None


def figures(visits: Iterable[Visit], ends: float, *, threshold: float = 20.0, short: float = 5.0) -> Figures:
    """`ends`: until when who has not left has waited."""
    found = list(visits)
    answers = sorted(_waited(visit, ends) for visit in found if visit.reason is LeaveReason.ANSWERED)
    gave_up = [_waited(visit, ends) for visit in found if visit.reason in GAVE_UP]
    counted = len(answers) + sum(wait > min(short, threshold) for wait in gave_up)
    return Figures(
        offered=len(found),
        answered=len(answers),
        abandoned=len(gave_up),
        left_otherwise=sum(v.reason is not None for v in found) - len(answers) - len(gave_up),
        waiting=sum(visit.reason is None for visit in found),
        answer_mean=sum(answers) / len(answers) if answers else None,
        answer_p95=_quantile(answers, 0.95) if answers else None,
        longest_wait=max((_waited(visit, ends) for visit in found), default=None),
        service_level=sum(wait <= threshold for wait in answers) / counted if counted else None,
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Between two values in proportion, as the reports do."""
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def occupancy(meter: Meter) -> float | None:
    """The share of their time at work in which agents talk or wrap up."""
    busy, idle = sum(meter.busy.values()), sum(meter.idle.values())
    return busy / (busy + idle) if busy + idle > 0 else None


def alike(real: Sequence[Visit], simulated: Sequence[Visit]) -> float | None:
    """The share of real waits, in their order for each line, that end in the simulation as they did: for the same
    reason, by the same agent, within a second."""
    by_line: dict[str, list[Visit]] = {}
    for visit in sorted(simulated, key=lambda visit: visit.entered_at):
        by_line.setdefault(visit.line, []).append(visit)
    order = {line: iter(visits) for line, visits in by_line.items()}
    pairs = [(visit, next(order.get(visit.line, iter(())), None)) for visit in sorted(real, key=lambda v: v.entered_at)]
    return sum(other is not None and _same(visit, other) for visit, other in pairs) / len(pairs) if pairs else None


def _same(visit: Visit, other: Visit) -> bool:
    if (visit.reason, visit.extension) != (other.reason, other.extension):
        return False
    ends = (visit.left_at or 0.0) - (other.left_at or 0.0)
    return abs(ends) <= ALIKE_WITHIN and abs(visit.entered_at - other.entered_at) <= ALIKE_WITHIN


def _waited(visit: Visit, ends: float) -> float:
    return max(0.0, (ends if visit.left_at is None else visit.left_at) - visit.entered_at)
