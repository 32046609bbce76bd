"""What the running product says of how calls sound, and what becomes of calls whose media worker dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from pbx.sip.reason import cause_of
from tests.scenarios.company import Company, Talk, connect, hear_each_other
from tests.support.deadlines import eventually
from tests.support.panel import dig
from tests.support.phone_call import Call
from tests.support.server import Server, running_dzvin

TWO_WORKERS = {"DZVIN_MEDIA__WORKERS": "2"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of its own, with two media workers: one of them shall die."""
    with running_dzvin(tmp_path_factory.mktemp("sound") / "data", overrides=TWO_WORKERS) as server:
        yield server


async def told(server: Server, kind: str) -> int:
    async with server.database() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM ledger WHERE kind = $1", kind))


async def test_one_way_audio_is_shown_at_once_and_kept_with_the_figures_of_both_legs(server: Server) -> None:
    """Boris's phone sends nothing; Anna speaks, and hears nobody."""
    async with Company(server) as company, server.sign_in("admin") as panel, panel.live() as live:
        anna, boris = await company.phone("1001"), await company.phone("1002")
        talk = await connect(anna, boris, "1002")
        talk.caller.audio.play(440)
        await talk.callee.audio.sent_more(20)
        talk.callee.audio.sends = False
        shown = await live.until(
            "one-way audio", lambda message: dig(message, "call", "sound", "trouble") == "one_way", 30
        )
        assert dig(shown, "call", "sound", "worst") == "1002"
        talk.callee.audio.sends = True
        await live.until(
            "sound again",
            lambda message: (
                dig(message, "call", "state") == "talking" and dig(message, "call", "sound", "trouble") is None
            ),
        )
        await talk.caller.hang_up()
        await talk.callee.ended()
        await eventually("both legs were measured", lambda: told(server, "LegMeasured"), lambda count: count == 2)
        await server.calls_written()
        answer = await panel.ask("GET", f"/api/calls/{dig(shown, 'call', 'call_id')}/sound")
    sound = answer.json()
    legs = {leg["extension"]: leg for leg in sound["legs"]}
    assert set(legs) == {"1001", "1002"}
    assert legs["1001"]["received"] > legs["1002"]["received"] > 0
    assert legs["1001"]["talk_seconds"] > 3
    assert legs["1002"]["talk_seconds"] == 0
    assert sound["worst_mos"] > 1
    assert sound["hold_share"] == 0
    text = await server.metrics_text()
    assert 'dzvin_sound_troubles_total{trouble="one_way"} 1.0' in text
    assert "dzvin_leg_mos_count 2.0" in text


def reason_of(call: Call) -> tuple[str, int | None]:
    bye = call.phone.log.received("BYE", call.sip_call_id)[0].message
    cause = cause_of(bye)
    assert cause is not None
    return cause.protocol, cause.code


async def test_a_media_worker_that_dies_ends_its_own_calls_and_no_other(server: Server) -> None:
    """Both sides are told why; the other worker's call goes on; another worker takes the place."""
    async with Company(server) as company:
        talks: list[Talk] = []
        for caller, callee in (("u00000", "u00001"), ("u00002", "u00003")):
            one, other = await company.phone(caller), await company.phone(callee)
            talks.append(await connect(one, other, callee))
            await hear_each_other(talks[-1].caller, talks[-1].callee)
        before = list(server.pids.media)
        os.kill(before[0], signal.SIGKILL)
        over = [asyncio.ensure_future(talk.caller.released(30)) for talk in talks]
        await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        died = talks[0] if over[0].done() else talks[1]
        alive = talks[1] if over[0].done() else talks[0]
        await died.callee.ended(30)
        assert {reason_of(died.caller), reason_of(died.callee)} == {("Q.850", 41)}
        await hear_each_other(alive.caller, alive.callee)
        for task in over:
            task.cancel()
        await asyncio.gather(*over, return_exceptions=True)
        assert not alive.caller.is_over
        await eventually("the loss is told", lambda: told(server, "MediaWorkerLost"), lambda count: count == 1)
        await alive.caller.hang_up()
        await alive.callee.ended()
        await eventually("the pool is whole again", lambda: workers_up(server), lambda up: up == 2, 30)
        again = await asyncio.gather(
            *(company.phone(user) for user in ("u00004", "u00005", "u00006", "u00007"))
        )  # fmt: skip
        new = [await connect(again[at], again[at + 1], again[at + 1].user) for at in (0, 2)]
        for talk in new:
            await hear_each_other(talk.caller, talk.callee)
            await talk.caller.hang_up()
            await talk.callee.ended()
        await eventually("no leg is left", server.metrics, lambda metrics: metrics["dzvin_media_legs"] == 0)


async def workers_up(server: Server) -> int:
    text = await server.metrics_text()
    return sum(line.startswith("dzvin_media_worker_up{") and line.endswith(" 1.0") for line in text.splitlines())
