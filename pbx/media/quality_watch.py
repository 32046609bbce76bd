"""How the legs of a worker sound: looked at every five seconds, told when it changes, summed up at the end.

Both directions count: what came in is in the engine's counters, what arrived at the far end is in its RTCP.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

import msgspec

from pbx.media.leg_figures import LegFigures
from pbx.media.messages import LegStatistics, MediaQuality
from pbx.media.reports import Reports, ReportState
from pbx.media.worker_legs import WorkerLeg
from pbx.rtp.quality import Quality, mouth_to_ear, quality

INTERVAL = 5.0  # seconds
MOST_LOSSES = 30  # percent: an encoder that repeats more has no bits left for the sound itself
FEW = 50  # packets, a second of sound: fewer in an interval say nothing of it


class QualityWatch:
    """Contract: `tick` often, `statistics` before the leg's RTCP is closed."""

    def __init__(
        self,
        figures: Callable[[int], LegFigures],
        reports: Reports,
        expect_loss: Callable[[int, int], None],
        tell: Callable[[MediaQuality], None],
    ) -> None:
        """`expect_loss`: gets a leg and the percentage of our packets that do not arrive there, when it has changed."""
        self._figures = figures
        self._reports = reports
        self._expect_loss = expect_loss
        self._tell = tell

    def tick(self, legs: Iterable[WorkerLeg]) -> None:
        now = time.monotonic()
        for leg in legs:
            if not leg.watched.due:
                leg.watched.due = now + INTERVAL
            elif leg.watched.due <= now and not leg.closing:
                leg.watched.due = now + INTERVAL
                self._look_at(leg)

    def statistics(self, leg: WorkerLeg) -> LegStatistics:
        """Everything that is known of the leg until now."""
        figures, state = self._figures(leg.number), self._reports.state(leg.number)
        here = there = None
        if figures.received:
            here = _heard(leg, figures, state, figures.lost / max(figures.expected, 1)).mos
        if state.is_reported and figures.sent:
            there = _told(leg, figures, state, min(1.0, state.remote_lost / figures.sent)).mos
        return msgspec.structs.replace(
            figures.statistics(),
            remote_lost=state.remote_lost,
            remote_jitter_ms=state.remote_jitter / figures.clock,
            round_trip_ms=_round_trip_ms(state),
            codec=leg.codec,
            mos=here,
            remote_mos=there,
            worst_mos=leg.watched.worst,
        )

    def _look_at(self, leg: WorkerLeg) -> None:
        watched = leg.watched
        figures, state = self._figures(leg.number), self._reports.state(leg.number)
        if leg.codec == "opus" and state.is_reported:
            percent = losses_to_expect(watched.loss, state.remote_fraction)
            if percent != watched.loss:
                watched.loss = percent
                self._expect_loss(leg.number, percent)
        expected, received = figures.expected - watched.expected, figures.received - watched.received
        watched.expected, watched.received = figures.expected, figures.received
        if expected < FEW:
            return  # on hold, or silent: that is told elsewhere
        loss = max(0.0, 1 - received / expected)
        sounds = _heard(leg, figures, state, loss)
        if state.is_reported:
            there = _told(leg, figures, state, state.remote_fraction)
            if there.r < sounds.r:
                sounds, loss = there, state.remote_fraction
        watched.worst = min(sounds.mos, watched.worst if watched.worst is not None else sounds.mos)
        if sounds.grade is watched.grade:
            return
        watched.grade = sounds.grade
        self._tell(
            MediaQuality(
                leg=leg.number,
                grade=sounds.grade,
                mos=round(sounds.mos, 2),
                loss=round(loss, 4),
                jitter_ms=figures.jitter_ms,
                round_trip_ms=_round_trip_ms(state),
            )
        )


def losses_to_expect(before: int, fraction: float) -> int:
    """Percent, after a report of that fraction: at once as many as were lost, fewer little by little."""
    return min(max(math.ceil(100 * fraction), before * 3 // 4), MOST_LOSSES)


def _heard(leg: WorkerLeg, figures: LegFigures, state: ReportState, loss: float) -> Quality:
    """How the far end sounds here."""
    delay = mouth_to_ear(round_trip_ms=_round_trip_ms(state), jitter_ms=figures.jitter_ms)
    return quality(leg.codec, loss=loss, delay_ms=delay)


def _told(leg: WorkerLeg, figures: LegFigures, state: ReportState, loss: float) -> Quality:
    """How we sound there."""
    delay = mouth_to_ear(round_trip_ms=_round_trip_ms(state), jitter_ms=state.remote_jitter / figures.clock)
    return quality(leg.codec, loss=loss, delay_ms=delay)


def _round_trip_ms(state: ReportState) -> float | None:
    return state.round_trip * 1000 if state.round_trip is not None else None
