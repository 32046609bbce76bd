"""Traces of an installation: by its settings, live or kept, without secrets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

from dzvin.call_traces import FOLDER, CallTraces
from dzvin.config_shape import Config, Trace
from pbx.net.transport import Flow
from pbx.trace.file import place
from tests.pbx.switch import a_request
from tests.pbx.trace.test_shelf import NOON, a_call

PHONE = Flow("UDP", "192.0.2.11", 5062)
PROOF = b"4711f00d"
INVITE = a_request("INVITE", sip_call_id="one", headers='Authorization: Digest response="4711f00d"\r\n').encode()


def traces(data: Path, **settings: int) -> CallTraces:
    return CallTraces(Config(trace=Trace(**{"days": 100_000, **settings})), data, asyncio.get_running_loop().time)


def begin(noted: CallTraces, call: UUID) -> None:
    noted.tap.arrived(call, call, "one", INVITE, PHONE)


async def test_a_live_call_is_shown_without_its_secrets(tmp_path: Path) -> None:
    noted, call = traces(tmp_path), a_call(1)
    begin(noted, call)
    ladder = await noted.ladder(call)
    assert ladder is not None
    assert (ladder.live, [row.title for row in ladder.rows]) == (True, ["INVITE"])
    assert "xxxxxxxx" in ladder.rows[0].text
    await noted.close()


async def test_what_was_noted_is_kept_when_the_core_ends(tmp_path: Path) -> None:
    noted, call = traces(tmp_path), a_call(1)
    await noted.start()
    begin(noted, call)
    await noted.close()
    ladder = await noted.ladder(call)
    assert ladder is not None
    assert (ladder.live, ladder.call_id, noted.lost) == (False, call, 0)
    assert PROOF not in (tmp_path / FOLDER / place(call)).read_bytes()


async def test_with_no_days_nothing_is_noted_or_kept(tmp_path: Path) -> None:
    noted, call = traces(tmp_path, days=0), a_call(1)
    await noted.start()
    begin(noted, call)
    assert len(noted.tap) == 0
    await noted.close()
    assert (await noted.ladder(call), noted.lost) == (None, 0)
    assert not (tmp_path / FOLDER).exists()


async def test_a_call_without_a_trace_and_one_with_a_damaged_trace_have_no_ladder(tmp_path: Path) -> None:
    noted, call = traces(tmp_path), a_call(1, NOON)
    assert await noted.ladder(call) is None
    path = tmp_path / FOLDER / place(call)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nonsense")
    assert await noted.ladder(call) is None
