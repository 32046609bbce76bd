"""The comparison: how soon agents were offered calls, how soon both heard each other, and whether the product's figures
are those of the wire."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.live.legs import Call, Leg, Wire
from tests.live.office import RETRY_AFTER
from tests.live.people import TONES

OFFER_WITHIN = 0.050  # seconds
SOUND_WITHIN = 0.150
CLOCKS = 0.1  # seconds between a message on the wire and the product's fact of it
CROSSING = 0.1  # seconds: an answer and a good-bye that cross each other may be either


@dataclass(slots=True)
class Verdict:
    wrong: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def same(self, what: str, wire: object, product: object) -> None:
        if wire != product:
            self.wrong.append(f"{what}: {wire} on the wire, {product} in the product")

    def near(self, what: str, wire: float | None, product: float | None) -> None:
        if (wire is None) != (product is None) or (wire is not None and abs(wire - (product or 0.0)) > CLOCKS):
            self.wrong.append(f"{what}: {wire} on the wire, {product} in the product")

    def within(self, what: str, seconds: Sequence[float], bound: float) -> None:
        if not seconds:
            self.wrong.append(f"{what}: none was measured")
            return
        middle, late, longest = part(seconds, 0.5), part(seconds, 0.99), max(seconds)
        self.told.append(
            f"{what}: {len(seconds)}, p50 {1000 * middle:.1f} ms, p99 {1000 * late:.1f} ms (bar {1000 * bound:.0f}), "
            f"longest {1000 * longest:.1f} ms"
        )
        if late > bound:
            self.wrong.append(f"{what}: p99 {1000 * late:.1f} ms")


def part(values: Sequence[float], share: float) -> float:
    """Nearest rank."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def offers(calls: Sequence[Call], paused: Mapping[str, Sequence[tuple[float, float]]]) -> list[float]:
    """Seconds from the moment in which both the caller waited and the agent was free, to the agent's INVITE."""
    by_agent: dict[str, list[Leg]] = {}
    for call in calls:
        for leg in call.offers:
            by_agent.setdefault(leg.name, []).append(leg)
    took = []
    for call in calls:
        for leg in call.offers:
            assert call.joined is not None, f"{call.caller.name} pressed no key and was offered"
            waits = max([call.joined, *(each.over for each in call.offers if each.invited < leg.invited)])
            before = [_free(each) for each in by_agent[leg.name] if each.invited < leg.invited]
            ready = [until for _, until in paused.get(leg.name, ()) if until < leg.invited]
            took.append(leg.invited - max([waits, *before, *ready]))
    return took


def _free(leg: Leg) -> float:
    """When that agent may be offered the next call."""
    failed = leg.answered is None and (leg.refused is not None or leg.cancelled is not None)
    gave_up = leg.refused is None and leg.cancelled is not None and leg.cancelled < leg.invited + 3.9
    return leg.over + (RETRY_AFTER if failed and not gave_up else 0.0)


def sounds(calls: Sequence[Call], wire: Wire) -> tuple[list[float], list[str]]:
    """Seconds from the agent's answer until each had heard the other, of calls that lasted long enough."""
    took, deaf = [], []
    for call in calls:
        leg = call.taken
        if leg is None or leg.answered is None or min(leg.over, call.caller.over) < leg.answered + 1.0:
            continue
        at_caller = wire.heard(call.caller.server_port, call.caller.phone_port, TONES["agents"], leg.answered)
        at_agent = wire.heard(leg.server_port, leg.phone_port, TONES["callers"], leg.answered)
        if at_caller is None or at_agent is None:
            deaf.append(f"{call.caller.name} and {leg.name}: heard {at_caller} and {at_agent}")
        else:
            took.append(max(at_caller, at_agent) - leg.answered)
    return took, deaf


