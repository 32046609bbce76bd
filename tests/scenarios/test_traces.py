"""Each call's signalling is kept, without secrets, and replays: through the running product."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest

from pbx.trace.file import unpack
from tests.scenarios.company import Company
from tests.support.deadlines import eventually
from tests.support.network import Weather
from tests.support.panel import Row, dig
from tests.support.phone import FakePhone
from tests.support.server import Server

PATIENT = 60.0  # seconds: transactions linger for 32 after a call, and retransmissions need their time
PROOF = re.compile(rb'response="([^"]*)"')


async def kept(server: Server, call_id: str) -> Path:
    """The trace's file, as soon as the last transaction of the call is over."""

    async def look() -> list[Path]:
        return await asyncio.to_thread(lambda: list((server.data / "traces").rglob(f"{call_id}.trace")))

    return (await eventually("a kept trace", look, seconds=PATIENT))[0]


async def replayed(server: Server, call_id: str) -> tuple[int | None, Row]:
    """`dzvin replay --json`, beside the running installation: exit status and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dzvin", "replay", call_id[:20], "--json", "--data", str(server.data),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    answer: Row = json.loads(output)
    return process.returncode, answer


async def one_call(server: Server, anna: FakePhone, boris: FakePhone, *, holds: bool = False) -> str:
    """A call from its INVITE to the answered BYE; its id."""
    async with server.sign_in("admin") as panel:
        known = {row["id"] for row in await panel.events()}
        call = await anna.dial("1002")
        incoming = await boris.rings(PATIENT)
        incoming.ring()
        incoming.take()
        await call.answered(PATIENT)
        if holds:
            await call.hold()
            await call.resume()
        await call.hang_up()
        await incoming.ended(PATIENT)
        row = await panel.event(lambda row: row["id"] not in known and row["call_id"] and row["ended_at"])
    return str(row["call_id"])


async def test_a_call_is_on_the_ladder_while_its_transactions_live(company: Company, server: Server) -> None:
    call_id = await one_call(server, await company.phone("1001"), await company.phone("1002"))
    async with server.sign_in("admin") as panel:
        ladder = (await panel.ask("GET", f"/api/calls/{call_id}/trace")).json()
    assert ladder["live"] is True
    assert [side["name"] for side in ladder["sides"]] == ["1001", "1002"]
    assert [row["title"] for row in ladder["rows"]][:2] == ["INVITE + SDP", "100 Trying (INVITE)"]
    assert dig(ladder, "verdict", "same") is True


@pytest.mark.slow
async def test_calls_replay_from_what_is_kept_also_those_over_a_bad_network(company: Company, server: Server) -> None:
    weather = [Weather(seed=70 + side, lost=0.15, doubled=0.1, jitter=0.03) for side in range(2)]
    calls = [await one_call(server, await company.phone("1001"), await company.phone("1002"), holds=True)]
    anna, boris = [await company.phone(number, weather=weather[at]) for at, number in enumerate(("1001", "1002"))]
    calls.append(await one_call(server, anna, boris))
    assert sum(one.dropped for one in weather) > 0
    for call_id in calls:
        content = unpack((await kept(server, call_id)).read_bytes())
        status, answer = await replayed(server, call_id)
        assert (status, dig(answer, "verdict", "difference"), dig(answer, "verdict", "unchecked")) == (0, None, 0)
        assert len(content.records) == dig(answer, "verdict", "checked")
        written = b"".join(getattr(record, "data", b"") for record in content.records)
        assert set(PROOF.findall(written)) == {b"x" * 32}
        assert b"pw1" not in written
