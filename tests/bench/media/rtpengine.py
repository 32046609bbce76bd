"""Debian's rtpengine as the yardstick: started on the loopback, in user space, and told of calls by its ng protocol
(bencoded dictionaries over UDP)."""

from __future__ import annotations

import re
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.bench.media.generator import Leg
from tests.bench.targets import free_port, wait_for_listener

TIMEOUT = 3.0  # seconds
Value = str | list["Value"] | dict[str, "Value"]


class Ng:
    """Asks one thing after the other."""

    def __init__(self, port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(("127.0.0.1", port))

    def ask(self, **command: Value) -> str:
        """The answer's SDP, if it has one. Raises AssertionError when the command fails."""
        cookie = secrets.token_hex(8).encode()
        named: dict[str, Value] = {name.replace("_", "-"): value for name, value in command.items()}
        self.sock.send(cookie + b" " + bencoded(named))
        answer = self.sock.recv(65536)
        while not answer.startswith(cookie):
            answer = self.sock.recv(65536)
        assert b"6:result2:ok" in answer, answer
        found = re.search(rb"3:sdp(\d+):", answer)
        return answer[found.end() : found.end() + int(found[1])].decode() if found else ""

    def call(self, name: str, left: int, right: int, *, record: bool) -> list[Leg]:
        """Two phones that listen on these ports, bridged."""
        both: Mapping[str, Value] = {"call_id": name, "from_tag": "a", "replace": ["origin", "session-connection"]}
        offered = self.ask(command="offer", sdp=_sdp(left), ICE="remove", **both)
        answered = self.ask(command="answer", sdp=_sdp(right), to_tag="b", ICE="remove", **both)
        if record:
            self.ask(command="start recording", call_id=name)
        return [Leg(left, _port(answered)), Leg(right, _port(offered))]

    def end(self, name: str) -> None:
        self.ask(command="delete", call_id=name, from_tag="a")


@contextmanager
def rtpengine(folder: Path) -> Iterator[tuple[int, Ng]]:
    """Its process, and its ear."""
    port, console = free_port(), free_port()
    recordings = folder / "rtpengine"
    recordings.mkdir()
    command = ["taskset", "-c", "0", "rtpengine", "--config-file=none", "--table=-1", "--foreground", "--log-stderr"]
    command += ["--log-level=3", "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{port}", "--num-threads=2"]
    command += [f"--listen-cli=127.0.0.1:{console}", "--port-min=33000", "--port-max=35999"]
    command += [f"--recording-dir={recordings}", "--recording-method=pcap"]
    with (folder / "rtpengine.log").open("wb") as log:
        # A session of its own, like our worker's in the product: the scheduler shares processors among sessions first.
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    ear = Ng(port)
    try:
        wait_for_listener(port)
        time.sleep(0.5)
        yield server.pid, ear
    finally:
        ear.sock.close()
        server.terminate()
        server.wait()


def bencoded(value: Value) -> bytes:
    match value:
        case dict():
            return b"d" + b"".join(bencoded(key) + bencoded(value[key]) for key in sorted(value)) + b"e"
        case list():
            return b"l" + b"".join(map(bencoded, value)) + b"e"
        case _:
            return f"{len(value.encode())}:{value}".encode()


def _sdp(port: int) -> str:
    lines = ("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", f"m=audio {port} RTP/AVP 0")
    return "".join(line + "\r\n" for line in (*lines, "a=rtpmap:0 PCMU/8000", "a=sendrecv"))


def _port(sdp: str) -> int:
    found = re.search(r"^m=audio (\d+)", sdp, re.MULTILINE)
    assert found, sdp
    return int(found[1])
