"""Stand-ins for the programs that a supervisor starts; run as `python fake_programs.py MODULE …`.

Each writes what happens to it into DATA/journal, one line `MODULE word pid=… …` at a time, and lives until SIGTERM.
A file DATA/MODULE.fails makes it end at once, DATA/MODULE.ignores makes it deaf to the first request to end.
Standard library only, so that they start quickly.
"""

import argparse
import os
import signal
import socket
import sys
from pathlib import Path


def be(module: str) -> None:
    arguments = argparse.ArgumentParser()
    for name in ("ready-fd", "socket", "epoch"):
        arguments.add_argument(f"--{name}")
    given, _ = arguments.parse_known_args()
    data = Path(os.environ["FAKE_DATA"])
    # Before it says that it has started: whoever reads that may ask it to end at once, and is heard below.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    words = {"pid": os.getpid(), "epoch": given.epoch, "url": os.environ.get("DZVIN_INTERNAL_DATABASE_URL")}
    journal(data, f"{module} start " + " ".join(f"{key}={value}" for key, value in words.items() if value))
    if (data / f"{module}.fails").exists():
        sys.exit(3)
    if given.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(given.socket)
    if given.ready_fd:
        os.write(int(given.ready_fd), ready_line())
    while True:
        signal.sigwait({signal.SIGTERM})
        end(data, module)


def end(data: Path, module: str) -> None:
    journal(data, f"{module} asked pid={os.getpid()}")
    if not (data / f"{module}.ignores").exists():
        sys.exit(0)


def journal(data: Path, line: str) -> None:
    with (data / "journal").open("a") as file:
        file.write(line + "\n")


def ready_line() -> bytes:
    """As a core's: the ports that it was told, or that it chose (its pid, so that the next would choose others)."""
    told = os.environ["DZVIN_HTTP__PORT"], os.environ["DZVIN_SIP__UDP"].rpartition(":")[2]
    http, udp = (port if port != "0" else str(os.getpid() % 30000 + 20000) for port in told)
    return f'{{"http": "http://127.0.0.1:{http}", "sip": {{"udp": "127.0.0.1:{udp}"}}}}\n'.encode()


if __name__ == "__main__":
    be(sys.argv[1])
