"""The process that keeps traces: `python -m pbx.trace --folder DIR …`, a child of the core.

It reads frames from its standard input, a socket: four bytes of length, an encoded trace. It masks, compresses and
writes them, so that none of this costs the core more than a write to a socket. When something could not be kept it says
so in one line of JSON, once a second at most. It ends with its input, that is, with the core.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import signal
import socket
import struct
import time
from pathlib import Path

from pbx.trace.file import NotATrace, decode
from pbx.trace.mask import masked
from pbx.trace.shelf import Keeping, Shelf

HEAD = struct.Struct("!I")
CLEAR_EVERY = 600.0  # seconds
TELL_EVERY = 1.0  # seconds


class Writer:
    """`failed`: traces that were lost here."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._opened = False
        self._cleared_at = 0.0
        self.failed = 0
        self.reason = ""

    def keep(self, encoded: bytes) -> bool:
        """Whether it is on disk. Never raises for what a disk or a trace may do."""
        try:
            trace = masked(decode(encoded))
            self._tidy()
            self._shelf.write(trace)
        except (OSError, NotATrace, ValueError) as error:
            self.failed += 1
            self.reason = f"{type(error).__name__}: {error}"
            return False
        return True

    def rest(self) -> None:
        """Nothing came for a while: what is kept no longer is removed all the same."""
        try:
            self._tidy()
        except OSError as error:
            self.reason = f"{type(error).__name__}: {error}"

    def _tidy(self) -> None:
        now = time.time()
        if not self._opened:
            self._shelf.open(now)
            self._opened, self._cleared_at = True, now
        elif now - self._cleared_at > CLEAR_EVERY:
            self._cleared_at = now
            self._shelf.clear(now)


def serve(connection: socket.socket, writer: Writer) -> None:
    """Until the other end closes. Raises ConnectionError."""
    told, told_at = 0, 0.0
    while True:
        while not select.select([connection], [], [], CLEAR_EVERY)[0]:
            writer.rest()
        head = _exactly(connection, HEAD.size)
        encoded = _exactly(connection, HEAD.unpack(head)[0]) if head else b""
        if not encoded:
            return
        writer.keep(encoded)
        if writer.failed > told and time.monotonic() - told_at >= TELL_EVERY:
            told, told_at = writer.failed, time.monotonic()
            connection.sendall(json.dumps({"failed": told, "reason": writer.reason}).encode() + b"\n")


def _exactly(connection: socket.socket, size: int) -> bytes:
    """Empty when the other end closed before all had come."""
    received = bytearray()
    while len(received) < size:
        part = connection.recv(min(size - len(received), 1 << 20))
        if not part:
            return b""
        received += part
    return bytes(received)


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m pbx.trace", description="Keeps traces; started by the core.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--bytes", type=int, required=True)
    given = parser.parse_args(argv)
    # The core says when it is over, by closing: a terminal's Ctrl-C must not cost the last traces.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    shelf = Shelf(given.folder, Keeping(days=given.days, calls=given.calls, bytes=given.bytes))
    with socket.socket(fileno=0) as connection, contextlib.suppress(ConnectionError):  # the core is gone
        serve(connection, Writer(shelf))
