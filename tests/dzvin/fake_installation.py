"""A supervisor over fake programs. As a program, `python -m tests.dzvin.fake_installation DATA`, it is one to kill."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from dzvin import config, logs
from dzvin.data_folder import DataFolder
from dzvin.plan import Plan, Ready
from dzvin.supervisor import Supervisor
from tests.dzvin.fake_programs import journal

PROGRAMS = Path(__file__).with_name("fake_programs.py")
OVERRIDES = {"DZVIN_HTTP__PORT": "0", "DZVIN_SIP__UDP": "127.0.0.1:0", "DZVIN_CALLS__STOP_GRACE": "0"}


class FakeDatabase:
    """`urls` are what its starts answer, one after the other, the last one again and again."""

    def __init__(self, data: Path, *urls: str) -> None:
        self.data = data
        self.urls = list(urls)
        self.ended = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return 4242

    async def start(self) -> str:
        journal(self.data, "database start")
        self.ended.clear()
        return self.urls.pop(0) if len(self.urls) > 1 else self.urls[0]

    async def wait(self) -> int:
        await self.ended.wait()
        return 1

    async def stop(self) -> None:
        journal(self.data, "database asked")


def plan(data: Path, *, companions: tuple[str, ...] = (), **settings: str) -> Plan:
    """An installation of fakes in `data`, its ports left open; `settings` are further overrides."""
    folder = DataFolder(data)
    overrides = {**OVERRIDES, **settings}
    return Plan(
        config=config.load(None, overrides), config_file=data / "dzvin.toml", folder=folder, runtime=folder.runtime,
        env={**os.environ, **overrides, "FAKE_DATA": str(folder.path)}, companions=companions,
        python=(sys.executable, str(PROGRAMS)),
    )  # fmt: skip


def main(data: Path) -> None:
    async def run() -> None:
        await Supervisor(plan(data), FakeDatabase(data, "postgresql://first"), announce).run()

    logs.configure("supervisor")
    with DataFolder(data).locked():
        asyncio.run(run())


def announce(ready: Ready) -> None:
    print(msgspec.json.encode(ready).decode(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
