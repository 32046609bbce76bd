"""Processor time for each registration and each call, ours beside Kamailio's; see README.md beside this file."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.bench import processor
from tests.bench.load import USERS, Sipp, callee
from tests.bench.targets import Ports, Target, is_installed, kamailio, ours

REGISTRATIONS_A_SECOND = 200
STORM = 30  # seconds in which everybody registers while calls go on
SETTLED = 0.02  # seconds of work in half a second, below which nothing of the run is left
MAX_SETTLING = 12  # half seconds


def main() -> None:
    given = arguments()
    if not is_installed("sipp"):
        sys.exit("The benchmark needs SIPp; on Debian: sudo apt-get install sip-tester")
    with ExitStack() as stack:
        folder, ports = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dzvin-bench-"))), Ports.free()
        targets = [stack.enter_context(ours(folder, ports))]
        if is_installed("kamailio"):
            targets.insert(0, stack.enter_context(kamailio(folder, ports)))
        else:
            print("Kamailio is not installed: figures without a ratio.", file=sys.stderr)
        stack.enter_context(callee(folder, ports))
        bench = Bench(folder, ports)
        for _ in range(given.runs):
            for target in targets:
                bench.register(target)
        for _ in range(given.runs):
            for target in targets:
                bench.calls(target, given.rate, given.seconds)
        bench.storm(targets[-1], given.rate)
        bench.summary()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rate", type=int, default=20, help="calls a second")
    parser.add_argument("--seconds", type=int, default=10, help="length of a run of calls")
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args()


class Bench:
    def __init__(self, folder: Path, ports: Ports) -> None:
        self._folder = folder
        self._ports = ports
        self._each: dict[tuple[str, str], list[float]] = defaultdict(list)

    def register(self, target: Target) -> None:
        self._measure(
            "register", target, lambda: Sipp.registers(target, self._folder, self._ports, REGISTRATIONS_A_SECOND)
        )

    def calls(self, target: Target, rate: int, seconds: int) -> None:
        self._measure("calls", target, lambda: Sipp.calls(target, self._folder, self._ports, rate, seconds))

    def storm(self, target: Target, rate: int) -> None:
        """Everybody registers within half a minute, as after a power cut, and calls are set up all the same."""
        phones = Sipp.registers(target, self._folder, self._ports, -(-USERS // STORM))
        calls = Sipp.calls(target, self._folder, self._ports, rate, STORM).finished()
        registered = phones.finished()
        told = {
            "what": "calls in a registration storm",
            "target": target.name,
            "registered": registered.succeeded,
            "not_registered": registered.failed,
            "calls": calls.succeeded,
            "failed": calls.failed,
            "resent": registered.resent + calls.resent,
            "set_up_ms": {name: percentile(calls.set_up, part) for name, part in PERCENTILES.items()},
        }
        print(json.dumps(told), flush=True)

    def _measure(self, what: str, target: Target, load_it: Callable[[], Sipp]) -> None:
        """Load the target, charge it for that, and tell."""
        groups = {"": target.pids, **target.beside}
        before = {name: processor.seconds(pids) for name, pids in groups.items()}
        machine, began = processor.machine_seconds(), time.monotonic()
        load = load_it().finished()
        lasted = time.monotonic() - began
        busy = processor.seconds(target.pids) - before[""]
        others = processor.machine_seconds() - machine - busy
        settle(target.pids)
        used = {name: processor.seconds(pids) - before[name] for name, pids in groups.items()}
        each = {name: round(1000 * seconds / max(load.succeeded, 1), 3) for name, seconds in used.items()}
        self._each[what, target.name].append(each[""])
        told = {
            "what": what,
            "target": target.name,
            "ms_each": each.pop(""),
            **{f"{name}_ms_each": value for name, value in each.items()},
            "succeeded": load.succeeded,
            "failed": load.failed,
            "resent": load.resent,
            "clean": load.is_clean,
            "busy": f"{100 * busy / lasted:.0f} %",
            "others": f"{100 * others / lasted:.0f} %",
            "set_up_ms": {name: percentile(load.set_up, part) for name, part in PERCENTILES.items()},
            "rss_mb": round(processor.resident(target.pids) / 2**20, 1),
        }
        print(json.dumps(told), flush=True)

    def summary(self) -> None:
        print("\nmilliseconds of processor time  |    min | median |    max | runs | times Kamailio's")
        for (what, name), figures in self._each.items():
            middle, yardstick = statistics.median(figures), self._each.get((what, "kamailio"))
            ratio = f"{middle / statistics.median(yardstick):.2f}" if yardstick else "-"
            spread = f"{min(figures):6.3f} | {middle:6.3f} | {max(figures):6.3f} | {len(figures):4}"
            print(f"{what:>10} {name:<20} | {spread} | {ratio}")


PERCENTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def percentile(ordered: Sequence[float], part: float) -> float | None:
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else None


def settle(pids: Sequence[int]) -> None:
    """Work that comes late belongs to the run."""
    used = processor.seconds(pids)
    for _ in range(MAX_SETTLING):
        time.sleep(0.5)
        now = processor.seconds(pids)
        if now - used <= SETTLED:
            return
        used = now


if __name__ == "__main__":
    main()
