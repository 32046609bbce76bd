"""The fuzzers by hand: `python -m tests.fuzz messages --count 1000000 --jobs 2`; see README.md beside this file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz import framing, messages, states
from tests.fuzz.plays import PLAYS


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    _messages(kinds.add_parser("messages", help="mutated messages through the parser and every pure reader"))
    _streams(kinds.add_parser("streams", help="spoiled streams through the framer, cut in two ways"))
    _states(kinds.add_parser("states", help="each play with an accident to one message"))
    given = parser.parse_args(arguments)
    result: int = given.run(given)
    return result


def _messages(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path(".fuzz"), help="folder for what is found")
    parser.set_defaults(run=_run_messages)


def _run_messages(given: argparse.Namespace) -> int:
    outcome = messages.run_many(given.count, given.seed, given.jobs)
    cost, number = outcome.slowest
    print(f"{outcome.messages} messages, seed {given.seed}: {outcome.escaped} escaped exceptions")
    print(f"{outcome.seconds / max(outcome.messages, 1) * 1e6:.0f} µs of processor time for each")
    print(f"the costliest is number {number}: {cost:.0f} ordinary INVITEs (bound {messages.COSTLY:g})")
    for path in messages.keep(outcome, given.keep) if outcome.finds else ():
        print(f"kept: {path}")
    return 1 if outcome.escaped or cost > messages.COSTLY else 0


def _streams(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(run=_run_streams)


def _run_streams(given: argparse.Namespace) -> int:
    whole = framing.run(given.count, given.seed)
    print(f"{given.count} streams, seed {given.seed}: the same however they are cut; {whole} whole messages")
    return 0


def _states(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=3, help="how many of each accident")
    parser.add_argument("plays", nargs="*", choices=[[], *PLAYS], help="all when none is named")
    parser.set_defaults(run=_run_states)


def _run_states(given: argparse.Namespace) -> int:
    faults, faulty = 0, 0
    for name in given.plays or PLAYS:
        number, wrong = states.run(name, range(1, given.seeds + 1))
        faults += number
        faulty += len(wrong)
        print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(given.plays or PLAYS)} plays, {faults} accidents: {faulty} troubles")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
