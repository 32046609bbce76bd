"""The core's pool: several workers, their loss and their return, and answers that come too late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
import structlog
from uuid_utils.compat import uuid7

from pbx.media import client
from pbx.media.client import LegLost, MediaPool, NoMedia
from pbx.media.messages import (
    PROTOCOL_VERSION,
    Bridge,
    Close,
    Command,
    Digit,
    Failed,
    FromWorker,
    Hello,
    Open,
    Opened,
    Welcome,
    decode_command,
    encode,
    frame_length,
)
from tests.pbx.media.rig import HOST
from tests.pbx.media.workers import TIMEOUT, Heard, worker_process


class MadeUpWorker:
    """Says what a test lets it say."""

    def __init__(self, answer: Callable[[Command], list[FromWorker]]) -> None:
        self.commands: list[Command] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self._answer = answer
        self._news = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while True:
                length = frame_length(await reader.readexactly(4))
                command = decode_command(await reader.readexactly(length))
                if isinstance(command, Hello):
                    self.say(Welcome(version=PROTOCOL_VERSION, pid=1, legs=()))
                    continue
                self.commands.append(command)
                self._news.set()
                for message in self._answer(command):
                    self.say(message)
        except (EOFError, OSError):
            pass
        finally:
            writer.close()

    def say(self, message: FromWorker) -> None:
        self.writers[-1].write(encode(message))

    async def hears(self, kind: type[Command]) -> Command:
        async with asyncio.timeout(TIMEOUT):
            while True:
                for command in self.commands:
                    if isinstance(command, kind):
                        return command
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def made_up(path: Path, answer: Callable[[Command], list[FromWorker]]) -> AsyncIterator[MadeUpWorker]:
    worker = MadeUpWorker(answer)
    server = await asyncio.start_unix_server(worker.serve, path=path)
    try:
        yield worker
    finally:
        server.close()
        for writer in worker.writers:
            writer.close()
        if worker.tasks:
            await asyncio.wait(worker.tasks)


def always_opens(command: Command) -> list[FromWorker]:
    return [Opened(id=command.id, leg=command.id, port=4000)] if isinstance(command, Open) else []


async def test_calls_go_to_the_least_loaded_worker_and_a_calls_legs_stay_together(tmp_path: Path) -> None:
    paths = [tmp_path / "a.sock", tmp_path / "b.sock"]
    async with made_up(paths[0], always_opens), made_up(paths[1], always_opens), MediaPool(paths, epoch=1) as pool:
        legs = []
        for _ in range(4):
            first = await pool.open(call_id=uuid7(), address=HOST)
            second = await pool.open(call_id=uuid7(), address=HOST, near=first)
            assert second.worker is first.worker
            legs += [first, second]
        assert sorted(status.legs for status in pool.status()) == [4, 4]
        other = next(leg for leg in legs if leg.worker is not legs[0].worker)
        with pytest.raises(ValueError, match="two workers"):
            legs[0].bridge(other)


async def test_a_worker_that_refuses_is_stepped_over(tmp_path: Path) -> None:
    def refuses(command: Command) -> list[FromWorker]:
        return [Failed(id=command.id, reason="no ports")] if isinstance(command, Open) else []

    paths = [tmp_path / "a.sock", tmp_path / "b.sock"]
    async with made_up(paths[0], refuses), made_up(paths[1], always_opens), MediaPool(paths, epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        assert leg.worker.path == paths[1]


async def test_a_leg_that_no_worker_gives_says_in_the_log_why(tmp_path: Path) -> None:
    """The caller gets 503: that the ports are spent is for the operator to read."""

    def refuses(command: Command) -> list[FromWorker]:
        return [Failed(id=command.id, reason="no ports")] if isinstance(command, Open) else []

    path = tmp_path / "a.sock"
    async with made_up(path, refuses), MediaPool([path], epoch=1) as pool:
        with structlog.testing.capture_logs() as said, pytest.raises(NoMedia):
            await pool.open(call_id=uuid7(), address=HOST)
    assert [entry["reason"] for entry in said if entry["event"] == "no media for a leg"] == ["no ports"]


async def test_without_a_worker_there_is_no_media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_CONNECT_TIMEOUT", 0.05)
    async with MediaPool([tmp_path / "nobody.sock"], epoch=1) as pool:
        with pytest.raises(NoMedia):
            await pool.open(call_id=uuid7(), address=HOST)


async def test_a_leg_that_is_opened_too_late_is_closed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "OPEN_TIMEOUT", 0.05)
    path = tmp_path / "a.sock"
    async with made_up(path, lambda _: []) as worker, MediaPool([path], epoch=1) as pool:
        with pytest.raises(NoMedia):
            await pool.open(call_id=uuid7(), address=HOST)
        asked = await worker.hears(Open)
        assert isinstance(asked, Open)
        worker.say(Opened(id=asked.id, leg=77, port=4000))
        closed = await worker.hears(Close)
        assert isinstance(closed, Close)
        assert closed.leg == 77


async def test_a_lost_worker_costs_its_own_legs_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    lost: list[tuple[int, int]] = []
    async with worker_process(tmp_path) as first, worker_process(tmp_path / "b") as second:
        paths = [first.socket, second.socket]
        async with MediaPool(paths, epoch=1, on_worker_lost=lambda *told: lost.append(told)) as pool:
            legs = [await pool.open(call_id=uuid7(), address=HOST) for _ in range(2)]
            legs.sort(key=lambda leg: paths.index(leg.worker.path))
            heard = [Heard(leg) for leg in legs]
            playback = legs[0].play(["nothing.wav"], loop=True)
            first.kill()
            await heard[0].wait(LegLost)
            assert heard[1].events == []
            assert lost == [(0, 1)], "the first, with its one leg"
            assert await playback.ended in ("lost", "failed")
            assert legs[0].is_lost
            assert await legs[0].close() is None
            assert await legs[0].report() is None
            assert await legs[0].play(["a.wav"]).ended == "lost"
            assert (await legs[0].record(UUID(int=1), None, "a.dzr").stop()).cut
            with pytest.raises(NoMedia):
                await pool.open(call_id=uuid7(), address=HOST, near=legs[0])
            assert (await pool.open(call_id=uuid7(), address=HOST)).worker is legs[1].worker
            async with worker_process(tmp_path) as again, asyncio.timeout(TIMEOUT):
                while not pool.status()[0].connected:
                    await asyncio.sleep(0.05)
                assert pool.status()[0].pid == again.pid
                assert (await pool.open(call_id=uuid7(), address=HOST)).worker.path == again.socket


async def test_a_core_that_goes_has_lost_no_worker(tmp_path: Path) -> None:
    lost: list[tuple[int, int]] = []
    async with worker_process(tmp_path) as worker:
        async with MediaPool([worker.socket], epoch=1, on_worker_lost=lambda *told: lost.append(told)) as pool:
            await pool.open(call_id=uuid7(), address=HOST)
        assert lost == []


async def test_what_one_turn_of_the_loop_tells_a_worker_is_one_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.sock"
    async with made_up(path, always_opens) as worker, MediaPool([path], epoch=1) as pool:
        first, second = [await pool.open(call_id=uuid7(), address=HOST) for _ in range(2)]
        writes: list[bytes] = []
        transport = first.worker._transport
        assert transport is not None
        write = transport.write

        def written(data: bytes) -> None:
            writes.append(data)
            write(data)

        monkeypatch.setattr(transport, "write", written)
        first.stop_playing()
        second.stop_playing()
        first.bridge(second)
        await worker.hears(Bridge)
        assert len(writes) == 1


async def test_answers_may_come_in_any_pieces(tmp_path: Path) -> None:
    def say_in_pieces(message: FromWorker) -> None:
        answer = encode(message)
        for at in range(len(answer)):
            asyncio.get_running_loop().call_later(0.001 * at, worker.writers[-1].write, answer[at : at + 1])

    def opens(command: Command) -> list[FromWorker]:
        if isinstance(command, Open):
            say_in_pieces(Opened(id=command.id, leg=command.id, port=4000))
        return []

    path = tmp_path / "a.sock"
    async with made_up(path, opens) as worker, MediaPool([path], epoch=1) as pool:
        heard = Heard(await pool.open(call_id=uuid7(), address=HOST))
        say_in_pieces(Digit(leg=heard.leg.leg, digit="5", milliseconds=100))
        await heard.wait(Digit)


async def test_a_listener_that_fails_silences_no_other_leg(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    async with made_up(path, always_opens) as worker, MediaPool([path], epoch=1) as pool:
        first, second = [await pool.open(call_id=uuid7(), address=HOST) for _ in range(2)]

        def fail(_: object) -> None:
            raise RuntimeError("a bug in one call")

        first.on_event = fail
        heard = Heard(second)
        worker.say(Digit(leg=first.leg, digit="1", milliseconds=100))
        worker.say(Digit(leg=second.leg, digit="2", milliseconds=100))
        assert [event.digit for event in await heard.wait(Digit)] == ["2"]


async def test_limits_are_ours_to_keep(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    async with made_up(path, always_opens), MediaPool([path], epoch=1) as pool:
        with pytest.raises(ValueError, match="cookie"):
            await pool.open(call_id=uuid7(), address=HOST, cookie=bytes(4097))
        leg = await pool.open(call_id=uuid7(), address=HOST)
        with pytest.raises(ValueError, match="cookie"):
            leg.set_cookie(bytes(4097))
        with pytest.raises(ValueError, match="files"):
            leg.play([])


async def test_leaving_the_pool_leaves_no_task_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    async with made_up(path, always_opens):
        before = {task for task in asyncio.all_tasks() if "media worker" in task.get_name()}
        async with MediaPool([path], epoch=1):
            pass
        assert {task for task in asyncio.all_tasks() if "media worker" in task.get_name()} == before


@pytest.mark.parametrize("first", ["answer", "cancel"])
async def test_a_leg_that_is_opened_in_the_moment_of_giving_up_is_closed_again(tmp_path: Path, first: str) -> None:
    """In one turn of the loop the answer comes and who asked is cancelled."""
    path = tmp_path / "a.sock"
    async with made_up(path, lambda _: []) as worker, MediaPool([path], epoch=1) as pool:
        asking = asyncio.create_task(pool.open(call_id=uuid7(), address=HOST))
        asked = await worker.hears(Open)
        assert isinstance(asked, Open)
        connection = pool._workers[path]
        if first == "cancel":
            asking.cancel()
        connection._handle(Opened(id=asked.id, leg=78, port=4000))
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        closed = await worker.hears(Close)
        assert isinstance(closed, Close)
        assert closed.leg == 78
