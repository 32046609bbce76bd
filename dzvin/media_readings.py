"""How calls sound and how the media workers are, for Prometheus: counted from the facts as they are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from callflow.facts import LegMeasured, MediaWorkerLost, SoundChanged
from pbx.media.client import MediaPool

SCORES = (1.5, 2.0, 2.58, 3.1, 3.6, 4.03, 4.5)  # bounds of the histogram: the classes of ITU-T G.109, as MOS


class MediaReadings(Collector):
    """Give it every fact."""

    def __init__(self, media: MediaPool) -> None:
        self._media = media
        self._troubles: Counter[str] = Counter()
        self._scores: Counter[float] = Counter()
        self._sum = 0.0
        self._packets: Counter[str] = Counter()
        self._workers_lost = 0

    def on_fact(self, fact: object) -> None:
        match fact:
            case SoundChanged(trouble=trouble) if trouble is not None:
                self._troubles[trouble.value] += 1
            case LegMeasured():
                self._measured(fact)
            case MediaWorkerLost():
                self._workers_lost += 1
            case _:
                pass

    def _measured(self, fact: LegMeasured) -> None:
        self._packets["received"] += fact.received
        self._packets["lost"] += fact.lost
        self._packets["remote_lost"] += fact.remote_lost
        scores = [score for score in (fact.mos, fact.remote_mos) if score is not None]
        if scores:
            worse = min(scores)
            self._sum += worse
            self._scores[next(bound for bound in SCORES if worse <= bound)] += 1

    def collect(self) -> Iterable[Metric]:
        troubles = CounterMetricFamily("dzvin_sound_troubles", "Times that a call sounded wrong", labels=["trouble"])
        for trouble in ("one_way", "no_sound", "long_silence"):
            troubles.add_metric([trouble], self._troubles[trouble])
        packets = CounterMetricFamily(
            "dzvin_media_packets", "RTP packets of legs that have ended: received, lost, lost on the way to the phone",
            labels=["what"],
        )  # fmt: skip
        for what in ("received", "lost", "remote_lost"):
            packets.add_metric([what], self._packets[what])
        yield from (troubles, packets, self._opinions(), *self._workers())
        yield CounterMetricFamily(
            "dzvin_media_workers_lost", "Media workers that died under their calls", value=self._workers_lost
        )

    def _opinions(self) -> Metric:
        within, buckets = 0, []
        for bound in SCORES:
            within += self._scores[bound]
            buckets.append((str(bound), float(within)))
        family = HistogramMetricFamily("dzvin_leg_mos", "Mean opinion score (E-model) of legs that have ended")
        family.add_metric([], [*buckets, ("+Inf", float(within))], self._sum)
        return family

    def _workers(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("dzvin_media_worker_up", "Whether the worker answers", labels=["worker"])
        legs = GaugeMetricFamily("dzvin_media_worker_legs", "Legs that it carries", labels=["worker"])
        capacity = GaugeMetricFamily("dzvin_media_worker_capacity", "Legs that it takes", labels=["worker"])
        for number, status in enumerate(self._media.status()):
            up.add_metric([str(number)], status.connected)
            legs.add_metric([str(number)], status.legs)
            capacity.add_metric([str(number)], status.capacity)
        return up, legs, capacity
