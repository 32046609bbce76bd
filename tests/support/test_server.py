"""The product that a test has started ends with it, however the test ends."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.support.server import ROOT, gone

TEST = """
import json, sys, time
from pathlib import Path
from tests.support.server import start

server = start(Path(sys.argv[1]))
pids = server.pids
print(json.dumps([server.process.pid, pids.core, pids.database, *pids.media]), flush=True)
time.sleep(600)
"""


async def test_nothing_of_the_product_outlives_a_test_that_was_killed(tmp_path: Path) -> None:
    test = await asyncio.create_subprocess_exec(
        sys.executable, "-c", TEST, str(tmp_path / "data"), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert test.stdout
    try:
        pids = json.loads(await test.stdout.readline())
    finally:
        test.kill()
        await test.wait()
    for pid in pids:
        await gone(pid, 60)
