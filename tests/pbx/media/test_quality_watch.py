"""How a leg sounds, as the worker sees and tells it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import pytest
from uuid_utils.compat import uuid7

from pbx.media import quality_watch
from pbx.media.client import MediaQuality
from pbx.media.leg_figures import LegFigures
from pbx.media.port_pool import PortPool
from pbx.media.quality_watch import INTERVAL, QualityWatch
from pbx.media.reports import Reports
from pbx.media.worker_legs import WorkerLeg
from pbx.rtp.quality import Grade
from tests.pbx.media.rig import HOST
from tests.pbx.media.test_reports import figures


@dataclass
class Bench:
    """A leg whose counters the test moves on, under a clock of its own."""

    leg: WorkerLeg
    clock: Callable[[float], None]
    figures: LegFigures = field(
        default_factory=lambda: replace(figures(), expected=0, received=0, jitter=8, sent=0, sent_octets=0)
    )
    told: list[MediaQuality] = field(default_factory=list)
    losses: list[tuple[int, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reports = Reports(lambda _leg: self.figures)
        self.reports.open(0, self.leg.ports.rtcp)
        self.watch = QualityWatch(
            lambda _leg: self.figures, self.reports, lambda *loss: self.losses.append(loss), self.told.append
        )
        self.watch.tick([self.leg])

    def pass_by(self, *, expected: int = 250, lost: int = 0) -> None:
        """Five seconds."""
        before = self.figures
        self.figures = replace(
            before, expected=before.expected + expected, received=before.received + expected - lost,
            sent=before.sent + 250,
        )  # fmt: skip
        self.clock(INTERVAL)
        self.watch.tick([self.leg])


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    now = [1000.0]

    def advance(seconds: float) -> None:
        now[0] += seconds

    class Clock:
        monotonic = staticmethod(lambda: now[0])

    monkeypatch.setattr(quality_watch, "time", Clock)
    pair = PortPool(10000, 29999, time.monotonic).take(HOST)
    made = Bench(WorkerLeg(0, uuid7(), b"", HOST, pair), advance)
    yield made
    made.reports.close(0)
    pair.close()
    await asyncio.sleep(0)


async def test_a_leg_is_told_once_and_then_only_when_its_grade_changes(bench: Bench) -> None:
    for lost in (0, 0, 0, 25, 25, 0):
        bench.pass_by(lost=lost)
    assert [told.grade for told in bench.told] == [Grade.GOOD, Grade.FAIR, Grade.GOOD]
    assert bench.told[0].mos == pytest.approx(4.41, abs=0.01)
    assert bench.told[1].loss == 0.1
    assert bench.watch.statistics(bench.leg).worst_mos == pytest.approx(bench.told[1].mos, abs=0.01)


async def test_what_the_far_end_misses_counts_as_much_as_what_we_miss(bench: Bench) -> None:
    bench.pass_by()
    state = bench.reports.state(0)
    state.is_reported, state.remote_fraction, state.remote_lost, state.round_trip = True, 0.5, 125, 0.08
    bench.pass_by()
    assert [told.grade for told in bench.told] == [Grade.GOOD, Grade.POOR]
    assert (bench.told[1].loss, bench.told[1].round_trip_ms) == (0.5, 80)
    statistics = bench.watch.statistics(bench.leg)
    assert statistics.mos is not None
    assert statistics.remote_mos is not None
    assert statistics.mos > 4.3 > statistics.remote_mos


async def test_a_leg_that_is_on_hold_or_silent_is_not_judged(bench: Bench) -> None:
    bench.pass_by(expected=0)
    bench.pass_by(expected=10, lost=10)
    assert bench.told == []
    assert bench.watch.statistics(bench.leg).worst_mos is None


async def test_a_leg_that_heard_nothing_has_no_score(bench: Bench) -> None:
    statistics = bench.watch.statistics(bench.leg)
    assert (statistics.mos, statistics.remote_mos, statistics.codec) == (None, None, "pcmu")


async def test_the_round_trip_of_a_satellite_costs_score(bench: Bench) -> None:
    bench.pass_by()
    bench.reports.state(0).round_trip = 0.6
    bench.pass_by()
    assert bench.told[-1].grade is Grade.FAIR


async def test_a_bound_is_kept_however_the_grade_jumps(bench: Bench) -> None:
    """At most one notice in five seconds."""
    for number in range(20):
        bench.pass_by(lost=125 * (number % 2))
        bench.watch.tick([bench.leg])
    assert len(bench.told) == 20


async def test_an_opus_encoder_is_told_what_the_far_end_misses(bench: Bench) -> None:
    """At once of more, little by little of less, and of nothing that has not changed."""
    bench.leg.codec = "opus"
    state = bench.reports.state(0)
    state.is_reported = True
    for fraction in (0.0, 0.095, 0.095, 0.0, 0.9, 0.0):
        state.remote_fraction = fraction
        bench.pass_by()
    assert bench.losses == [(0, 10), (0, 7), (0, 30), (0, 22)]


async def test_encoders_of_other_codecs_are_told_nothing(bench: Bench) -> None:
    state = bench.reports.state(0)
    state.is_reported, state.remote_fraction = True, 0.2
    bench.pass_by()
    assert bench.losses == []
