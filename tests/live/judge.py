"""The comparison: how soon agents were offered calls, how soon both heard each other, and whether the product's figures
are those of the wire."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.live.legs import Call, Leg, Wire
from tests.live.office import RETRY_AFTER, WRAP_UP
from tests.live.people import TONES, Told

OFFER_WITHIN = 0.050  # seconds
SOUND_WITHIN = 0.150
EARLY = 0.02  # seconds: a word that an agent has sent is noted before it is heard
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


@dataclass(frozen=True, slots=True)
class Prompt:
    """An offer, its seconds after what it waited for last, and what that was."""

    seconds: float
    after: str
    leg: Leg


def offers(calls: Sequence[Call], told: Told) -> list[Prompt]:
    """Each from the moment in which both the caller waited and the agent was free, to the agent's INVITE."""
    by_agent: dict[str, list[tuple[Leg, Call]]] = {}
    for call in calls:
        for leg in call.offers:
            by_agent.setdefault(leg.name, []).append((leg, call))
    found = []
    for call in calls:
        assert call.joined is not None or not call.offers, f"{call.caller.name} pressed no key and was offered"
        for leg in call.offers:
            earlier = [each for each in by_agent[leg.name] if each[0].invited < leg.invited]
            prompt = _prompt(leg, call, earlier, told)
            # Who has answered in the moment of the good-bye may have a wrap-up, or not.
            since = leg.invited - prompt.seconds
            if not any(_crossed(*each) and each[0].over <= since < each[0].over + WRAP_UP for each in earlier):
                found.append(prompt)
    return found


def _prompt(leg: Leg, call: Call, earlier: Sequence[tuple[Leg, Call]], told: Told) -> Prompt:
    cuts = [at for at in told.cut.get(leg.name, ()) if at < leg.invited]
    due = [(call.joined or 0.0, "the key")]
    due += [(each.over, "another did not take it") for each in call.offers if each.invited < leg.invited]
    due += [_free(*each, cuts) for each in earlier]
    due += [(until, "a pause") for _, until in told.paused.get(leg.name, ()) if until < leg.invited]
    moment, after = max(due)
    return Prompt(leg.invited - moment, after, leg)


def _free(leg: Leg, call: Call, cuts: Sequence[float]) -> tuple[float, str]:
    """When that agent may be offered the next call. `cuts`: when the agent ended a wrap-up."""
    if _not_taken(leg, call):
        return leg.over + RETRY_AFTER, "a rest"
    if leg.answered is None or _crossed(leg, call):
        return leg.over, "the last offer"
    cut = min((at for at in cuts if at > leg.over), default=math.inf)
    return (cut, "a wrap-up cut") if cut < leg.over + WRAP_UP else (leg.over + WRAP_UP, "a wrap-up")


def _not_taken(leg: Leg, call: Call) -> bool:
    """Refused, or rung for as long as the line lets it ring; nothing of the kind when the caller gave up before."""
    gone = call.caller.over
    if leg.refused is not None:
        return leg.refused < gone
    return leg.answered is None and leg.cancelled is not None and leg.cancelled < gone


