"""Figures of the running core for Prometheus, read when they are asked for; and the lag of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

LAG_EVERY = 0.5  # seconds

Readings = Mapping[str, tuple[str, Callable[[], float]]]
"""Name -> what it is, and how to read it now."""


class _Readings(Collector):
    def __init__(
        self,
        gauges: Readings,
        counters: Readings,
    ) -> None:
        self._gauges = gauges
        self._counters = counters

    def collect(self) -> Iterable[Metric]:
        for name, (help_text, read) in self._gauges.items():
            yield GaugeMetricFamily(name, help_text, value=read())
        for name, (help_text, read) in self._counters.items():
            yield CounterMetricFamily(name, help_text, value=read())


class Metrics:
    """`gauges` and `counters`: name -> (what it is, how to read it now). `others`: readings with labels."""

    def __init__(
        self,
        gauges: Readings,
        counters: Readings,
        others: Iterable[Collector] = (),
    ) -> None:
        self._registry = CollectorRegistry()
        for other in others:
            self._registry.register(other)
        self._registry.register(_Readings(gauges, counters))
        self._lag = Histogram(
            "dzvin_loop_lag_seconds",
            "How late the core's loop runs a timer",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
            registry=self._registry,
        )

    def text(self) -> bytes:
        return generate_latest(self._registry)

    async def watch_loop(self) -> None:
        """Measure the loop's lag until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY
            await asyncio.sleep(LAG_EVERY)
            self._lag.observe(max(0.0, loop.time() - due))
