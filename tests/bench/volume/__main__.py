"""`python -m tests.bench.volume`: milliseconds of each look-up and page, with the product's own functions.

The server is the embedded one with the product's settings. `--keep FOLDER` fills it once and uses it again.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

import asyncpg

from crm_core.database import SERVER_SETTINGS, migrate
from dzvin.postgres import EmbeddedPostgres
from tests.bench.volume.filling import Size, fill
from tests.bench.volume.questions import QUESTIONS, Question, people

FILLED = "SELECT EXISTS (SELECT 1 FROM client)"


async def measure(folder: Path, size: Size, only: str, times: int) -> None:
    folder.chmod(0o755)  # root's server runs as another account
    postgres = EmbeddedPostgres(folder)
    url = await postgres.start()
    try:
        conn = await asyncpg.connect(url, server_settings=SERVER_SETTINGS)
        await migrate(conn)
        if not await conn.fetchval(FILLED):
            began = time.perf_counter()
            await fill(conn, size)
            print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
        users = await people(conn)
        for question in QUESTIONS:
            if only in question.name:
                for who, user in users.items():
                    await _ask(conn, question, who, user, size, times)
        await conn.close()
    finally:
        await postgres.stop()


async def _ask(
    conn: asyncpg.Connection[asyncpg.Record], question: Question, who: str, user: object, size: Size, times: int
) -> None:
    took = []
    for turn in range(times + 1):
        began = time.perf_counter()
        try:
            await question.ask(conn, user, size, turn)
        except (TimeoutError, asyncpg.QueryCanceledError):
            print(f"{question.name:44} {who:10} over 10 s", flush=True)
            return
        if turn:  # the first is prepared and finds nothing in memory
            took.append((time.perf_counter() - began) * 1000)
    took.sort()
    p99 = took[min(len(took) - 1, int(len(took) * 0.99))]
    print(f"{question.name:44} {who:10} p50 {took[len(took) // 2]:8.2f} ms   p99 {p99:8.2f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--times", type=int, default=50, help="of each question")
    parser.add_argument("--only", default="", help="questions whose name holds this")
    parser.add_argument("--keep", type=Path, help="a folder for the filled server, to be used again")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="dzvin-volume-"))
    folder.mkdir(exist_ok=True)
    size = Size(clients=given.clients, events=given.events)
    try:
        asyncio.run(measure(folder, size, given.only, given.times))
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
