"""Mutated messages through the parser and every pure reader: they parse or raise RemoteProtocolError, nothing else.

What one message costs is processor time of this process, counted in ordinary INVITEs that are parsed beside it: so
neither a slow nor a busy machine matters.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from pbx.sip.message import parse
from tests.fuzz.corpus import seeds
from tests.fuzz.mutation import Mutator
from tests.pbx.sip import invariant
from tests.pbx.sip.messages import files

COSTLY = 500.0  # INVITEs: some 15 ms for reading everything three times over; parsing alone is a twentieth of it
KEPT = 20  # finds of one kind are alike


@dataclass(slots=True)
class Outcome:
    """`finds`: a traceback and the message that made it, one for each place in the code. `slowest`: the number of the
    message, and its cost in ordinary INVITEs."""

    messages: int = 0
    seconds: float = 0.0  # of processor time
    finds: dict[str, bytes] = field(default_factory=dict)
    escaped: int = 0
    slowest: tuple[float, int] = (0.0, 0)

    def add(self, other: Outcome) -> None:
        self.messages += other.messages
        self.seconds += other.seconds
        self.finds |= other.finds
        self.escaped += other.escaped
        self.slowest = max(self.slowest, other.slowest)


def ordinary() -> float:
    """Seconds of processor time that an ordinary INVITE takes to parse."""
    data = max(files("flows-rfc3665", "INVITE.sip"), key=lambda path: path.stat().st_size).read_bytes()
    return min(_cost(lambda: [parse(data) for _ in range(50)]) for _ in range(10)) / 50


def run(numbers: Iterable[int], seed: int) -> Outcome:
    """Check these messages in this process."""
    mutator, outcome, unit = Mutator(seeds(), seed), Outcome(), ordinary()
    for number in numbers:
        data = mutator.message(number)
        before = time.process_time()
        try:
            invariant.check_message(data)
        except Exception as error:
            outcome.escaped += 1
            if len(outcome.finds) < KEPT:
                outcome.finds.setdefault(_place(error), data)
        cost = time.process_time() - before
        outcome.messages += 1
        outcome.seconds += cost
        if cost > outcome.slowest[0] * unit:
            outcome.slowest = (min(cost, _again(data)) / unit, number)
    return outcome


def run_many(count: int, seed: int, jobs: int) -> Outcome:
    """The same in several processes."""
    shares = [range(job, count, jobs) for job in range(jobs)]
    outcome = Outcome()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for each in pool.map(run, shares, [seed] * jobs):
            outcome.add(each)
    return outcome


def keep(outcome: Outcome, folder: Path) -> list[Path]:
    """Write the finds down."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for place, data in outcome.finds.items():
        path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(place)
        kept.append(path)
    return kept


def _again(data: bytes) -> float:
    """What it costs when nothing else happens to fall into it (a collection of garbage, say)."""
    return min(_cost(lambda: invariant.check_message(data)) for _ in range(3))


def _cost(work: Callable[[], object]) -> float:
    before = time.process_time()
    try:
        work()
    except Exception:
        pass  # it is told where it is found
    return time.process_time() - before


def _place(error: Exception) -> str:
    """Where it came from: finds of one place are one."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__}: {error}\n" + "\n".join(f"{frame.filename}:{frame.lineno}" for frame in frames[-3:])
