"""The fuzzers by hand: `python -m tests.fuzz messages --count 1000000 --jobs 2`; see README.md beside this file."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz import framing, messages, packets, states, strangers, stun_messages, timing
from tests.fuzz.plays import PLAYS
from tests.fuzz.strangers import SITUATIONS
from tests.pbx.media.rig import KINDS
from tests.support.server import running_dzvin

ROOM = {
    "DZVIN_MEDIA__PORTS": "20000-31999",
    "DZVIN_MEDIA__DROP_AFTER_SILENCE": str(packets.SILENT_CALLS_LAST),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    _messages(kinds.add_parser("messages", help="mutated messages through the parser and every pure reader"))
    _streams(kinds.add_parser("streams", help="spoiled streams through the framer, cut in two ways"))
    _states(kinds.add_parser("states", help="each play with an accident to one message"))
    _packets(kinds.add_parser("packets", help="mutated messages over UDP at the running product"))
    _timing(kinds.add_parser("timing", help="does the time of an answer tell who exists?"))
    _stun(kinds.add_parser("stun", help="spoiled STUN messages"))
    _media(kinds.add_parser("media", help="strangers at the RTP and RTCP ports of a live call"))
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


def _packets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=200_000, help="from each of the two addresses")
    parser.add_argument("--rate", type=float, default=2000.0, help="a second")
    parser.add_argument("--tcp", action="store_true", help="streams in place of packets: take a tenth of both numbers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("sources", nargs="*", choices=[[], *packets.SOURCES], help="both when none is named")
    parser.set_defaults(run=_run_packets)


def _run_packets(given: argparse.Namespace) -> int:
    broken = False
    with tempfile.TemporaryDirectory() as folder, running_dzvin(Path(folder) / "data", overrides=ROOM) as server:
        for source in given.sources or packets.SOURCES:
            outcome = asyncio.run(
                packets.run(
                    server, source=packets.SOURCES[source], count=given.count, rate=given.rate, seed=given.seed,
                    tcp=given.tcp,
                )
            )  # fmt: skip
            print(outcome, flush=True)
            broken |= outcome.is_broken
        print(*(line for line in server.log.splitlines() if '"exception"' in line), sep="\n")
    return int(broken)


def _timing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tries", type=int, default=2000, help="of each user and method")
    parser.set_defaults(run=_run_timing)


def _run_timing(given: argparse.Namespace) -> int:
    told = False
    with tempfile.TemporaryDirectory() as folder, running_dzvin(Path(folder) / "data") as server:
        for comparison in timing.run(server.sip, given.tries):
            print(comparison, flush=True)
            told |= comparison.difference >= timing.BOUND or len(comparison.statuses) > 1
    return int(told)


def _stun(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(run=_run_stun)


def _run_stun(given: argparse.Namespace) -> int:
    answered = stun_messages.run(given.count, given.seed)
    print(f"{given.count} STUN messages, seed {given.seed}: {answered} answered, the others none or passed over")
    return 0


def _media(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=1_000_000, help="datagrams at a live leg")
    parser.add_argument("--sprays", type=int, default=1000, help="in each of the three situations of RTP Bleed")
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(run=_run_media)


def _run_media(given: argparse.Namespace) -> int:
    kind = KINDS[-1]  # compiled, where it was
    outcomes = [(f"{given.sprays} sprays {each}", strangers.spray(kind, each, given.sprays)) for each in SITUATIONS]
    outcomes.append((f"{given.count} datagrams", strangers.fuzz(kind, given.count, given.seed)))
    for name, outcome in outcomes:
        print(f"{name} ({kind} engine): {outcome}", flush=True)
    changed = asyncio.run(strangers.fuzz_rtcp(given.count // 10, given.seed))
    print(f"{given.count // 10} forged RTCP datagrams: {changed} figures changed")
    return int(bool(changed) or not all(outcome.is_harmless for _, outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
