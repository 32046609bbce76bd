"""The product as a whole for a test: `dzvin run` in its own processes, on free ports, with `examples/acceptance.toml`.

The acceptance file names fixed ports of its peers (5070, 5080, 5090, 5091). Each run gets free ones in their place, so
that several runs can work at the same time; `server.peer(5091)` is the port that plays 5091.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import random
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import asyncpg
import httpx
import msgspec

from dzvin import local_ca
from dzvin.clock import SystemClock
from dzvin.processes import die_with
from tests.support.deadlines import DEADLINE, eventually, until
from tests.support.network import FIRST_FREE, Address, free_port
from tests.support.panel import Panel

ROOT = Path(__file__).parents[2]
ACCEPTANCE = ROOT / "examples" / "acceptance.toml"
READY_WITHIN = 120.0  # seconds: the first start makes a database cluster
STOPPED_WITHIN = 60.0
MEDIA_PORTS = 400
PEER = re.compile(r"127\.0\.0\.1:(50(?:70|80|90|91))\b")
OVERRIDES = {
    "DZVIN_HTTP__PORT": "0",
    "DZVIN_SIP__UDP": "127.0.0.1:0",
    "DZVIN_SIP__TLS": "127.0.0.1:0",
    "DZVIN_SIP__WS": "127.0.0.1:0",
    "DZVIN_SIP__WSS": "127.0.0.1:0",
    "DZVIN_CALLS__STOP_GRACE": "0",
    "DZVIN_TELEPHONY_SERVER__EVERY": "86400",  # only when a test has saved one of its parameters
    "DZVIN_LOG__FORMAT": "json",
}


class Pids(msgspec.Struct, frozen=True):
    core: int
    media: list[int]
    database: int | None = None


class Ready(msgspec.Struct, frozen=True):
    """The line that programs read."""

    ready: bool
    http: str
    sip: dict[str, str]
    pids: Pids


@dataclass(slots=True)
class Server:
    """A running installation. `ready` is its last ready line: a core that was killed is followed by another."""

    data: Path
    peers: Mapping[int, int]
    process: subprocess.Popen[str]
    ready: Ready = field(init=False)
    _lines: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)

    @property
    def http(self) -> str:
        return self.ready.http

    @property
    def sip(self) -> Address:
        return self.sip_over("udp")

    def sip_over(self, transport: str) -> Address:
        host, _, port = self.ready.sip[transport].rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def believing(self) -> ssl.SSLContext:
        """A client that believes the authority of this installation, and no other."""
        return ssl.create_default_context(cafile=local_ca.paths(self.data).ca)

    @property
    def pids(self) -> Pids:
        return self.ready.pids

    def peer(self, port: int) -> int:
        """The port that stands for this one of the acceptance file."""
        return self.peers[port]

    @property
    def log(self) -> str:
        return (self.data / "server.log").read_text(errors="replace")

    def wait_ready(self, seconds: float = READY_WITHIN) -> Ready:
        """Block until the next ready line. Raises AssertionError with the end of the log."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            line = ""
        if not line:
            raise AssertionError(f"not ready within {seconds:g} s:\n{self.log[-4000:]}")
        self.ready = msgspec.json.decode(line, type=Ready)
        return self.ready

    async def next_ready(self, seconds: float = READY_WITHIN) -> Ready:
        return await asyncio.to_thread(self.wait_ready, seconds)

    def kill_core(self) -> int:
        """`kill -9`; the pid that it had."""
        pid = self.pids.core
        os.kill(pid, signal.SIGKILL)
        return pid

    @asynccontextmanager
    async def sign_in(self, login: str) -> AsyncIterator[Panel]:
        """The panel as one of the acceptance file's people sees it."""
        async with httpx.AsyncClient(base_url=self.http, timeout=20) as client:
            panel = Panel(client)
            await panel.sign_in(login, f"{login}-pass-1")
            yield panel

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """For looking at what was written; the product never lends its own connections."""
        run = json.loads((self.data / "run.json").read_text())
        conn = await asyncpg.connect(run["database_url"])
        try:
            yield conn
        finally:
            await conn.close()

    async def metrics_text(self) -> str:
        """What Prometheus reads."""
        async with httpx.AsyncClient(base_url=self.http, timeout=10) as client:
            response = await client.get("/metrics", headers={"Connection": "close"})
        response.raise_for_status()
        return response.text

    async def metrics(self) -> dict[str, float]:
        """Prometheus figures without labels."""
        text = await self.metrics_text()
        pairs = (line.split(" ") for line in text.splitlines() if not line.startswith("#"))
        return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and "{" not in pair[0]}

    async def settled(self, seconds: float = 2 * DEADLINE) -> None:
        """Every fact told so far is in PostgreSQL."""
        await eventually("the spool is empty", self.metrics, lambda metrics: metrics["dzvin_spool_facts"] == 0, seconds)

    async def calls_written(self, seconds: float = 2 * DEADLINE) -> None:
        """No call is left, and every fact of those that were is in PostgreSQL. Phones are hung up before a recording
        is closed and the end is told, so an empty spool does not say that a call is in it."""

        def over(metrics: dict[str, float]) -> bool:
            return metrics["dzvin_calls"] == metrics["dzvin_spool_facts"] == 0

        await eventually("every call is over and written", self.metrics, over, seconds)

    def start_reading(self, stream: IO[str]) -> None:
        threading.Thread(target=self._read, args=(stream,), daemon=True, name="ready lines").start()

    def _read(self, stream: IO[str]) -> None:
        with suppress(ValueError):  # closed under us
            for line in stream:
                self._lines.put(line)
        self._lines.put("")


