"""Processor time of the server for each registration and each call; see README.md beside this file."""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dzvin.plan import Ready

HERE = Path(__file__).parent
ACCEPTANCE = HERE.parents[1] / "examples" / "acceptance.toml"
TICKS = os.sysconf("SC_CLK_TCK")
USERS = 2000
HOLD = 1000  # milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A running product: where it answers, which processes it is, and the ports of the load generators."""

    sip: str
    core: int
    media: list[int]
    caller_port: int
    callee_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What SIPp says of one run."""

    succeeded: int
    failed: int
    resent: int


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rate", type=int, default=50, help="calls a second")
    parser.add_argument("--seconds", type=int, default=10, help="length of a run of calls")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    if not shutil.which("sipp"):
        sys.exit("The benchmark needs SIPp; on Debian: sudo apt-get install sip-tester")
    with tempfile.TemporaryDirectory(prefix="dzvin-bench-") as name, product(Path(name)) as running:
        for run in range(given.runs):
            report("register", run, running, register(running, Path(name)))
        for run in range(given.runs):
            report("calls", run, running, calls(running, Path(name), given.rate, given.seconds))


@contextmanager
def product(folder: Path) -> Iterator[Product]:
    caller, callee = free_port(), free_port()
    config = folder / "bench.toml"
    text = ACCEPTANCE.read_text(encoding="utf-8")
    config.write_text(text.replace(":5080", f":{caller}").replace(":5070", f":{callee}"), encoding="utf-8")
    command = [sys.executable, "-m", "dzvin", "run", "--data", str(folder / "data"), "--config", str(config)]
    command += ["--http-port", "0", "--sip-udp", "127.0.0.1:0", "--no-hello"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    try:
        assert server.stdout
        line = server.stdout.readline()
        if not line:
            sys.exit((folder / "log").read_text())
        ready = msgspec.json.decode(line, type=Ready)
        core, media = ready.pids["core"], ready.pids["media"]
        assert isinstance(core, int)
        assert isinstance(media, list)
        yield Product(sip=ready.sip["udp"], core=core, media=media, caller_port=caller, callee_port=callee)
    finally:
        server.terminate()
        server.wait()


def register(running: Product, folder: Path) -> tuple[Load, float, float]:
    users = folder / "users.csv"
    lines = (f"u{i:05d};[authentication username=u{i:05d} password=pw-u{i:05d}]" for i in range(USERS))
    users.write_text("\n".join(["SEQUENTIAL", *lines]) + "\n")
    words = ["-sf", str(HERE / "sipp" / "register.xml"), "-inf", str(users), "-r", "200", "-m", str(USERS)]
    return measured([running.core], lambda: sipp(running, folder, words))


def calls(running: Product, folder: Path, rate: int, seconds: int) -> tuple[Load, float, float]:
    callee = subprocess.Popen(
        ["sipp", "-sf", str(HERE / "sipp" / "uas.xml"), "-i", "127.0.0.1", "-p", str(running.callee_port), "-nostdin"],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for_listener(running.callee_port)
        words = ["-sf", str(HERE / "sipp" / "uac.xml"), "-s", "uas", "-r", str(rate), "-m", str(rate * seconds)]
        return measured([running.core, *running.media], lambda: sipp(running, folder, [*words, "-d", str(HOLD)]))
    finally:
        callee.terminate()
        callee.wait()


def sipp(running: Product, folder: Path, words: Sequence[str]) -> Load:
    statistics = folder / "statistics.csv"
    statistics.unlink(missing_ok=True)
    subprocess.run(
        ["sipp", running.sip, *words, "-i", "127.0.0.1", "-p", str(running.caller_port), "-l", "20000", "-nostdin",
         "-trace_stat", "-stf", str(statistics), "-fd", "1", "-timeout", "120"],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    with statistics.open() as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    return Load(
        succeeded=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        resent=int(last["Retransmissions(C)"]),
    )


def measured(pids: Sequence[int], work: Callable[[], Load]) -> tuple[Load, float, float]:
    """What the work came to, the processor time that the server took for it, and how long it lasted."""
    before, began = processor_seconds(pids), time.monotonic()
    load = work()
    lasted = time.monotonic() - began
    used = processor_seconds(pids)
    while True:  # late work belongs to the run
        time.sleep(0.5)
        now = processor_seconds(pids)
        if now - used <= 0.02:
            return load, now - before, lasted
        used = now


def report(what: str, run: int, running: Product, result: tuple[Load, float, float]) -> None:
    load, used, lasted = result
    print(
        json.dumps(
            {
                "what": what,
                "run": run,
                "ms_each": round(1000 * used / max(load.succeeded, 1), 3),
                "succeeded": load.succeeded,
                "failed": load.failed,
                "clean": load.failed == 0 and load.resent <= 0.001 * 4 * load.succeeded,
                "busy": f"{100 * used / lasted:.0f} %",
                "rss_mb": round(sum(map(resident, [running.core, *running.media])) / 2**20, 1),
            }
        ),
        flush=True,
    )


def processor_seconds(pids: Sequence[int]) -> float:
    fields = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids)
    return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_listener(port: int) -> None:
    """Until somebody has bound the port."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return
        time.sleep(0.05)
    sys.exit("SIPp did not start")


if __name__ == "__main__":
    main()
