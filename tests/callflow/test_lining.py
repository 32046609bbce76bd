"""A caller in a waiting line: who is rung, what is heard, and where the wait can end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from callflow.agent_commands import AgentCommands
from callflow.announcing import Announcements
from callflow.call import Call
from callflow.control import Actor
from callflow.facts import CallAnswered, CallEnded, CallOffered, OfferEnd, OfferEnded, Outcome
from callflow.line_facts import CallLeftLine, LineEnd
from callflow.router import LinePlan
from callflow.side import Side
from pbx.sip.message import Request
from queue_engine.reasons import AgentCondition, LeaveReason
from queue_engine.work import Line
from tests.callflow.house import Dialog, House, Phone, a_house
from tests.support.virtual_time import virtual_time

RING_ALL = Line("700", ("1003", "1004"), strategy="ring_all")


async def enters(house: House, caller: str = "1001", number: str = "700") -> Dialog:
    return await house.phones[caller].dials(number)


async def hangs_up(house: House, dialog: Dialog) -> None:
    house.at_once((dialog.phone, dialog.text("BYE")))
    await house.settles()


def gives_up(house: House, dialog: Dialog) -> None:
    house.at_once((dialog.phone, dialog.cancel_text))


async def pass_seconds(house: House, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await house.settles()


async def presses(house: House, dialog: Dialog, key: str) -> None:
    house.switch.user_agent._legs[dialog.sip_call_id, dialog.theirs].digits.put_nowait(key)
    await house.settles()


def ends(house: House) -> list[tuple[str, LineEnd, str]]:
    return [(left.line, left.reason, left.to) for left in house.of(CallLeftLine)]


def reasons_of(house: House, phone: Phone) -> list[str]:
    return [
        message.headers.get("Reason") or ""
        for message, flow in house.switch.sender.sent
        if isinstance(message, Request) and message.method == "CANCEL" and flow == phone.flow
    ]


def told(dialog: Dialog) -> list[str]:
    """Without music."""
    return [
        str(Path(str(file)).relative_to("/prompts"))
        for what, given in dialog.media.told
        if what == "play" and isinstance(given, tuple) and not given[-1]
        for file in given[:-1]
    ]


def test_the_words_for_how_a_wait_ends_are_those_of_the_engine() -> None:
    assert {end.value for end in LineEnd} - {"agent_dump"} == {reason.value for reason in LeaveReason}


@virtual_time
async def test_all_of_a_ring_all_line_ring_and_who_was_not_first_is_told_that_another_took_the_call() -> None:
    async with a_house(lines=["700"], queue=[RING_ALL]) as house:
        anna = await enters(house)
        assert len(house.phones["1003"].rung) == len(house.phones["1004"].rung) == 1
        await house.phones["1004"].says(180)
        await house.phones["1003"].says(200)
        assert 'text="Call completed elsewhere"' in reasons_of(house, house.phones["1004"])[0]
        assert [(end.extension, end.reason) for end in house.of(OfferEnded)] == [("1004", OfferEnd.ANSWERED_ELSEWHERE)]
        house.phones["1001"].answer_to(anna)
        assert ends(house) == [("700", LineEnd.ANSWERED, "")]
        await hangs_up(house, anna)


@virtual_time
async def test_the_losers_of_a_ring_all_ring_until_the_bridge_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    join = Call.join

    async def late(call: Call, one: Side, other: Side) -> None:
        await asyncio.sleep(3)
        await join(call, one, other)

    monkeypatch.setattr(Call, "join", late)
    async with a_house(lines=["700"], queue=[RING_ALL]) as house:
        anna = await enters(house)
        await house.phones["1004"].says(180)
        await house.phones["1003"].says(200)
        await pass_seconds(house, 2)
        assert reasons_of(house, house.phones["1004"]) == []  # still rings: the two do not hear each other yet
        await pass_seconds(house, 2)
        assert reasons_of(house, house.phones["1004"])  # sent again while its phone says nothing
        order = [type(fact) for fact in house.facts]
        assert order.index(CallAnswered) < order.index(CallLeftLine) < order.index(OfferEnded)
        house.phones["1001"].answer_to(anna)
        await hangs_up(house, anna)


@virtual_time
async def test_an_agent_gets_nothing_before_the_wrap_up_is_over() -> None:
    async with a_house(lines=["700"], queue=[Line("700", ("1003",), wrap_up=15.0)]) as house:
        anna = await enters(house)
        await house.phones["1003"].says(200)
        house.phones["1001"].answer_to(anna)
        await hangs_up(house, anna)
        boris = await enters(house, "1002")
        assert len(house.phones["1003"].rung) == 1
        await pass_seconds(house, 14.0)
        assert len(house.phones["1003"].rung) == 1
        await pass_seconds(house, 1.5)
        assert len(house.phones["1003"].rung) == 2
        gives_up(house, boris)
        await house.settles()


@virtual_time
async def test_an_agent_who_ends_the_wrap_up_gets_the_next_call_at_once() -> None:
    async with a_house(lines=["700"], queue=[Line("700", ("1003",), wrap_up=15.0)]) as house:
        anna = await enters(house)
        await house.phones["1003"].says(200)
        house.phones["1001"].answer_to(anna)
        await hangs_up(house, anna)
        boris = await enters(house, "1002")
        iryna = Actor(uuid7(), "1003", supervisor=False)
        given = house.exchange
        AgentCommands(given.dispatcher, given.ledger, given.clock).cut_wrap_up(iryna, iryna.self)
        await house.settles()
        assert len(house.phones["1003"].rung) == 2
        gives_up(house, boris)
        await house.settles()


@virtual_time
async def test_whoever_gives_up_while_agents_ring_stops_the_ringing_in_the_same_moment() -> None:
    async with a_house(lines=["700"], queue=[RING_ALL]) as house:
        anna = await enters(house)
        for extension in ("1003", "1004"):
            await house.phones[extension].says(180)
        at = asyncio.get_running_loop().time()
        gives_up(house, anna)
        await house.settles()
        assert asyncio.get_running_loop().time() - at < 0.1
        assert [len(house.phones[each].cancelled) for each in ("1003", "1004")] == [1, 1]
        assert ends(house) == [("700", LineEnd.ABANDONED, "")]
        assert [ended.outcome for ended in house.of(CallEnded)] == [Outcome.ABANDONED]


@pytest.mark.parametrize("turns", range(0, 60, 3))
@virtual_time
async def test_whenever_somebody_gives_up_no_phone_rings_on(turns: int) -> None:
    async with a_house(lines=["700"], queue=[RING_ALL]) as house:
        anna = house.phones["1001"].invites("700")
        for _ in range(turns):
            await asyncio.sleep(0)
        gives_up(house, anna)
        await house.settles()
        for extension in ("1003", "1004"):
            phone = house.phones[extension]
            if phone.rung:
                await phone.says(180)  # RFC 3261 §9.1: no CANCEL before a provisional response
        for extension in ("1003", "1004"):
            phone = house.phones[extension]
            assert phone.cancelled == [invite.sip_call_id for invite in phone.rung]
        assert len(house.of(OfferEnded)) == len(house.of(CallOffered))


@virtual_time
async def test_whom_a_line_does_not_serve_in_time_goes_on_to_the_next_and_keeps_the_joining_time() -> None:
    first = LinePlan(number="700", max_wait=30.0, overflow="701")
    lines = [Line("700", ()), Line("701", ("1003",))]
    async with a_house(lines=[first, "701"], queue=lines) as house:
        house.dispatcher.reachable("1003", False)
        anna = await enters(house)
        began = asyncio.get_running_loop().time()
        await pass_seconds(house, 31.0)
        assert ends(house) == [("700", LineEnd.OVERFLOWED, "701")]
        (place,) = house.dispatcher._places.values()
        assert place.item.line == "701"
        assert place.item.joined_at == pytest.approx(began, abs=0.1)
        gives_up(house, anna)
        await house.settles()
        assert ends(house)[1:] == [("701", LineEnd.ABANDONED, "")]
        assert house.of(CallLeftLine)[1].waited == pytest.approx(31.0, abs=0.2)


@virtual_time
async def test_lines_that_overflow_into_each_other_end_the_call() -> None:
    chain = [
        LinePlan(number="700", max_wait=10.0, overflow="701"),
        LinePlan(number="701", max_wait=10.0, overflow="700"),
    ]
    async with a_house(lines=chain, queue=[Line("700", ()), Line("701", ())]) as house:
        anna = await enters(house)
        await pass_seconds(house, 25.0)
        assert house.phones["1001"].answer_to(anna).status == 480
        assert len(ends(house)) == 2


@pytest.mark.parametrize(
    ("queue", "reason"),
    [
        (Line("700", ("1003",), max_length=1), LineEnd.FULL),
        (Line("700", ("1003",), join_empty=frozenset({AgentCondition.OFFERED})), LineEnd.NO_AGENTS),
    ],
)
@virtual_time
async def test_whom_a_line_does_not_take_goes_to_its_overflow_at_once(queue: Line, reason: LineEnd) -> None:
    async with a_house(lines=[LinePlan(number="700", overflow="1004")], queue=[queue]) as house:
        anna = await enters(house)
        boris = await enters(house, "1002")
        assert ends(house) == [("700", reason, "1004")]
        assert len(house.phones["1004"].rung) == 1
        for dialog in (boris, anna):
            gives_up(house, dialog)
        await house.settles()


@virtual_time
async def test_a_key_leads_out_of_the_line_and_other_keys_do_not() -> None:
    plan = LinePlan(number="700", music=True, exit_keys={"1": "1004"})
    async with a_house(lines=[plan], queue=[Line("700", ("1003",))]) as house:
        anna = await enters(house)
        house.phones["1001"].answer_to(anna)
        await house.phones["1003"].says(180)
        await presses(house, anna, "5")
        assert house.phones["1003"].cancelled == []
        await presses(house, anna, "1")
        assert len(house.phones["1003"].cancelled) == 1
        assert len(house.phones["1004"].rung) == 1
        assert ends(house) == [("700", LineEnd.EXIT_KEY, "1004")]
        assert house.of(CallLeftLine)[0].key == "1"
        await hangs_up(house, anna)


@virtual_time
async def test_an_announcement_that_plays_does_not_delay_an_offer() -> None:
    plan = LinePlan(number="700", music=True, position=True)
    async with a_house(lines=[plan], queue=[Line("700", ("1003",))]) as house:
        house.dispatcher.reachable("1003", False)
        anna = await enters(house)
        house.phones["1001"].answer_to(anna)
        await house.settles()
        assert told(anna) == ["uk/say/position", "uk/say/1"]
        assert not anna.media.playbacks[-1].ended.done()
        house.dispatcher.reachable("1003", True)
        await house.settles()
        assert len(house.phones["1003"].rung) == 1
        await house.phones["1003"].says(200)
        plays = len(anna.media.playbacks)
        anna.media.playbacks[-1].finish("stopped")
        await house.settles()
        assert len(anna.media.playbacks) == plays, "music into the talk"
        await hangs_up(house, anna)


@virtual_time
async def test_music_goes_on_after_an_announcement_and_messages_come_in_turn() -> None:
    plan = LinePlan(number="700", music=True, messages=("wait", "all_busy"), announce_every=20.0)
    async with a_house(lines=[plan], queue=[Line("700", ())]) as house:
        anna = await enters(house)
        house.phones["1001"].answer_to(anna)
        for _ in range(2):
            await house.settles()
            anna.media.playbacks[-1].finish("done")
            await house.settles()
            assert anna.media.told[-1] == ("play", ("/prompts/music/hold", True))
            await pass_seconds(house, 20.5)
        assert told(anna) == ["wait", "all_busy", "wait"]
        await hangs_up(house, anna)


def test_a_place_and_a_wait_are_told_only_when_they_are_better() -> None:
    due = Announcements(LinePlan(number="700", position=True, expected_wait=True))
    assert due.due(5, 170.0) == [
        "uk/say/position", "uk/say/5", "uk/say/expected_wait", "uk/say/3", "uk/say/minute_few",
    ]  # fmt: skip
    assert due.due(5, 170.0) == []
    assert due.due(6, 400.0) == []
    assert due.due(4, 400.0) == ["uk/say/position", "uk/say/4"]
    assert due.due(None, None) == []
    assert due.due(4, 61.0) == ["uk/say/expected_wait", "uk/say/2_f", "uk/say/minute_few"]


def test_nobody_is_told_of_a_wait_that_is_too_long_to_be_said() -> None:
    assert Announcements(LinePlan(number="700", expected_wait=True)).due(1, 4000.0) == []
