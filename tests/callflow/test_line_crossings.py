"""What crosses in a waiting line: an answer and the caller's or the agent's good-bye, a colleague who picks up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from callflow.call import Call
from callflow.commands import Commands
from callflow.control import Actor
from callflow.facts import CallPickedUp, CallQueued, OfferEnd, OfferEnded
from callflow.inbox import ConsultWith
from callflow.line_facts import CallLeftLine, LineEnd
from callflow.side import Side
from pbx.media.client import NoMedia
from pbx.net.transport import Flow
from queue_engine.work import Line
from tests.callflow.house import House, a_house
from tests.callflow.test_transfer_races import Talk, a_talk, hang_up
from tests.support.virtual_time import virtual_time

BORIS = Actor(user_id=UUID(int=2), extension="1002", supervisor=False)
ONE = Line("700", ("1003",))


def ends(house: House) -> list[LineEnd]:
    return [left.reason for left in house.of(CallLeftLine)]


@pytest.fixture
def a_bridge_that_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    join = Call.join

    async def late(call: Call, one: Side, other: Side) -> None:
        await asyncio.sleep(1)
        await join(call, one, other)

    monkeypatch.setattr(Call, "join", late)


@pytest.mark.parametrize("turns", range(0, 30, 2))
@virtual_time
async def test_who_hangs_up_in_the_moment_of_the_answer_was_served_or_has_given_up(turns: int) -> None:
    """`turns`: of the loop, between the two messages."""
    async with a_house(lines=["700"], queue=[ONE]) as house:
        anna, agent = await house.phones["1001"].dials("700"), house.phones["1003"]
        (invite,) = agent.rung
        house.at_once((agent, agent.response(invite, 200)))
        for _ in range(turns):
            await asyncio.sleep(0)
        house.at_once((house.phones["1001"], anna.cancel_text))
        await house.settles()
        house.phones["1001"].answer_to(anna)
        if ends(house) == [LineEnd.ANSWERED]:
            house.at_once((house.phones["1001"], anna.text("BYE")))
        else:
            assert ends(house) == [LineEnd.ABANDONED]
        await house.settles()
        assert agent.dialog_of(invite).is_hung_up


@virtual_time
async def test_who_hangs_up_before_the_bridge_stands_has_given_up(a_bridge_that_takes_its_time: None) -> None:
    async with a_house(lines=["700"], queue=[ONE]) as house:
        anna = await house.phones["1001"].dials("700")
        agent = await house.phones["1003"].says(200)
        house.at_once((house.phones["1001"], anna.cancel_text))
        await asyncio.sleep(2)
        await house.settles()
        assert agent.is_hung_up
        assert ends(house) == [LineEnd.ABANDONED]


@virtual_time
async def test_who_hangs_up_before_the_bridge_stands_costs_the_agent_who_answered_no_rest(
    a_bridge_that_takes_its_time: None,
) -> None:
    line = Line("700", ("1003",), retry_after=60.0, wrap_up=0.0, auto_pause_after=1)
    async with a_house(lines=["700"], queue=[line]) as house:
        anna = await house.phones["1001"].dials("700")
        await house.phones["1003"].says(200)
        house.at_once((house.phones["1001"], anna.cancel_text))
        await asyncio.sleep(2)
        await house.settles()
        boris = await house.phones["1002"].dials("700")
        assert len(house.phones["1003"].rung) == 2, "is neither paused nor left alone for a minute"
        house.at_once((house.phones["1002"], boris.cancel_text))
        await house.settles()


@virtual_time
async def test_an_agent_who_hangs_up_before_the_bridge_stands_costs_the_caller_no_place(
    a_bridge_that_takes_its_time: None,
) -> None:
    async with a_house(lines=["700"], queue=[Line("700", ("1003",), retry_after=5.0)]) as house:
        anna, agent = await house.phones["1001"].dials("700"), house.phones["1003"]
        gone = await agent.says(200)
        house.at_once((agent, gone.text("BYE")))
        await house.settles()
        await asyncio.sleep(4)
        boris = await house.phones["1002"].dials("700")
        await asyncio.sleep(2)
        await house.settles()
        await agent.says(200)
        await asyncio.sleep(2)
        assert house.phones["1001"].answer_to(anna).is_success, (
            "she comes before him, who dialled while the agent rested"
        )
        assert [ended.reason for ended in house.of(OfferEnded)] == [OfferEnd.REJECTED]
        assert len([queued for queued in house.of(CallQueued) if queued.call_id == house.call_of(anna).call_id]) == 1
        assert ends(house) == [LineEnd.ANSWERED]
        house.at_once((house.phones["1001"], anna.text("BYE")), (house.phones["1002"], boris.cancel_text))
        await house.settles()


@virtual_time
async def test_colleagues_ring_on_while_an_answer_comes_to_nothing(a_bridge_that_takes_its_time: None) -> None:
    both = Line("700", ("1003", "1004"), strategy="ring_all")
    async with a_house(lines=["700"], queue=[both]) as house:
        anna, one, other = await house.phones["1001"].dials("700"), house.phones["1003"], house.phones["1004"]
        gone = await one.says(200)
        house.at_once((one, gone.text("BYE")))
        await asyncio.sleep(2)
        await house.settles()
        assert not other.cancelled
        await other.says(200)
        await asyncio.sleep(2)
        assert len(other.rung) == 1
        assert house.phones["1001"].answer_to(anna).is_success
        assert [(left.reason, left.extension) for left in house.of(CallLeftLine)] == [(LineEnd.ANSWERED, "1004")]
        house.at_once((house.phones["1001"], anna.text("BYE")))
        await house.settles()


@virtual_time
async def test_an_agent_whose_sound_cannot_be_joined_is_let_go_and_the_next_one_rings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    join = Call.join

    async def fails_once(call: Call, one: Side, other: Side) -> None:
        monkeypatch.setattr(Call, "join", join)
        raise NoMedia("its media worker has just died")

    async with a_house(lines=["700"], queue=[Line("700", ("1003", "1004"))]) as house:
        anna = await house.phones["1001"].dials("700")
        (first,) = (phone for phone in (house.phones["1003"], house.phones["1004"]) if phone.rung)
        second = house.phones["1004" if first.user == "1003" else "1003"]
        monkeypatch.setattr(Call, "join", fails_once)
        silent = await first.says(200)
        await house.settles()
        assert silent.is_hung_up
        await second.says(200)
        assert house.phones["1001"].answer_to(anna).is_success
        assert [(left.reason, left.extension) for left in house.of(CallLeftLine)] == [(LineEnd.ANSWERED, second.user)]
        house.at_once((house.phones["1001"], anna.text("BYE")))
        await house.settles()


@virtual_time
async def test_nobody_rings_for_a_call_that_fails_while_the_bridge_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(call: Call, one: Side, other: Side) -> None:
        raise RuntimeError("a fault of ours")

    both = Line("700", ("1003", "1004"), strategy="ring_all")
    async with a_house(lines=["700"], queue=[both]) as house:
        await house.phones["1001"].dials("700")
        monkeypatch.setattr(Call, "join", fails)
        await house.phones["1003"].says(180)
        await house.phones["1004"].says(180)
        agent = await house.phones["1003"].says(200)
        await house.settles()
        assert agent.is_hung_up
        assert house.phones["1004"].cancelled
        assert ends(house) == [LineEnd.TECHNICAL]


@virtual_time
async def test_a_core_that_stops_while_the_bridge_is_built_leaves_nobody_ringing(
    a_bridge_that_takes_its_time: None,
) -> None:
    both = Line("700", ("1003", "1004"), strategy="ring_all")
    async with a_house(lines=["700"], queue=[both]) as house:
        await house.phones["1001"].dials("700")
        await house.phones["1004"].says(180)
        await house.phones["1003"].says(200)
        await house.calls.close()
        await house.settles()
        assert house.phones["1004"].cancelled
        assert ends(house) == [LineEnd.TECHNICAL]


@virtual_time
async def test_a_caller_whom_a_colleague_picks_up_has_not_given_up() -> None:
    async with a_house(lines=["700"], queue=[ONE]) as house:
        anna = await house.phones["1001"].dials("700")
        await house.phones["1004"].dials("*81003")
        house.phones["1001"].answer_to(anna)
        await house.settles()
        assert house.of(CallPickedUp)
        assert ends(house) == [LineEnd.TRANSFERRED]
        house.at_once((house.phones["1001"], anna.text("BYE")))
        await house.settles()


@virtual_time
async def test_who_waits_when_the_core_stops_has_not_given_up() -> None:
    async with a_house(lines=["700"], queue=[ONE]) as house:
        anna = await house.phones["1001"].dials("700")
        await house.calls.close()
        assert not house.phones["1001"].answer_to(anna).is_success
        assert ends(house) == [LineEnd.TECHNICAL]


@virtual_time
async def test_an_answer_that_comes_after_the_ring_time_is_hung_up_and_the_next_agent_rings() -> None:
    async with a_house(lines=["700"], queue=[Line("700", ("1003", "1004"), retry_after=5.0)]) as house:
        anna = await house.phones["1001"].dials("700")
        (first,) = (phone for phone in (house.phones["1003"], house.phones["1004"]) if phone.rung)
        second = house.phones["1004" if first.user == "1003" else "1003"]
        await first.says(180)
        while not first.cancelled:
            await asyncio.sleep(1)
            await house.settles()
        late = await first.says(200)
        assert late.is_hung_up
        assert len(second.rung) == 1
        await second.says(200)
        assert house.phones["1001"].answer_to(anna).is_success
        assert [(left.reason, left.extension) for left in house.of(CallLeftLine)] == [(LineEnd.ANSWERED, second.user)]
        house.at_once((house.phones["1001"], anna.text("BYE")))
        await house.settles()


@pytest.mark.parametrize("turns", range(0, 20, 2))
@virtual_time
async def test_a_refusal_that_crosses_the_callers_good_bye_leaves_the_agent_ready(turns: int) -> None:
    """`turns`: of the loop, between the two messages."""
    async with a_house(lines=["700"], queue=[Line("700", ("1003",), retry_after=0.0)]) as house:
        anna, agent = await house.phones["1001"].dials("700"), house.phones["1003"]
        house.at_once((house.phones["1001"], anna.cancel_text))
        for _ in range(turns):
            await asyncio.sleep(0)
        house.at_once((agent, agent.response(agent.rung[0], 486)))
        await house.settles()
        house.phones["1001"].answer_to(anna)
        assert ends(house) == [LineEnd.ABANDONED]
        boris = await house.phones["1002"].dials("700")
        assert len(agent.rung) == 2, "offered the next one"
        await agent.says(200)
        assert house.phones["1002"].answer_to(boris).is_success
        house.at_once((house.phones["1002"], boris.text("BYE")))
        await house.settles()


@virtual_time
async def test_an_agents_phone_that_dies_while_it_rings_costs_the_caller_the_ring_time_and_no_more() -> None:
    async with a_house(lines=["700"], queue=[Line("700", ("1003", "1004"), retry_after=60.0)]) as house:
        anna = await house.phones["1001"].dials("700")
        (first,) = (phone for phone in (house.phones["1003"], house.phones["1004"]) if phone.rung)
        second = house.phones["1004" if first.user == "1003" else "1003"]
        first.alive = False  # it says nothing any more, to CANCEL neither
        await asyncio.sleep(21)
        await house.settles()
        assert len(second.rung) == 1
        await second.says(200)
        assert house.phones["1001"].answer_to(anna).is_success
        house.at_once((house.phones["1001"], anna.text("BYE")))
        await asyncio.sleep(60)
        await house.settles()
        assert ends(house) == [LineEnd.ANSWERED]


@virtual_time
async def test_an_agents_phone_that_says_nothing_at_all_is_left_for_the_next_one_after_six_seconds() -> None:
    async with a_house(lines=["700"], queue=[Line("700", ("1003", "1004"), retry_after=60.0)]) as house:
        for dead in ("1003", "1004"):
            house.phones[dead].alive = False
        anna = await house.phones["1001"].dials("700")
        (first,) = (phone for phone in (house.phones["1003"], house.phones["1004"]) if phone.rung)
        second = house.phones["1004" if first.user == "1003" else "1003"]
        second.alive = True
        await asyncio.sleep(5.9)
        await house.settles()
        assert not second.rung
        await asyncio.sleep(0.2)
        await house.settles()
        assert len(second.rung) == 1
        assert [ended.reason for ended in house.of(OfferEnded)] == [OfferEnd.UNREACHABLE]
        late = await first.says(200)
        assert late.is_hung_up, "it had the INVITE all the same"
        await second.says(200)
        assert house.phones["1001"].answer_to(anna).is_success
        house.at_once((house.phones["1001"], anna.text("BYE")))
        await house.settles()


@virtual_time
async def test_a_phone_that_rings_is_not_left_for_another_phone_of_that_agent_that_is_silent() -> None:
    async with a_house() as house:
        anna, boris = await house.phones["1001"].dials("1003"), house.phones["1003"]
        desk = replace(boris, flow=Flow("UDP", "192.0.2.99", 5062), alive=False, answered=set())
        house.at_once((house.phones["1001"], anna.cancel_text))
        await house.settles()
        desk.register()
        await house.settles()
        anna = await house.phones["1001"].dials("1003")
        assert len(desk.rung) == 1
        await boris.says(180)
        await asyncio.sleep(15)
        await house.settles()
        assert not boris.cancelled[1:]
        await boris.says(200)
        assert house.phones["1001"].answer_to(anna).is_success
        house.at_once((house.phones["1001"], anna.text("BYE")))
        await asyncio.sleep(60)
        await house.settles()


@virtual_time
async def test_a_colleague_of_a_line_who_is_consulted_has_taken_the_call_and_the_others_are_let_go() -> None:
    both = Line("700", ("1003", "1004"), strategy="ring_all")
    async with a_house(lines=["700"], queue=[both]) as house:
        talk = await a_talk(house)
        route = house.exchange.plan.inside("700")
        house.call_of(talk.anna).inbox.put(ConsultWith(by="1002", number="700", route=route))
        await house.settles()
        await house.phones["1003"].says(180)
        await house.phones["1004"].says(180)
        consulted = await house.phones["1003"].says(200)
        assert house.phones["1004"].cancelled
        assert [(left.reason, left.extension) for left in house.of(CallLeftLine)] == [(LineEnd.ANSWERED, "1003")]
        await give_back(house, talk)
        assert consulted.is_hung_up
        await asyncio.sleep(60)
        await house.settles()
        assert len(house.phones["1003"].rung) == len(house.phones["1004"].rung) == 1
        assert house.segments == []
        await hang_up(house, talk.anna)


async def give_back(house: House, talk: Talk) -> None:
    given = asyncio.ensure_future(Commands(house.calls).take_back(BORIS, house.call_of(talk.anna).call_id))
    await house.settles()
    await given
