"""The core's side of the process that keeps traces (`writer`): started with the core, started again when it dies.

Calls never wait for it. A trace that it cannot take, because it is away or has fallen behind, is lost and counted.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import cast
from uuid import UUID

import structlog

from pbx.trace.shelf import Keeping
from pbx.trace.writer import HEAD

log = structlog.get_logger("pbx.trace")

UNSENT = 8 * 1024 * 1024  # bytes that may wait for the writer
AGAIN_AFTER = 5.0  # seconds until a writer that died is replaced
ENDS_WITHIN = 5.0  # seconds for the last traces


class Keeper(asyncio.Protocol):
    """`lost`: traces that were not kept, here or there."""

    def __init__(self, folder: Path, keeping: Keeping) -> None:
        self._command = [
            sys.executable, "-m", "pbx.trace", "--folder", str(folder), "--days", str(keeping.days),
            "--calls", str(keeping.calls), "--bytes", str(keeping.bytes),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self._again: asyncio.Task[None] | None = None
        self._closing = False
        self._said = b""
        self._missed = 0
        self._failed_before = 0  # by writers that are gone
        self._failed = 0

    @property
    def lost(self) -> int:
        return self._missed + self._failed_before + self._failed

    @property
    def takes(self) -> bool:
        """Whether there is a writer to hand traces to."""
        return self._transport is not None

    @property
    def process_id(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Never raises for a system that gives no process: then it is tried again later."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            with theirs:
                self._process = await asyncio.to_thread(self._spawn, theirs)
            await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)
        except OSError as error:
            ours.close()
            log.warning("traces are not kept", reason=str(error))
            self._restart()

    def _spawn(self, connection: socket.socket) -> subprocess.Popen[bytes]:
        # A session of its own: a signal to the core's group is not meant for it, it ends when the core closes.
        return subprocess.Popen(self._command, stdin=connection.fileno(), start_new_session=True)

    def keep(self, call_id: UUID, trace: bytes) -> None:
        """An encoded trace, not yet masked. Returns at once."""
        transport = self._transport
        if transport is None or transport.get_write_buffer_size() > UNSENT:
            self._missed += 1
            if self._missed in (1, 10, 100) or self._missed % 1000 == 0:
                log.warning("traces are lost", call_id=str(call_id), lost=self._missed)
            return
        transport.write(HEAD.pack(len(trace)) + trace)

    async def close(self) -> None:
        """What was handed in is written first."""
        self._closing = True
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
        await self._reap()

    # ---- what the connection tells ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        self._said = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._said = (self._said + data).split(b"\n")
        for line in lines:
            report = json.loads(line)
            self._failed = int(report["failed"])
            log.warning("traces could not be written", failed=self._failed, reason=report["reason"])

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._failed_before, self._failed = self._failed_before + self._failed, 0
        if not self._closing:
            log.warning("the writer of traces is gone", reason=str(error or "it ended"))
            self._restart()

    def _restart(self) -> None:
        if not self._closing:
            self._again = asyncio.get_running_loop().create_task(self._start_again())

    async def _start_again(self) -> None:
        await self._reap()
        await asyncio.sleep(AGAIN_AFTER)
        await self.start()

    async def _reap(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            await asyncio.to_thread(process.wait, ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
