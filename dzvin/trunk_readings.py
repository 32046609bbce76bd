"""How the trunks are, for Prometheus and for /health."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pbx.trunks.registration import State
from pbx.trunks.trunk import TrunkStatus
from pbx.trunks.trunks import Trunks


def trunk_words(trunks: Trunks) -> dict[str, str]:
    """One word for each trunk: up, down, or what its registration says."""
    return {f"trunk {status.name}": _word(status) for status in trunks.statuses()}


def _word(status: TrunkStatus) -> str:
    registration = status.registration
    if registration is not None and registration.state is not State.REGISTERED:
        return registration.state.value
    return "up" if status.up else "down"


class TrunkReadings(Collector):
    def __init__(self, trunks: Trunks) -> None:
        self._trunks = trunks

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("dzvin_trunk_up", "Whether calls through the trunk have a good chance", labels=["trunk"])
        registered = GaugeMetricFamily("dzvin_trunk_registered", "Whether we are registered there", labels=["trunk"])
        calls = GaugeMetricFamily("dzvin_trunk_calls", "Calls that go through the trunk", labels=["trunk", "direction"])
        withheld = CounterMetricFamily(
            "dzvin_trunk_challenges_withheld", "Challenges that were not the trunk's to ask", labels=["trunk"]
        )
        for status in self._trunks.statuses():
            up.add_metric([status.name], status.up)
            if status.registration is not None:
                registered.add_metric([status.name], status.registration.state is State.REGISTERED)
            calls.add_metric([status.name, "in"], status.calls_in)
            calls.add_metric([status.name, "out"], status.calls_out)
            withheld.add_metric([status.name], status.withheld)
        return up, registered, calls, withheld
