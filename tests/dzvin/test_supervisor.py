"""The supervisor over fake programs: what it starts again, what it adopts, and the order in which it ends things."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from dzvin.core_process import StartFailed
from dzvin.data_folder import AlreadyRuns, DataFolder
from dzvin.plan import Ready
from dzvin.supervisor import Supervisor
from tests.dzvin.fake_installation import FakeDatabase, plan

pytestmark = pytest.mark.usefixtures("socket_folders")

PATIENCE = 20.0  # seconds, against a hang; nothing waits that long
ROOT = Path(__file__).parents[2]


class Running:
    """A supervisor in this process, and the ready lines that it said."""

    def __init__(
        self, data: Path, database: FakeDatabase, *, companions: tuple[str, ...] = (), **settings: str
    ) -> None:
        self.data = data
        self.database = database
        self.lines: asyncio.Queue[Ready] = asyncio.Queue()
        self.supervisor = Supervisor(plan(data, companions=companions, **settings), database, self.lines.put_nowait)

    async def ready(self) -> Ready:
        async with asyncio.timeout(PATIENCE):
            return await self.lines.get()

    async def told(self, line: str, times: int = 1) -> None:
        await eventually(lambda: len([found for found in history(self.data) if found.startswith(line)]) >= times)


@asynccontextmanager
async def running(data: Path, *urls: str, companions: tuple[str, ...] = (), **settings: str) -> AsyncIterator[Running]:
    data.mkdir(exist_ok=True)
    installation = Running(data, FakeDatabase(data, *(urls or ("first",))), companions=companions, **settings)
    task = asyncio.create_task(installation.supervisor.run())
    try:
        yield installation
    finally:
        installation.supervisor.stop()
        async with asyncio.timeout(PATIENCE):
            await task


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def history(data: Path) -> list[str]:
    file = data / "journal"
    return file.read_text().splitlines() if file.exists() else []


def core_pid(ready: Ready) -> int:
    pid = ready.pids["core"]
    assert isinstance(pid, int)
    return pid


def media_pids(ready: Ready) -> list[int]:
    pids = ready.pids["media"]
    assert isinstance(pids, list)
    return pids


def lives(pid: int) -> bool:
    """Does it run? A zombie does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def test_a_killed_core_is_started_again_with_the_next_epoch_on_the_same_ports(data: Path) -> None:
    async with running(data) as installation:
        first = await installation.ready()
        os.kill(core_pid(first), signal.SIGKILL)
        second = await installation.ready()
        assert (second.http, second.sip, second.pids["media"]) == (first.http, first.sip, first.pids["media"])
        assert second.pids["core"] != first.pids["core"]
        starts = [line for line in history(data) if line.startswith("dzvin.core start")]
        assert [line.split("epoch=")[1].split()[0] for line in starts] == ["1", "2"]


async def test_epochs_grow_over_starts(data: Path) -> None:
    for _ in range(2):
        async with running(data) as installation:
            await installation.ready()
    assert DataFolder(data).run().epoch == 2
    assert DataFolder(data).run().database_url is None  # nothing of a run is left behind but its epoch


async def test_the_end_has_an_order(data: Path) -> None:
    async with running(data, companions=("dzvin.demo",), DZVIN_MEDIA__WORKERS="2") as installation:
        ready = await installation.ready()
        assert len(media_pids(ready)) == 2
        await installation.told("dzvin.demo start")
    asked = [line.split()[0] for line in history(data) if " asked" in line]
    assert asked == ["dzvin.demo", "dzvin.core", "pbx.media", "pbx.media", "database"]
    assert not any(map(lives, [core_pid(ready), *media_pids(ready)]))


async def test_a_media_worker_that_dies_is_replaced_and_the_core_stays(data: Path) -> None:
    async with running(data) as installation:
        ready = await installation.ready()
        os.kill(media_pids(ready)[0], signal.SIGKILL)
        await installation.told("pbx.media start", times=2)
        assert lives(core_pid(ready))


async def test_a_database_that_dies_is_started_again(data: Path) -> None:
    async with running(data) as installation:
        ready = await installation.ready()
        installation.database.ended.set()
        await installation.told("database start", times=2)
        assert lives(core_pid(ready))


async def test_a_database_that_comes_back_elsewhere_gets_a_new_core(data: Path) -> None:
    async with running(data, "first", "second") as installation:
        await installation.ready()
        installation.database.ended.set()
        await installation.ready()
        assert [line.rpartition("=")[2] for line in history(data) if line.startswith("dzvin.core start")] == [
            "first", "second",
        ]  # fmt: skip


