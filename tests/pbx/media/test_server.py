"""A media worker's door, without what stands behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pbx.media.messages import (
    PROTOCOL_VERSION,
    Close,
    Command,
    Digit,
    Failed,
    FromWorker,
    Hello,
    LegReport,
    SetCookie,
    Welcome,
    decode_from_worker,
    encode,
    frame_length,
)
from pbx.media.server import Server, Settings
from tests.support.deadlines import DEADLINE, until


class Behind:
    """Remembers what it was told to do."""

    def __init__(self) -> None:
        self.done: list[Command] = []

    def execute(self, command: Command) -> None:
        self.done.append(command)

    def reports(self) -> list[LegReport]:
        return []

    def drop_all(self) -> None:
        pass


class Core:
    """The core's end, as bare as a process that is about to be killed."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(str(path))

    def says(self, *commands: Command) -> None:
        self.socket.sendall(b"".join(encode(command) for command in commands))

    async def hears(self) -> FromWorker:
        return await asyncio.to_thread(self._hears)

    def _hears(self) -> FromWorker:
        return decode_from_worker(self._read(frame_length(self._read(4))))

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data


@asynccontextmanager
async def door(tmp_path: Path) -> AsyncIterator[tuple[Server, Behind, Path]]:
    path, behind = tmp_path / "w.sock", Behind()
    server = Server(Settings(socket=path))
    ready = asyncio.Event()
    serving = asyncio.create_task(server.serve(behind, ready.set))
    try:
        await ready.wait()
        yield server, behind, path
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def greeted(path: Path, epoch: int = 1) -> Core:
    core = Core(path)
    core.says(Hello(version=PROTOCOL_VERSION, epoch=epoch))
    assert isinstance(await core.hears(), Welcome)
    return core


LAST_WORDS = SetCookie(id=7, leg=0, cookie=b"rings"), Close(id=8, leg=1)


@pytest.mark.parametrize("told_first", [True, False], ids=["a write fails first", "read first"])
async def test_what_a_core_said_just_before_it_was_killed_is_done(tmp_path: Path, told_first: bool) -> None:
    """Its successor needs the cookie of the leg that rings since then."""
    async with door(tmp_path) as (server, behind, path):
        core = await greeted(path)
        core.says(*LAST_WORDS)
        core.socket.close()
        if told_first:  # before the worker has looked
            server.tell(Digit(leg=0, digit="1", milliseconds=100))
        await until("the last words are obeyed", lambda: len(behind.done) == 2)
        assert behind.done == list(LAST_WORDS)


async def test_the_next_core_finds_done_what_the_one_before_had_said(tmp_path: Path) -> None:
    async with door(tmp_path) as (_, behind, path):
        with (await greeted(path)).socket as before, Core(path).socket as after:
            after.sendall(encode(Hello(version=PROTOCOL_VERSION, epoch=2)))
            before.sendall(encode(LAST_WORDS[0]))
            await until("it is obeyed", lambda: bool(behind.done))
        assert behind.done == [LAST_WORDS[0]]


async def test_who_does_not_greet_is_told_so_and_commands_nothing(tmp_path: Path) -> None:
    async with door(tmp_path) as (_, behind, path):
        core = Core(path)
        with core.socket:
            core.says(*LAST_WORDS)
            assert isinstance(await core.hears(), Failed)
            with pytest.raises(EOFError):
                await core.hears()
        assert behind.done == []


async def test_an_older_core_does_not_take_the_worker_from_a_younger(tmp_path: Path) -> None:
    async with door(tmp_path) as (_, behind, path):
        young, old = await greeted(path, epoch=5), Core(path)
        with young.socket, old.socket:
            old.says(Hello(version=PROTOCOL_VERSION, epoch=4), LAST_WORDS[1])
            assert isinstance(await old.hears(), Failed)
            young.says(LAST_WORDS[0])
            await until("the younger one is obeyed", lambda: bool(behind.done))
        assert behind.done == [LAST_WORDS[0]]