def _crossed(leg: Leg, call: Call) -> bool:
    return leg.answered is not None and abs(leg.answered - call.caller.over) < CROSSING


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
    long it was. `repeated`: of callers who had come before."""

    answered: list[float] = field(default_factory=list)
    abandoned: list[float] = field(default_factory=list)
    crossed: list[tuple[float, float]] = field(default_factory=list)
    repeated: int = 0

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
    found, before = Waits(), set[str]()
    for call in sorted(calls, key=lambda call: call.joined or 0.0):
        if call.joined is None:
            continue
        found.repeated += call.caller.name in before
        before.add(call.caller.name)
        leg, gone = call.taken, call.caller.over
        if leg is not None and _crossed(leg, call):
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
        "short_abandoned": sum(each <= min(line["short"], bound) for each in found.abandoned),
        "repeated": found.repeated,
        "left_otherwise": 0,
        "waiting": 0,
    }.items():
        verdict.same(name, wire, counts[name])
    verdict.same("service levels", _levels(found, line), line["service_level"])
    verdict.near("answer_mean", _mean(found.answered), line["answer_mean"])
    verdict.near("abandon_mean", _mean(found.abandoned), line["abandon_mean"])
    for name, share in (("answer_median", 0.5), ("answer_p90", 0.9), ("answer_p95", 0.95)):
        verdict.near(name, part(found.answered, share), line[name])
    verdict.near("longest_wait", max([*found.answered, *found.abandoned]), line["longest_wait"])


def _levels(found: Waits, line: Mapping[str, Any]) -> dict[str, float | None]:
    bound, short = line["threshold"], min(line["short"], line["threshold"])
    in_time, soon = (sum(each <= bound for each in waits) for waits in (found.answered, found.abandoned))
    at_once = sum(each <= short for each in found.abandoned)
    return {
        "answered": _share(in_time, len(found.answered)),
        "strict": _share(in_time, found.offered),
        "ignoring": _share(in_time, found.offered - soon),
        "positive": _share(in_time + soon, found.offered),
        "short_excluded": _share(in_time, found.offered - at_once),
        "short_credited": _share(in_time + at_once, found.offered),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def compare_agents(verdict: Verdict, calls: Sequence[Call], rows: Sequence[Mapping[str, Any]]) -> None:
    legs = [leg for call in calls for leg in call.offers]
    missed = {id(leg) for call in calls for leg in call.offers if _not_taken(leg, call)}
    doubtful = {id(leg) for call in calls for leg in call.offers if abs(leg.over - call.caller.over) < EARLY}
    for row in rows:
        name = row["name"].removeprefix("Agent ")
        own = [leg for leg in legs if leg.name == name]
        verdict.same(f"{name} was rung", len(own), row["counts"]["offered"])
        surely = sum(id(leg) in missed - doubtful for leg in own)
        perhaps = sum(id(leg) in doubtful and leg.refused is not None for leg in own)
        if not surely <= row["counts"]["not_taken"] <= surely + perhaps:
            verdict.same(f"{name} did not take", surely, row["counts"]["not_taken"])
        rang = sum((leg.over if leg.answered is None else leg.answered) - leg.invited for leg in own)
        if abs(rang - row["ring"]) > CLOCKS * max(1, len(own)):
            verdict.wrong.append(f"{name} was rung for {rang:.2f} s on the wire, {row['ring']:.2f} s in the product")
        talked = [leg for leg in own if leg.answered is not None]
        if all(leg.over > (leg.answered or 0.0) + CROSSING for leg in talked):
            verdict.same(f"{name} handled", len(talked), row["counts"]["handled"])
            seconds = sum(leg.over - (leg.answered or 0.0) for leg in talked)
            if abs(seconds - row["talk"] - row["hold"]) > CLOCKS * max(1, len(talked)):
                verdict.wrong.append(f"{name} talked {seconds:.2f} s on the wire, {row['talk']:.2f} s in the product")


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _told(prompt: Prompt) -> str:
    leg = prompt.leg
    return f"{leg.name} was rung for {leg.other} {1000 * prompt.seconds:.0f} ms after {prompt.after}"


def judged(wire: Wire, calls: Sequence[Call], told: Told) -> Verdict:
    verdict = Verdict()
    prompt = offers(calls, told)
    verdict.within("offer after both were there", [each.seconds for each in prompt], OFFER_WITHIN)
    verdict.told += [f"late: {_told(each)}" for each in prompt if each.seconds > OFFER_WITHIN]
    verdict.wrong += [f"before its time: {_told(each)}" for each in prompt if each.seconds < -EARLY]
    took, deaf = sounds(calls, wire)
    verdict.within("both heard after the answer", took, SOUND_WITHIN)
    verdict.wrong += [f"did not hear each other: {each}" for each in deaf]
    still = [leg.name for call in calls for leg in (call.caller, *call.offers) if math.isinf(leg.over)]
    verdict.wrong += [f"never ended: {name}" for name in still]
    return verdict
