"""`dzvin run` as a person or a program starts it: the real product, with its own PostgreSQL, on free ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from dzvin.data_folder import DataFolder
from dzvin.plan import Ready
from tests.support.deadlines import DEADLINE
from tests.support.network import free_port

ACCEPTANCE = Path(__file__).parents[2] / "examples" / "acceptance.toml"
OPTIONS = (
    "OPTIONS sip:{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
    "From: <sip:probe@{me}>;tag=1\r\nTo: <sip:{sip}>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Installation:
    def __init__(self, data: Path, *, http: int = 0, sip: int = 0) -> None:
        self.data, self.http, self.sip = data, http, sip
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "dzvin", "run", "--data", str(self.data), "--config", str(ACCEPTANCE)]
        command += ["--http-port", str(self.http), "--sip-udp", f"127.0.0.1:{self.sip}", "--no-hello"]
        with (self.data.parent / "log").open("a") as log:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)

    def start_again(self) -> None:
        self.process = self._start()

    def ready(self) -> Ready:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, (self.data.parent / "log").read_text()
        return msgspec.json.decode(line, type=Ready)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        status = self.process.wait(60)
        if self.process.stdout:
            self.process.stdout.close()
        return status


@pytest.fixture
def installation(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Installation]:
    """On any ports. Those of a core that is killed are the test's, lest somebody else gets one meanwhile."""
    http, sip = getattr(request, "param", (0, 0))
    started = Installation(tmp_path / "data", http=http, sip=sip)
    yield started
    if started.process.poll() is None:
        started.end()
    place = tmp_path / "data" / "postgres" / "place"  # as root the cluster lives where its account can enter
    if place.exists():
        shutil.rmtree(place.read_text())


def sip_answers(ready: Ready) -> bool:
    host, _, port = ready.sip["udp"].rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(DEADLINE)
        phone.connect((host, int(port)))
        me = "{}:{}".format(*phone.getsockname())
        phone.send(OPTIONS.format(sip=ready.sip["udp"], me=me).encode())
        return phone.recv(65536).startswith(b"SIP/2.0 ")


def gone(pid: object) -> bool:
    return isinstance(pid, int) and not Path(f"/proc/{pid}").exists()


def test_it_answers_on_every_port_that_it_names_and_ends_in_order(installation: Installation) -> None:
    ready = installation.ready()
    assert httpx.get(ready.http + "/health", timeout=DEADLINE).status_code == 200
    assert "dzvin_calls" in httpx.get(ready.http + "/metrics", timeout=DEADLINE).text
    assert sip_answers(ready)
    media = ready.pids["media"]
    assert isinstance(media, list)
    assert installation.end() == 0
    assert all(gone(pid) for pid in (ready.pids["core"], ready.pids["database"], *media))


@pytest.mark.parametrize("installation", [(free_port(), free_port())], indirect=True, ids=["its own"])
def test_a_killed_core_is_back_on_its_ports(installation: Installation) -> None:
    first = installation.ready()
    core = first.pids["core"]
    assert isinstance(core, int)
    os.kill(core, signal.SIGKILL)
    second = installation.ready()
    assert (second.http, second.sip) == (first.http, first.sip)
    assert sip_answers(second)
    assert httpx.get(second.http + "/health", timeout=DEADLINE).status_code == 200


def test_after_a_killed_supervisor_the_next_start_finds_everything(installation: Installation) -> None:
    before = installation.ready()
    installation.end(signal.SIGKILL)
    installation.start_again()
    after = installation.ready()
    assert after.pids["media"] == before.pids["media"]
    assert sip_answers(after)
    assert DataFolder(installation.data).run().epoch == 2
