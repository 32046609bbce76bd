"""What carrying sound costs, beside Debian's rtpengine: `python -m tests.bench.media.beside --calls 100 --runs 3`.

A media worker of ours and an rtpengine in user space, each on the first processor, get the same load from the same
generator on the second one, run by run in turn. rtpengine mixes no conferences: there ours stands alone. `--bare` adds
relays that do nothing but receive and send (`bare.c`): what they cost is the kernel's.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import structlog
from uuid_utils.compat import uuid7

from pbx.media.client import MediaLeg, MediaPool, Recording
from tests.bench.media import generator
from tests.bench.media.generator import Leg, Load
from tests.bench.media.rtpengine import Ng, rtpengine
from tests.bench.targets import is_installed
from tests.pbx.media.rig import HOST
from tests.pbx.media.workers import WorkerProcess, joined_to, path_of, worker_process

FIRST_PORT = 6200  # of the generator's phones; RTCP lies beside. Few programs use ports there
OURS = ("--ports", "10000-19999")
BARE_PORT = 21000
PHASES = ("latency", "relay", "relay+rec", "conf")
LATENCY_CALLS = 5


async def ours(pool: MediaPool, worker: WorkerProcess, program: Path, phase: str, calls: int, seconds: float) -> Load:
    legs: list[MediaLeg] = []
    running: list[Recording] = []
    count = calls if phase == "conf" else 2 * calls
    call_id = uuid7()
    for number in range(count):
        legs.append(await pool.open(call_id=call_id, address=HOST, near=legs[0] if legs else None))
        joined_to(legs[-1], FIRST_PORT + 2 * number)
    if phase == "conf":
        room = await pool.open_room(near=legs[0])
        for leg in legs:
            room.join(leg)
    for left, right in zip(legs[::2], legs[1::2], strict=True) if phase != "conf" else ():
        left.bridge(right)
        if phase == "relay+rec":
            recording_id = uuid7()
            running.append(left.record(recording_id, right, path_of(worker, recording_id)))
    assert await legs[-1].report() is not None
    ends = [Leg(FIRST_PORT + 2 * number, leg.port) for number, leg in enumerate(legs)]
    pids = [status.pid for status in pool.status()]
    mode = "tone" if phase == "conf" else "stamp"
    load = await asyncio.to_thread(generator.run, program, ends, pids, seconds=seconds, mode=mode)
    for recording in running:
        await recording.stop()
    for leg in legs:
        await leg.close()
    return load


def theirs(pid: int, ear: Ng, program: Path, phase: str, calls: int, seconds: float) -> Load:
    names = [f"{phase}-{uuid7()}" for _ in range(calls)]
    ends: list[Leg] = []
    for number, name in enumerate(names):
        first = FIRST_PORT + 4 * number
        ends += ear.call(name, first, first + 2, record=phase == "relay+rec")
    load = generator.run(program, ends, [pid], seconds=seconds, mode="stamp")
    for name in names:
        ear.end(name)
    return load


def bare(program: Path, relay: Path, how: str, calls: int, seconds: float) -> Load:
    """`how`: letters that `bare.c` explains, and microseconds after them: "cg2000"."""
    letters = how.rstrip("0123456789")
    command = ["taskset", "-c", "0", str(relay), str(BARE_PORT), str(FIRST_PORT), str(2 * calls), letters]
    ends = [Leg(FIRST_PORT + 2 * number, BARE_PORT + 2 * number) for number in range(2 * calls)]
    with subprocess.Popen(
        [*command, how[len(letters) :] or "0"], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        assert server.stdout is not None
        try:
            assert server.stdout.readline(), "the bare relay did not start: its reason is on stderr"
            return generator.run(program, ends, [server.pid], seconds=seconds, mode="stamp")
        finally:
            server.kill()


async def run(arguments: argparse.Namespace) -> dict[tuple[str, str], list[Load]]:
    found: dict[tuple[str, str], list[Load]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program, bare_relay = generator.built(folder), generator.built(folder, "bare")
        async with (
            worker_process(folder, *OURS) as worker,
            MediaPool([worker.socket], epoch=1) as pool,
        ):
            await (await asyncio.create_subprocess_exec("taskset", "-acp", "0", str(worker.pid), stdout=-3)).wait()
            with rtpengine(folder) as (pid, ear):
                for _ in range(arguments.runs):
                    for phase in arguments.phases.split(","):
                        calls = {"latency": LATENCY_CALLS, "conf": arguments.members}.get(phase, arguments.calls)
                        given = (program, phase, calls, arguments.seconds)
                        load = await ours(pool, worker, *given)
                        show(found, phase, "dzvin", load)
                        if phase != "conf":
                            show(found, phase, "rtpengine", await asyncio.to_thread(theirs, pid, ear, *given))
                        for how in arguments.bare.split(",") if phase == "relay" and arguments.bare else ():
                            alone = (program, bare_relay, how, calls, arguments.seconds)
                            show(found, phase, f"bare {how}", await asyncio.to_thread(bare, *alone))
    return found


def show(found: dict[tuple[str, str], list[Load]], phase: str, name: str, load: Load) -> None:
    found[phase, name].append(load)
    print(f"{phase:10} {name:12} {load.us_a_packet:7.2f} us a packet  {load}", flush=True)


def table(found: dict[tuple[str, str], list[Load]], members: int) -> str:
    lines = ["| phase | server | min | median | max | lost | others |", "|---|---|---|---|---|---|---|"]
    for (phase, name), loads in found.items():
        unit, figures = figures_of(phase, loads, members)
        lost = max(load.lost for load in loads)
        others = statistics.median(load.others for load in loads)
        low, middle, high = min(figures), statistics.median(figures), max(figures)
        lines.append(
            f"| {phase}, {unit} | {name} | {low:.2f} | {middle:.2f} | {high:.2f} | {lost:.3f} % | {others:.0f} % |"
        )
    if ("latency", "dzvin") in found:
        for name in ("dzvin", "rtpengine"):
            worst = sorted(load.p99_us for load in found["latency", name])
            middle = statistics.median(worst)
            lines.append(f"| latency, p99, µs | {name} | {worst[0]:.0f} | {middle:.0f} | {worst[-1]:.0f} | | |")
    return "\n".join(lines)


def figures_of(phase: str, loads: Sequence[Load], members: int) -> tuple[str, list[float]]:
    match phase:
        case "conf":
            return "ms a member and second", [1000 * load.server_seconds / load.seconds / members for load in loads]
        case "latency":
            return "p50, µs", [load.p50_us for load in loads]
        case _:
            return "µs a packet", [load.us_a_packet for load in loads]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.media.beside", description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--members", type=int, default=50, help="of the conference (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--phases", default=",".join(PHASES), help="default: %(default)s")
    parser.add_argument("--bare", default="", help='relays that only receive and send, such as "p,c,m,cg2000"')
    arguments = parser.parse_args()
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    for program in ("rtpengine", "gcc", "taskset"):
        if not is_installed(program):
            sys.exit(f"{program} is not installed")
    print(table(asyncio.run(run(arguments)), arguments.members))
    return 0


if __name__ == "__main__":
    sys.exit(main())