async def test_a_core_that_never_starts_ends_the_start(data: Path) -> None:
    data.mkdir()
    (data / "dzvin.core.fails").touch()
    supervisor = Supervisor(plan(data), FakeDatabase(data, "first"), lambda _: None)
    with pytest.raises(StartFailed, match="core"):
        await asyncio.wait_for(supervisor.run(), PATIENCE)
    assert [line.split()[0] for line in history(data) if " asked" in line] == ["pbx.media", "database"]


async def test_a_media_worker_that_never_starts_ends_the_start(data: Path) -> None:
    data.mkdir()
    (data / "pbx.media.fails").touch()
    supervisor = Supervisor(plan(data), FakeDatabase(data, "first"), lambda _: None)
    with pytest.raises(StartFailed, match="media"):
        await asyncio.wait_for(supervisor.run(), PATIENCE)


async def test_a_second_request_to_end_hurries(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dzvin.processes.HURRY", 1.0)  # in which it hears the second request
    async with running(data, DZVIN_CALLS__STOP_GRACE="600") as installation:
        ready = await installation.ready()
        (data / "dzvin.core.ignores").touch()
        installation.supervisor.stop()
        await installation.told("dzvin.core asked")
        # leaving the block asks a second time
    assert not lives(core_pid(ready))
    assert len([line for line in history(data) if line.startswith("dzvin.core asked")]) == 2


class Apart:
    """A supervisor as a process of its own, which listens to SIGINT though these tests may run in the background."""

    def __init__(self, data: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.dzvin.fake_installation", str(data)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    async def ready(self) -> Ready:
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE):
            return msgspec.json.decode(await asyncio.to_thread(self.process.stdout.readline), type=Ready)

    async def end(self, number: signal.Signals) -> int:
        """The exit status. Raises subprocess.TimeoutExpired."""
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, PATIENCE)


@pytest.fixture
def apart(data: Path) -> Iterator[Callable[[], Apart]]:
    """Start supervisors that are surely ended, with the media workers that killed ones leave behind."""
    data.mkdir()
    started: list[Apart] = []

    def start() -> Apart:
        started.append(Apart(data))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        if one.process.stdout:
            one.process.stdout.close()
    for line in history(data):
        if line.startswith("pbx.media start"):
            with suppress(ProcessLookupError):
                os.kill(int(line.split("pid=")[1].split()[0]), signal.SIGKILL)


async def test_when_the_supervisor_is_killed_the_core_dies_and_the_next_start_adopts_the_workers(
    data: Path, apart: Callable[[], Apart]
) -> None:
    killed = apart()
    before = await killed.ready()
    await killed.end(signal.SIGKILL)
    await eventually(lambda: not lives(core_pid(before)))
    assert lives(media_pids(before)[0])

    after = await apart().ready()
    assert after.pids["media"] == before.pids["media"]
    assert len([line for line in history(data) if line.startswith("pbx.media start")]) == 1
    assert [line.split("epoch=")[1][0] for line in history(data) if line.startswith("dzvin.core start")] == ["1", "2"]


async def test_an_adopted_worker_is_watched_and_ended_like_a_child(data: Path, apart: Callable[[], Apart]) -> None:
    killed = apart()
    await killed.ready()
    await killed.end(signal.SIGKILL)
    async with running(data) as installation:
        adopted = media_pids(await installation.ready())[0]
        os.kill(adopted, signal.SIGKILL)
        await installation.told("pbx.media start", times=2)


async def test_a_worker_of_other_settings_is_not_adopted(data: Path, apart: Callable[[], Apart]) -> None:
    killed = apart()
    before = await killed.ready()
    await killed.end(signal.SIGKILL)
    async with running(data, DZVIN_MEDIA__PORTS="50000-50999") as installation:
        assert (await installation.ready()).pids["media"] != before.pids["media"]


async def test_a_worker_that_speaks_another_protocol_is_not_adopted(data: Path, apart: Callable[[], Apart]) -> None:
    killed = apart()
    before = await killed.ready()
    await killed.end(signal.SIGKILL)
    pid_file = DataFolder(data).runtime / "media-0.pid"
    pid_file.write_text(f"{pid_file.read_text().split()[0]} 0")
    async with running(data) as installation:
        assert (await installation.ready()).pids["media"] != before.pids["media"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_everything(number: signal.Signals, apart: Callable[[], Apart]) -> None:
    supervisor = apart()
    ready = await supervisor.ready()
    assert await supervisor.end(number) == 0
    assert not any(map(lives, [core_pid(ready), *media_pids(ready)]))


async def test_a_second_supervisor_is_refused_by_name(data: Path, apart: Callable[[], Apart]) -> None:
    first = apart()
    await first.ready()
    with pytest.raises(AlreadyRuns, match=f"process {first.process.pid}"), DataFolder(data).locked():
        pass
