"""What the engine's log costs, beside the engine itself: `python -m tests.bench.noting`.

The inputs are those of a simulated day (`tests.queue_engine.simulated_day`), noted as the core does it, to a file.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from dzvin.engine_log import EngineLog
from dzvin.engine_log_shelf import Keeping
from queue_engine.input_log import Step
from queue_engine.replay import Replay
from tests.queue_engine.noting import NotingEngine
from tests.queue_engine.simulated_day import Day, lines


async def measured(items: int, agents: int) -> dict[str, float]:
    day = NotingEngine(lines(agents), 0.0, seed=1)
    Day(1, day, random.Random(1)).run(items)
    steps = [record for record in day.records if isinstance(record, Step)]
    with tempfile.TemporaryDirectory() as folder:
        noted = EngineLog(Path(folder), Keeping(days=1, bytes=1 << 30), ZoneInfo("UTC"), lambda: 0.0)
        noted.begins(day.beginning)
        began = time.process_time()
        for step in steps:
            noted.note(step)
        noting = time.process_time() - began
        await noted.close()
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    replay = Replay(day.beginning)
    began = time.process_time()
    for step in steps:
        replay.engine.handle(step.given, step.now)
    engine = time.process_time() - began
    return {
        "inputs": len(steps),
        "engine_microseconds": round(engine / len(steps) * 1e6, 2),
        "noting_microseconds": round(noting / len(steps) * 1e6, 2),
        "bytes_of_a_record": round(size / len(steps)),
    }


def main() -> None:
    print(json.dumps(asyncio.run(measured(10_000, 40)), indent=2))


if __name__ == "__main__":
    main()
