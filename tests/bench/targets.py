"""What is measured: our product, and Kamailio beside it; each answers SIP on a free port of the loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dzvin.plan import Ready

HERE = Path(__file__).parent
ACCEPTANCE = HERE.parents[1] / "examples" / "acceptance.toml"
START_WITHIN = 15.0  # seconds, of Kamailio


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the load generators speak from: both targets know these addresses, and challenge no call from there."""

    caller: int
    callee: int
    phones: int

    @classmethod
    def free(cls) -> Ports:
        return cls(caller=free_port(), callee=free_port(), phones=free_port())


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`pids`: the processes whose time counts, with their children. `beside`: what else works for it, told apart."""

    name: str
    sip: str
    pids: Sequence[int]
    beside: Mapping[str, Sequence[int]]


@contextmanager
def ours(folder: Path, ports: Ports) -> Iterator[Target]:
    """`dzvin run` with the acceptance configuration. What counts is the core."""
    config = folder / "bench.toml"
    text = ACCEPTANCE.read_text(encoding="utf-8")
    text = text.replace(":5080", f":{ports.caller}").replace(":5070", f":{ports.callee}")
    config.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "dzvin", "run", "--data", str(folder / "data"), "--config", str(config)]
    command += ["--http-port", "0", "--sip-udp", "127.0.0.1:0", "--no-hello"]
    with (folder / "dzvin.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    try:
        assert server.stdout
        line = server.stdout.readline()
        if not line:
            sys.exit((folder / "dzvin.log").read_text())
        ready = msgspec.json.decode(line, type=Ready)
        pids = {name: [given] if isinstance(given, int) else given for name, given in ready.pids.items()}
        yield Target(name="dzvin", sip=ready.sip["udp"], pids=pids.pop("core"), beside=pids)
    finally:
        server.terminate()
        server.wait()


@contextmanager
def kamailio(folder: Path, ports: Ports) -> Iterator[Target]:
    """Kamailio with the configuration beside this file. All its processes count: which of them work is its affair."""
    port = free_port()
    text = (HERE / "kamailio.cfg").read_text(encoding="utf-8")
    config = folder / "kamailio.cfg"
    config.write_text(text.replace("SIP_PORT", str(port)).replace("CALLEE_PORT", str(ports.callee)), encoding="utf-8")
    command = ["kamailio", "-DD", "-E", "-f", str(config), "-m", "256", "-M", "16"]
    command += ["-Y", str(folder), "-P", str(folder / "kamailio.pid")]
    with (folder / "kamailio.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for_listener(port)
        time.sleep(1)  # its other processes start meanwhile, which is no part of any run
        yield Target(name="kamailio", sip=f"127.0.0.1:{port}", pids=[server.pid], beside={})
    finally:
        server.terminate()
        server.wait()


def is_installed(program: str) -> bool:
    return shutil.which(program) is not None


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_listener(port: int) -> None:
    """Until somebody has bound the port."""
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return
        time.sleep(0.05)
    sys.exit(f"nobody listens on UDP port {port}")
