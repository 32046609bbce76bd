"""`python -m tests.live`: play it, then compare the wire with what the product says. The exit status is 1 when the two
differ or a bar is missed."""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import msgspec

from dzvin.clock import SystemClock
from tests.live import judge
from tests.live.judge import Verdict
from tests.live.legs import Call, Wire
from tests.live.office import KEY, LINE, MEDIA, configuration
from tests.live.people import Side, Told
from tests.live.wire import captured, read
from tests.support.database import remove_cluster
from tests.support.deadlines import eventually
from tests.support.server import Server, running_dzvin

ZONE = ZoneInfo("Europe/Kyiv")  # of `office.configuration`
SHORT = 3.0  # seconds: who gives up sooner may count as giving up at once
GHOSTS = "dzvin_ghost_seconds_total"


@contextmanager
def people(kind: str, side: Side, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """They have registered when this begins; with SIGTERM they stop in the end."""
    file = place / f"{kind}.json"
    file.write_bytes(msgspec.json.encode(side))
    command = [sys.executable, "-m", "tests.live.people", kind, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as crew:
        try:
            assert crew.stdout is not None and crew.stdout.readline() == b"ready\n", f"{kind} did not register"
            yield crew
        finally:
            crew.send_signal(signal.SIGTERM)


def told(crew: subprocess.Popen[bytes]) -> Told:
    assert crew.stdout is not None
    return msgspec.json.decode(crew.stdout.readline(), type=Told)


def play(server: Server, given: argparse.Namespace, place: Path) -> tuple[Told, list[str]]:
    """What agents tell, and all troubles. Blocking."""

    def side(many: int) -> Side:
        return Side(sip=server.sip, http=server.http, people=many, calls=given.calls, seed=given.seed)

    with people("agents", side(given.agents), place) as agents:
        with people("callers", side(given.callers), place) as callers:
            troubles = told(callers).troubles
        agents.send_signal(signal.SIGTERM)
        found = told(agents)
    return found, troubles + found.troubles


@asynccontextmanager
async def supervisor(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.http, timeout=20) as client:
        body = {"login": "supervisor", "password": "supervisor-pass-1"}
        (await client.post("/api/session", json=body)).raise_for_status()
        yield client


async def metric(client: httpx.AsyncClient, name: str) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


async def compared(server: Server, verdict: Verdict, calls: Sequence[Call]) -> None:
    """What the product says of these calls, beside the wire."""
    found = judge.waits(calls)
    today = SystemClock().now().date()
    days = {"since": str(today - timedelta(days=1)), "until": str(today + timedelta(days=1)), "line": LINE}
    async with supervisor(server) as client:

        async def idle() -> bool:
            return await metric(client, "dzvin_calls ") == 0

        await eventually("no call is left", idle, seconds=20)
        answered = (await client.get("/api/reports/lines/answered", params=days)).json()
        crossed = len(found.crossed)
        found.decide([datetime.fromisoformat(each["joined_at"]).timestamp() for each in answered])
        days["threshold"] = str(judge.threshold([*found.answered, *found.abandoned]))
        days["short"] = str(judge.threshold([each for each in found.abandoned if each < SHORT]))
        (line,) = (await client.get("/api/reports/lines", params=days)).json()
        judge.compare(verdict, found, line)
        judge.compare_agents(verdict, calls, (await client.get("/api/reports/agents", params=days)).json())
        ghosts = await metric(client, GHOSTS)
    verdict.same("ghost seconds", 0.0, ghosts)
    verdict.told.append(
        f"{found.offered} in the line, {len(found.answered)} answered, {len(found.abandoned)} gave up, {crossed} of "
        f"them while they were answered; {sum(len(call.offers) for call in calls)} offers; ghost seconds {ghosts}"
    )


def replayed(server: Server, verdict: Verdict) -> None:
    """The engine's log of these calls, run again, gives the same decisions. Blocking."""
    day = SystemClock().now().astimezone(ZONE).date().isoformat()
    command = [sys.executable, "-m", "dzvin", "replay", "--day", day, "--data", str(server.data)]
    done = subprocess.run(command, capture_output=True, text=True)
    verdict.told.append(f"replay: {' '.join(done.stdout.split())}")
    if done.returncode:
        verdict.wrong.append(f"replay: exit status {done.returncode} {done.stderr[-500:]}")


async def run(server: Server, given: argparse.Namespace, place: Path) -> list[str]:
    began = time.monotonic()
    with captured(place / "wire", server.sip[1], MEDIA):
        agents, troubles = await asyncio.to_thread(play, server, given, place)
    await server.settled(60)
    print(f"played in {time.monotonic() - began:.0f} s")
    wire = Wire(server.sip[1])
    wire.take(read(place / "wire"))
    calls = wire.calls(KEY)
    verdict = judge.judged(wire, calls, agents)
    await compared(server, verdict, calls)
    await asyncio.to_thread(replayed, server, verdict)
    for told in (f"{len(calls)} calls", *verdict.told):
        print(told)
    return verdict.wrong + [f"a phone: {trouble}" for trouble in troubles]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.live", description=__doc__)
    parser.add_argument("--agents", type=int, default=30)
    parser.add_argument("--callers", type=int, default=40)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dzvin-live-") as folder:
        place = Path(folder)
        config = place / "office.toml"
        config.write_text(configuration(given.agents, given.callers))
        try:
            with running_dzvin(place / "data", config=config, overrides={"DZVIN_MEDIA__PORTS": MEDIA}) as server:
                wrong = asyncio.run(run(server, given, place))
        finally:
            remove_cluster(place / "data")
    for line in wrong:
        print(f"WRONG {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
