"""A third one in a running call, by ear: who hears whose tone, and who hears nothing of it at all."""

from __future__ import annotations

import asyncio
import json
import math

import pytest

from tests.scenarios.call_control.people import desk
from tests.scenarios.company import SETTLING, Company, Talk, connect, hear_each_other
from tests.scenarios.transfers.people import end, last_call, recordings, segments, take
from tests.support import tones
from tests.support.panel import Panel
from tests.support.phone_call import Call
from tests.support.server import Server

CUSTOMER, AGENT, SUPERVISOR = 1000, 440, 1700  # Hz
NOTHING = -60.0  # dB of the tone as it was sent
FULL = tones.AMPLITUDE / math.sqrt(2)


def strength(pcm: bytes, pitch: int) -> float:
    """How much of that tone is left, in dB of the tone as it was sent."""
    loudness = tones.loudness(pcm)
    return tones.level(pcm, pitch) + 20 * math.log10(loudness / FULL) if loudness else tones.SILENCE


async def hears(call: Call, pitch: int, *, wanted: bool) -> None:
    """Judged over more than half a second, once it is as it shall be; what must not be heard never is."""
    level = tones.SILENCE
    for _ in range(10):
        pcm = await call.audio.listen(0.6 + SETTLING)
        level = strength(pcm[round(SETTLING * tones.RATE) * 2 :], pitch)
        if (level > -3.0) if wanted else (level < NOTHING):
            return
    raise AssertionError(f"{pitch} Hz at {level:.0f} dB")


async def who_hears_the_supervisor(talk: Talk, supervisor: Call, *, customer: bool, agent: bool) -> None:
    """While nobody else speaks, so that a whisper of it would be found."""
    talk.caller.audio.play(None)
    talk.callee.audio.play(None)
    supervisor.audio.play(SUPERVISOR)
    await asyncio.gather(hears(talk.callee, SUPERVISOR, wanted=agent), hears(talk.caller, SUPERVISOR, wanted=customer))
    supervisor.audio.play(None)


async def tell(panel: Panel, call_id: str, mode: str) -> None:
    await panel.ask("POST", f"/api/calls/{call_id}/supervise", {"mode": mode}, status=202)


async def supervision_facts(server: Server, call_id: object) -> list[str]:
    async with server.database() as conn:
        rows = await conn.fetch(
            "SELECT kind, payload FROM ledger WHERE call_id = $1 AND kind LIKE 'Supervision%' ORDER BY seq", call_id
        )
    told = [(row["kind"].removeprefix("Supervision").lower(), json.loads(row["payload"])) for row in rows]
    return [f"{kind} {fields.get('mode', '')}".strip() for kind, fields in told]


async def test_listen_whisper_barge_and_take_over(company: Company, server: Server) -> None:
    anna, boris, chief = [await company.phone(number) for number in ("1001", "1002", "1006")]
    talk = await connect(anna, boris, "1002")
    await hear_each_other(talk.caller, talk.callee, (CUSTOMER, AGENT))
    async with desk(server, "1002") as his, server.sign_in("chief") as panel:
        call_id = await his.my_call()
        await tell(panel, call_id, "listen")
        supervisor = await take(chief)
        assert supervisor.caller == "1002", "the supervisor's phone shows whose call it is"
        await asyncio.gather(*(hears(supervisor, pitch, wanted=True) for pitch in (CUSTOMER, AGENT)))
        await who_hears_the_supervisor(talk, supervisor, customer=False, agent=False)
        await tell(panel, call_id, "whisper")
        await who_hears_the_supervisor(talk, supervisor, customer=False, agent=True)
        await tell(panel, call_id, "barge")
        await who_hears_the_supervisor(talk, supervisor, customer=True, agent=True)
        await panel.ask("POST", f"/api/calls/{call_id}/take-over", status=204)
        await talk.callee.ended()
        await hear_each_other(talk.caller, supervisor, (CUSTOMER, SUPERVISOR))
        assert talk.caller.audio.statistics.streams == 1
        await end(talk.caller, supervisor)
    call = await last_call(server, "1001")
    assert str(call["id"]) == call_id
    assert await segments(server, call["id"]) == ["1002", "1006"]
    told = await supervision_facts(server, call["id"])
    assert told == ["started listen", "changed whisper", "changed barge", "ended"]
    assert len(await recordings(server, call["id"])) == 1


async def test_a_supervisor_dials_the_code_and_changes_the_mode_by_keys(company: Company) -> None:
    anna, boris, chief = [await company.phone(number) for number in ("1001", "1002", "1006")]
    talk = await connect(anna, boris, "1002")
    supervisor = await chief.dial("*551002")
    await supervisor.answered()
    await who_hears_the_supervisor(talk, supervisor, customer=False, agent=False)
    await supervisor.audio.press("5")
    await who_hears_the_supervisor(talk, supervisor, customer=False, agent=True)
    assert (talk.caller.audio.digits, talk.callee.audio.digits) == ([], []), "nobody hears these keys"
    await supervisor.hang_up()
    await hear_each_other(talk.caller, talk.callee, (CUSTOMER, AGENT))
    await end(talk.caller, talk.callee)


async def test_an_agents_phone_dials_the_code_in_vain(company: Company) -> None:
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    talk = await connect(anna, boris, "1002")
    assert await (await carol.dial("*551002")).refused() == 403
    await end(talk.caller, talk.callee)


@pytest.mark.req("R-PHONE-28", "R-PHONE-29")
async def test_a_conference_in_which_everybody_hears_all_the_others(company: Company, server: Server) -> None:
    """From a consultation, by the panel; who began it leaves, and the two others talk on."""
    anna, boris, carol = [await company.phone(number) for number in ("1001", "1002", "1003")]
    talk = await connect(anna, boris, "1002")
    async with desk(server, "1002") as his:
        call_id = await his.my_call()
        await his.tell(call_id, "consult", {"number": "1003"})
        third = await take(carol)
        await hear_each_other(talk.callee, third, (AGENT, SUPERVISOR))
        await his.tell(call_id, "conference")
        pitches = {talk.caller: CUSTOMER, talk.callee: AGENT, third: SUPERVISOR}
        for speaker, pitch in pitches.items():
            for each in pitches:
                each.audio.play(pitch if each is speaker else None)
            await asyncio.gather(*(hears(each, pitch, wanted=each is not speaker) for each in pitches))
        await his.panel.ask("DELETE", f"/api/calls/{call_id}", status=204)
        await talk.callee.ended()
    await hear_each_other(talk.caller, third, (CUSTOMER, SUPERVISOR))
    await end(talk.caller, third)
    call = await last_call(server, "1001")
    assert await segments(server, call["id"]) == ["1002", "1003"]
    assert len(await recordings(server, call["id"])) == 1
