"""Calls that people place and hold from the panel."""

from __future__ import annotations

import pytest

from tests.scenarios.call_control.people import desk, hears_music, wishing
from tests.scenarios.company import Company, connect, hear_each_other
from tests.support import tones
from tests.support.panel import Json
from tests.support.phone_call import Call
from tests.support.server import Server

AUTO_ANSWER = ("Answer-Mode", "Call-Info", "Alert-Info")


def asked_to_answer(call: Call) -> list[str]:
    assert call.invite
    return [value for name in AUTO_ANSWER if (value := call.invite.headers.get(name))]


async def test_a_click_rings_the_own_phone_then_the_other(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    async with desk(server, "1001") as mine:
        await mine.panel.ask("POST", "/api/calls", {"number": "1002"}, status=202)
        own = await anna.rings()
        assert (own.caller, asked_to_answer(own)) == ("1002", [])
        assert boris.is_quiet
        own.ring()
        await own.answer()
        other = await boris.rings()
        assert (other.caller, asked_to_answer(other)) == ("1001", [])
        other.ring()
        assert tones.loudness(await own.audio.listen(1.5)) > 100, "no ringing tone"
        await other.answer()
        await hear_each_other(own, other)
        await own.hang_up()
        await other.ended()


async def test_the_own_phone_answers_by_itself_only_where_asked(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    async with desk(server, "1001") as mine, wishing(server, "1001", auto_answer=True):
        await mine.panel.ask("POST", "/api/calls", {"number": "1002"}, status=202)
        own = await anna.rings()
        assert asked_to_answer(own) == [
            "Auto",  # RFC 5373
            "<sip:dzvin.invalid>;answer-after=0",
            "<http://127.0.0.1>;info=alert-autoanswer;delay=0",
        ]
        await own.answer()
        other = await boris.rings()
        assert asked_to_answer(other) == []
        await other.refuse(486)
        await own.ended()
        talk = await connect(boris, anna, "1001")
        assert asked_to_answer(talk.callee) == [], "a call of somebody else never answers itself"
        await talk.caller.hang_up()
        await talk.callee.ended()


async def test_who_does_not_take_the_own_click_calls_nobody(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    async with desk(server, "1001") as mine:
        await mine.panel.ask("POST", "/api/calls", {"number": "1002"}, status=202)
        await (await anna.rings()).refuse(486)
    assert boris.is_quiet


@pytest.mark.parametrize(
    ("number", "status", "reason"), [("5559999", 409, "no_route"), ("+380900123456", 403, "forbidden")]
)
async def test_a_click_obeys_the_rules_of_dialling(
    company: Company, server: Server, number: str, status: int, reason: str
) -> None:
    anna = await company.phone("1001")
    async with desk(server, "1001") as mine:
        answer = await mine.panel.ask("POST", "/api/calls", {"number": number}, status=status)
        assert answer.json()["error"] == reason
    assert anna.is_quiet


async def test_without_a_phone_nothing_is_placed(server: Server) -> None:
    async with desk(server, "1001") as mine:
        answer = await mine.panel.ask("POST", "/api/calls", {"number": "1002"}, status=409)
        assert answer.json()["error"] == "phone_offline"


@pytest.mark.req("R-PHONE-26", "R-PHONE-27")
@pytest.mark.parametrize("holder", ["caller", "callee"])
async def test_hold_and_resume(company: Company, server: Server, holder: str) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    talk = await connect(anna, boris, "1002")
    holding, held = (talk.caller, talk.callee) if holder == "caller" else (talk.callee, talk.caller)
    await hear_each_other(holding, held, (tones.NOT_IN_MUSIC, 1000))
    async with desk(server, holding.phone.user) as mine:
        call_id = await mine.my_call()
        await mine.tell(call_id, "hold")
        await hears_music(held)
        before = holding.audio.samples_heard
        await hears_music(held)
        assert holding.audio.samples_heard - before < tones.RATE / 4, "the holder is sent sound"
        assert await mine.my_call("held") == call_id
        await mine.tell(call_id, "resume")
        await hear_each_other(holding, held, (tones.NOT_IN_MUSIC, 1000))
    await talk.caller.hang_up()
    await talk.callee.ended()


async def test_both_hold_and_both_resume(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    talk = await connect(anna, boris, "1002")
    async with desk(server, "1001") as hers, desk(server, "1002") as his:
        call_id = await hers.my_call()
        await hers.tell(call_id, "hold")
        await his.tell(call_id, "hold")
        await hers.tell(call_id, "resume")
        await hears_music(talk.caller)
        await his.tell(call_id, "resume")
        await hear_each_other(talk.caller, talk.callee)
    await talk.caller.hang_up()
    await talk.callee.ended()


async def test_nobody_commands_the_calls_of_others(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    talk = await connect(anna, boris, "1002")
    async with desk(server, "1001") as hers, desk(server, "1003") as stranger:
        call_id = await hers.my_call()
        commands: dict[str, Json] = {"hold": None, "park": {}, "transfer": {"number": "1003"}, "complete": None}
        for command, body in commands.items():
            answer = await stranger.panel.ask("POST", f"/api/calls/{call_id}/{command}", body, status=409)
            assert answer.json()["error"] == "not_now"
        await stranger.panel.ask("DELETE", f"/api/calls/{call_id}", status=403)
    await hear_each_other(talk.caller, talk.callee)
    await talk.caller.hang_up()
    await talk.callee.ended()
