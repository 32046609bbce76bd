"""What the queue engine decided is decided again: over calls in a line, a core that was killed, and more calls."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.company import LINE, Company, connect
from tests.support.engine_days import days
from tests.support.server import Server, running_dzvin


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replayed") / "data"


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Server]:
    """One of its own: nobody else's scenario shall meet a core that dies."""
    with running_dzvin(data) as server:
        yield server


async def test_lines_replay_over_a_core_that_was_killed(server: Server, data: Path) -> None:
    async with Company(server) as company:
        caller, other, agent = [await company.phone(extension) for extension in ("1001", "1002", "1003")]
        talk = await connect(caller, agent, LINE)
        waiting = await other.dial(LINE)
        await waiting.ringing()
        server.kill_core()
        await talk.caller.ended(30)
        await server.next_ready()
        await agent.register()
        talk = await connect(caller, agent, LINE)
        waiting = await other.dial(LINE)
        await waiting.ringing()
        await waiting.cancel()
        await talk.caller.hang_up()
        await talk.callee.ended()
        await server.calls_written()
        inputs: Counter[str] = Counter()  # of each run; it may be midnight
        for day, verdict in days(data).items():
            inputs.update({run.run: run.inputs for run in verdict.runs})
            assert await replayed(data, day) == (0, day)
        assert len(inputs) == 2
        assert min(inputs.values()) >= 5


async def replayed(data: Path, day: str) -> tuple[int, str]:
    """Exit status, and of which day it speaks."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dzvin", "replay", "--day", day, "--data", str(data), "--json", stdout=subprocess.PIPE
    )
    told, _ = await process.communicate()
    return process.returncode or 0, json.loads(told)["day"]