@dataclass(slots=True)
class Waits:
    """Of everybody who pressed the line's key, as the wire tells; seconds. `crossed`: when such a wait began, and how
    long it was."""

    answered: list[float] = field(default_factory=list)
    abandoned: list[float] = field(default_factory=list)
    crossed: list[tuple[float, float]] = field(default_factory=list)

    @property
    def offered(self) -> int:
        return len(self.answered) + len(self.abandoned) + len(self.crossed)

    def decide(self, answered: Sequence[float]) -> None:
        """An answer and a good-bye that crossed: the product knows which came first to it. `answered`: when the waits
        began that it counts as answered."""
        for joined, seconds in self.crossed:
            was = any(abs(joined - each) < CROSSING for each in answered)
            (self.answered if was else self.abandoned).append(seconds)
        self.crossed.clear()


def waits(calls: Sequence[Call]) -> Waits:
    found = Waits()
    for call in calls:
        if call.joined is None:
            continue
        leg, gone = call.taken, call.caller.over
        if leg is not None and leg.answered is not None and abs(leg.answered - gone) < CROSSING:
            found.crossed.append((call.joined, gone - call.joined))
        elif leg is not None and leg.answered is not None:
            found.answered.append(leg.answered - call.joined)
        else:
            found.abandoned.append(gone - call.joined)
    return found


def threshold(seconds: Sequence[float]) -> float:
    """Where no wait is near: in the middle of the widest gap of those in question."""
    inner = sorted(each for each in seconds if 0.2 < each < 20.0) or [1.0, 2.0]
    gaps = [(after - before, (before + after) / 2) for before, after in itertools.pairwise(inner)]
    return round(max(gaps, default=(0.0, 10.0))[1], 2)


def compare(verdict: Verdict, found: Waits, line: Mapping[str, Any]) -> None:
    """`line`: a row of the report, asked for with the `threshold` of these waits."""
    counts, bound = line["counts"], line["threshold"]
    for name, wire in {
        "offered": found.offered,
        "answered": len(found.answered),
        "answered_in_time": sum(each <= bound for each in found.answered),
        "abandoned": len(found.abandoned),
        "abandoned_in_time": sum(each <= bound for each in found.abandoned),
        "left_otherwise": 0,
        "waiting": 0,
    }.items():
        verdict.same(name, wire, counts[name])
    verdict.near("answer_mean", _mean(found.answered), line["answer_mean"])
    verdict.near("abandon_mean", _mean(found.abandoned), line["abandon_mean"])
    for name, share in (("answer_median", 0.5), ("answer_p90", 0.9), ("answer_p95", 0.95)):
        verdict.near(name, part(found.answered, share), line[name])
    verdict.near("longest_wait", max([*found.answered, *found.abandoned]), line["longest_wait"])


def compare_agents(verdict: Verdict, calls: Sequence[Call], rows: Sequence[Mapping[str, Any]]) -> None:
    legs = [leg for call in calls for leg in call.offers]
    for row in rows:
        name = row["name"].removeprefix("Agent ")
        own = [leg for leg in legs if leg.name == name]
        verdict.same(f"{name} was rung", len(own), row["counts"]["offered"])
        talked = [leg for leg in own if leg.answered is not None]
        if all(leg.over > (leg.answered or 0.0) + CROSSING for leg in talked):
            verdict.same(f"{name} handled", len(talked), row["counts"]["handled"])
            seconds = sum(leg.over - (leg.answered or 0.0) for leg in talked)
            if abs(seconds - row["talk"] - row["hold"]) > CLOCKS * max(1, len(talked)):
                verdict.wrong.append(f"{name} talked {seconds:.2f} s on the wire, {row['talk']:.2f} s in the product")


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def judged(wire: Wire, calls: Sequence[Call], paused: Mapping[str, Sequence[tuple[float, float]]]) -> Verdict:
    verdict = Verdict()
    verdict.within("offer after both were there", offers(calls, paused), OFFER_WITHIN)
    took, deaf = sounds(calls, wire)
    verdict.within("both heard after the answer", took, SOUND_WITHIN)
    verdict.wrong += [f"did not hear each other: {each}" for each in deaf]
    still = [leg.name for call in calls for leg in (call.caller, *call.offers) if math.isinf(leg.over)]
    verdict.wrong += [f"never ended: {name}" for name in still]
    return verdict