def start(data: Path, *, config: Path = ACCEPTANCE, overrides: Mapping[str, str] | None = None) -> Server:
    """Start and wait for the ready line. Whoever calls this calls `stop`; a test that is killed cannot, so the product
    is told to end in order as soon as the process (or the thread) that started it has ended."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    local_ca.init(local_ca.paths(data), ["127.0.0.1"], SystemClock().now())
    peers = _peers(data)
    file = data / "config.toml"
    file.write_text(PEER.sub(lambda found: f"127.0.0.1:{peers[int(found[1])]}", config.read_text()))
    first = random.SystemRandom().randrange(10_000, FIRST_FREE - MEDIA_PORTS, 2)
    media = {"DZVIN_MEDIA__PORTS": f"{first}-{first + MEDIA_PORTS - 1}"}
    env = {**os.environ, **OVERRIDES, **_listens(), **media, **(overrides or {})}
    with (data / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dzvin", "run", "--data", str(data), "--config", str(file), "--no-hello"],
            cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            start_new_session=True, preexec_fn=die_with(os.getpid(), signal.SIGTERM),
        )  # fmt: skip
    server = Server(data, peers, process)
    assert process.stdout
    server.start_reading(process.stdout)
    try:
        server.wait_ready()
    except BaseException:
        stop(server)
        raise
    return server


def stop(server: Server) -> None:
    """End it in order; what does not end by itself is killed, and told as a failure."""
    process = server.process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise AssertionError(f"still running {STOPPED_WITHIN:g} s after SIGTERM:\n{server.log[-4000:]}") from error
    finally:
        if process.stdout:
            process.stdout.close()
        _end_strays(server)


def _end_strays(server: Server) -> None:
    """Media workers outlive a supervisor that was killed: a test's must not outlive the test."""
    for pid in (getattr(server, "ready", None) and server.pids.media) or ():
        with suppress(ProcessLookupError, FileNotFoundError):
            if b"pbx.media" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


@contextmanager
def running_dzvin(
    data: Path, *, config: Path = ACCEPTANCE, overrides: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """The product from its first line to its orderly end."""
    server = start(data, config=config, overrides=overrides)
    try:
        yield server
    finally:
        stop(server)


def _listens() -> dict[str, str]:
    """Where it listens: not on ports that the system gives to anybody else while a killed core is on its way back."""
    sip = {f"DZVIN_SIP__{transport}": f"127.0.0.1:{free_port()}" for transport in ("UDP", "TLS", "WS", "WSS")}
    return {"DZVIN_HTTP__PORT": str(free_port()), **sip}


def _peers(data: Path) -> dict[int, int]:
    """Free ports for the peers, the same at a second start of the same data folder."""
    kept = data / "peers.json"
    if kept.exists():
        return {int(port): int(chosen) for port, chosen in json.loads(kept.read_text()).items()}
    chosen = {port: free_port() for port in (5070, 5080, 5090, 5091)}
    kept.write_text(json.dumps(chosen))
    return chosen


async def gone(pid: int, seconds: float = DEADLINE) -> None:
    """Wait until that process is no more."""
    await until(f"process {pid} ended", lambda: not Path(f"/proc/{pid}").exists(), seconds)
