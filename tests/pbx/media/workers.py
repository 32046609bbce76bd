"""A real worker process on a Unix socket of its own, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from uuid_utils.compat import uuid7

from pbx.media.client import Digit, Event, LegLost, MediaLeg, MediaPool, MediaSilent, MediaStarted
from recordings.store import Store
from tests.pbx.media.rig import HOST, Phone
from tests.support.network import FIRST_FREE

E = TypeVar("E", Digit, MediaStarted, MediaSilent, LegLost)
NewPhone = Callable[..., Phone]

TIMEOUT = 30.0  # seconds; for what must come


@dataclass(slots=True)
class WorkerProcess:
    process: asyncio.subprocess.Process
    socket: Path
    recordings: Path
    ready: dict[str, object]

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    async def ended(self) -> int:
        async with asyncio.timeout(TIMEOUT):
            return await self.process.wait()

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))


@contextlib.asynccontextmanager
async def worker_process(
    folder: Path, *options: str, kind: str = "compiled", stderr: int | None = None
) -> AsyncIterator[WorkerProcess]:
    """Started, ready, and ended with the block."""
    first = random.randrange(10_000, FIRST_FREE - 400, 200)
    reading, writing = os.pipe()
    path = folder / "media.sock"
    arguments = ["--socket", str(path), "--recordings", str(folder / "recordings"), "--ready-fd", str(writing)]
    if kind == "interpreted":
        arguments.append("--interpreted")
    if "--ports" not in options:
        arguments += ["--ports", f"{first}-{first + 399}"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pbx.media", *arguments, *options),
        pass_fds=(writing,), stderr=stderr, start_new_session=True,  # as the supervisor starts it
    )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            async with asyncio.timeout(TIMEOUT):
                line = await asyncio.to_thread(pipe.readline)
        assert line, "the worker did not start"
        yield WorkerProcess(process, path, folder / "recordings", json.loads(line))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass(slots=True)
class Heard:
    """A leg's events, to be waited for."""

    leg: MediaLeg
    events: list[Event] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.leg.on_event = self._append

    def _append(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    async def wait(self, kind: type[E], count: int = 1) -> list[E]:
        async with asyncio.timeout(TIMEOUT):
            while len(found := [event for event in self.events if isinstance(event, kind)]) < count:
                self._news.clear()
                await self._news.wait()
        return found


async def joined(leg: MediaLeg, phone: Phone) -> None:
    """Point leg and phone at each other."""
    phone.target = (HOST, leg.port)
    leg.update(
        remote_address=HOST,
        remote_port=phone.port,
        codec="pcmu" if phone.payload_type == 0 else "pcma",
        payload_type=phone.payload_type,
        dtmf_payload_type=phone.event_type,
        sources=(HOST,),
    )


def joined_to(leg: MediaLeg, port: int) -> None:
    """Point the leg at a phone that speaks µ-law from that port."""
    leg.update(remote_address=HOST, remote_port=port, codec="pcmu", payload_type=0, sources=(HOST,))


async def paced(phones: list[tuple[Phone, list[bytes]]]) -> None:
    """Send the phones' frames in real time, 20 ms apart, and listen to what comes."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for number in range(max(len(frames) for _, frames in phones)):
        for phone, frames in phones:
            if number < len(frames):
                phone.send(frames[number])
            phone.listen()
        await asyncio.sleep(max(0.0, start + 0.02 * (number + 1) - loop.time()))


async def two_legs(pool: MediaPool, cookies: tuple[bytes, bytes] = (b"", b"")) -> tuple[MediaLeg, MediaLeg]:
    call_id: UUID = uuid7()
    first = await pool.open(call_id=call_id, address=HOST, cookie=cookies[0])
    second = await pool.open(call_id=call_id, address=HOST, cookie=cookies[1], near=first)
    return first, second


async def call(pool: MediaPool, new_phone: NewPhone) -> tuple[MediaLeg, MediaLeg, Phone, Phone]:
    """Two phones that hear each other."""
    left, right = await two_legs(pool)
    alice, bob = new_phone(), new_phone()
    await joined(left, alice)
    await joined(right, bob)
    left.bridge(right)
    assert await left.report() is not None  # all commands before it are carried out
    return left, right, alice, bob


def path_of(worker: WorkerProcess, recording_id: UUID) -> str:
    return Store(worker.recordings).relative_path(recording_id, datetime(2030, 1, 7, tzinfo=UTC))
