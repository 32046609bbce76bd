"""The RTP generator (`rtpgen.c`), and the processor time that a server spends while it runs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import processor

FOLDER = Path(__file__).parent
WARM = 2.0  # seconds before what counts
PROCESSOR = 1  # the generator's; servers have the other one


@dataclass(frozen=True, slots=True)
class Leg:
    """Where one phone listens, and where it sends to; all on the loopback."""

    listens: int
    sends_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of one run."""

    sent: int
    heard: int
    gaps: int
    p50_us: float
    p99_us: float
    server_seconds: float  # of processor time
    seconds: float
    others: float  # percent of one processor, by everything else

    @property
    def us_a_packet(self) -> float:
        return self.server_seconds / max(1, self.heard) * 1e6

    @property
    def lost(self) -> float:
        """Percent."""
        return 100 * (1 - self.heard / max(1, self.sent))


def built(folder: Path, name: str = "rtpgen") -> Path:
    """Raises CalledProcessError where there is no compiler."""
    program = folder / name
    subprocess.run(["gcc", "-O2", "-o", str(program), str(FOLDER / f"{name}.c"), "-lm"], check=True)
    return program


def run(program: Path, legs: Sequence[Leg], pids: Sequence[int], *, seconds: float, mode: str) -> Load:
    """50 packets a second from each leg. `mode`: "stamp" (times each packet) or "tone"."""
    command = [
        "taskset",
        "-c",
        str(PROCESSOR),
        str(program),
        "--secs",
        str(seconds),
        "--warm",
        str(WARM),
        "--mode",
        mode,
    ]
    generator = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert generator.stdin is not None
    assert generator.stdout is not None
    with generator:
        generator.stdin.write("".join(f"{leg.listens} 127.0.0.1 {leg.sends_to}\n" for leg in legs))
        generator.stdin.close()
        marks = {}
        result = {}
        for line in generator.stdout:
            if line.startswith("{"):
                result = json.loads(line)
            else:
                marks[line.strip()] = processor.seconds(pids), processor.machine_seconds(), time.monotonic()
    if generator.returncode:
        raise RuntimeError("the generator did not start: its reason is on stderr")
    begun, ended = marks["START"], marks["END"]
    spent, wall = ended[0] - begun[0], ended[2] - begun[2]
    return Load(
        sent=result["sent"],
        heard=result["recv"],
        gaps=result["seq_gaps"],
        p50_us=result["lat_us"]["p50"],
        p99_us=result["lat_us"]["p99"],
        server_seconds=spent,
        seconds=wall,
        others=100 * (ended[1] - begun[1] - spent - result["gen_cpu_s"]) / wall,
    )
