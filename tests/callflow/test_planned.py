"""Calls for which nobody waits on the telephone: the agent first or the party first, and what each try comes to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from uuid_utils.compat import uuid7

from callflow.commands import Commands
from callflow.control import Actor
from callflow.facts import CallAnswered, CallEnded, CallStarted, Direction, OfferEnd, OfferEnded, Outcome
from callflow.planned import Attempt, Order, Planned, Tried, call_planned
from callflow.router import LinePlan
from queue_engine.work import ItemKind, Line, WorkItem
from tests.callflow.house import Dialog, House, a_house
from tests.support.virtual_time import virtual_time

AGENT = Line("700", ("1003",))
PAIR = Line("700", ("1003", "1004"), strategy="top_down")
LINE = LinePlan(number="700", ring_timeout=20.0)
NUMBER = "+380441234567"


def planned(number: str = NUMBER, order: Order = Order.AGENT_FIRST) -> Planned:
    item = WorkItem(uuid7(), "700", asyncio.get_running_loop().time(), ItemKind.CALLBACK)
    return Planned(item=item, number=number, payer=None, name="Anna", order=order)


async def begins(house: House, what: Planned) -> asyncio.Task[Attempt]:
    task = asyncio.create_task(call_planned(house.calls, what))
    await house.settles()
    return task


async def hangs_up(house: House, dialog: Dialog) -> None:
    house.at_once((dialog.phone, dialog.text("BYE")))
    await house.settles()


async def came_to(house: House, task: asyncio.Task[Attempt]) -> Attempt:
    await house.settles()
    return await asyncio.wait_for(task, 5)


@virtual_time
async def test_the_agent_is_rung_first_sees_whom_it_is_for_and_then_the_party_is_called_and_bridged() -> None:
    async with a_house(lines=[LINE], queue=[AGENT], trunk_carries=["+"]) as house:
        task = await begins(house, planned())
        invite = house.phones["1003"].rung[-1]
        assert (invite.from_.display_name, invite.from_.uri.user) == ("Anna", NUMBER)
        assert house.city.rung == []
        agent = await house.phones["1003"].says(200)
        assert house.city.rung[-1].request_uri.user == NUMBER
        assert not house.of(CallAnswered)
        party = await house.city.says(200)
        assert [answered.extension for answered in house.of(CallAnswered)] == ["1003"]
        await hangs_up(house, party)
        assert agent.is_hung_up
        attempt = await came_to(house, task)
        assert (attempt.tried, attempt.extension) == (Tried.REACHED, "1003")
        started = house.of(CallStarted)
        assert [(call.direction, call.caller) for call in started] == [(Direction.OUTBOUND, "1003")]
        assert [ended.outcome for ended in house.of(CallEnded)] == [Outcome.ANSWERED]


@virtual_time
async def test_it_waits_until_an_agent_is_free_and_the_agent_is_busy_with_it_until_the_wrap_up_is_over() -> None:
    async with a_house(lines=[LINE], queue=[replace(AGENT, wrap_up=15.0)], trunk_carries=["+"]) as house:
        busy = await house.phones["1001"].dials("1003")
        task = await begins(house, planned())
        assert len(house.phones["1003"].rung) == 1
        house.at_once((busy.phone, busy.cancel_text))
        await house.settles()
        await asyncio.sleep(1)
        await house.settles()
        assert len(house.phones["1003"].rung) == 2
        await house.phones["1003"].says(200)
        waits = await house.phones["1002"].dials("700")
        party = await house.city.says(200)
        await hangs_up(house, party)
        await came_to(house, task)
        assert len(house.phones["1003"].rung) == 2
        await asyncio.sleep(15.5)
        await house.settles()
        assert len(house.phones["1003"].rung) == 3  # the next of the line, after the wrap-up
        house.at_once((waits.phone, waits.cancel_text))
        await house.settles()


@virtual_time
async def test_an_agent_who_declines_leaves_the_place_and_the_next_one_is_asked_in_the_same_call() -> None:
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house:
        task = await begins(house, planned())
        await house.phones["1003"].says(603)
        await house.phones["1004"].says(200)
        party = await house.city.says(200)
        await hangs_up(house, party)
        assert (await came_to(house, task)).extension == "1004"
        assert [(end.extension, end.reason) for end in house.of(OfferEnded)] == [("1003", OfferEnd.REJECTED)]
        assert len(house.of(CallStarted)) == 1


@virtual_time
async def test_an_agent_declines_in_the_panel_too() -> None:
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house:
        task = await begins(house, planned())
        await house.phones["1003"].says(180)
        [started] = house.of(CallStarted)
        await Commands(house.calls).hang_up(Actor(uuid7(), "1003", supervisor=False), started.call_id)
        await house.settles()
        assert len(house.phones["1004"].rung) == 1
        task.cancel()
        await house.settles()


@pytest.mark.parametrize(
    ("status", "tried"),
    [(486, Tried.BUSY), (603, Tried.REJECTED), (480, Tried.REJECTED), (404, Tried.WRONG_NUMBER)],
)
@virtual_time
async def test_what_the_party_answers_is_what_the_try_came_to(status: int, tried: Tried) -> None:
    async with a_house(lines=[LINE], queue=[AGENT], trunk_carries=["+"]) as house:
        task = await begins(house, planned())
        agent = await house.phones["1003"].says(200)
        await house.city.says(180)
        await house.city.says(status)
        assert (await came_to(house, task)).tried is tried
        assert agent.is_hung_up


@virtual_time
async def test_a_party_that_does_not_answer_is_rung_so_long_and_no_longer() -> None:
    async with a_house(lines=[LINE], queue=[AGENT], trunk_carries=["+"]) as house:
        task = await begins(house, replace(planned(), party_timeout=25.0))
        await house.phones["1003"].says(200)
        await house.city.says(180)
        await asyncio.sleep(24)
        await house.settles()
        assert not task.done()
        await asyncio.sleep(2)
        assert (await came_to(house, task)).tried is Tried.NO_ANSWER


@virtual_time
async def test_an_agent_who_hangs_up_while_the_party_rings_has_not_reached_it() -> None:
    async with a_house(lines=[LINE], queue=[AGENT], trunk_carries=["+"]) as house:
        task = await begins(house, planned())
        agent = await house.phones["1003"].says(200)
        await house.city.says(180)
        await hangs_up(house, agent)
        assert (await came_to(house, task)).tried is Tried.AGENT_GONE


@virtual_time
async def test_a_number_that_leads_nowhere_rings_no_agent() -> None:
    async with a_house(lines=[LINE], queue=[AGENT]) as house:
        task = await begins(house, planned())
        assert (await came_to(house, task)).tried is Tried.WRONG_NUMBER
        assert house.phones["1003"].rung == []
        assert house.of(CallStarted) == []


@virtual_time
async def test_who_is_taken_out_of_the_line_rings_nobody_any_more() -> None:
    async with a_house(lines=[LINE], queue=[AGENT], trunk_carries=["+"]) as house:
        what = planned()
        task = await begins(house, what)
        await house.phones["1003"].says(180)
        house.dispatcher.withdraw(what.item.item_id)
        assert (await came_to(house, task)).tried is Tried.LEFT
        assert len(house.phones["1003"].cancelled) >= 1


@virtual_time
async def test_an_agent_who_answers_in_the_moment_in_which_it_is_taken_out_is_let_go() -> None:
    async with a_house(lines=[LINE], queue=[AGENT], trunk_carries=["+"]) as house:
        what = planned()
        task = await begins(house, what)
        agent = house.phones["1003"]
        house.at_once((agent, agent.response(agent.rung[-1], 200)))
        house.dispatcher.withdraw(what.item.item_id)
        assert (await came_to(house, task)).tried is Tried.LEFT
        assert agent.dialog_of(agent.rung[-1]).is_hung_up
        assert house.city.rung == []


@virtual_time
async def test_an_agent_whose_try_was_in_vain_wraps_up_too() -> None:
    async with a_house(lines=[LINE], queue=[replace(AGENT, wrap_up=15.0)], trunk_carries=["+"]) as house:
        task = await begins(house, planned())
        await house.phones["1003"].says(200)
        waits = await house.phones["1002"].dials("700")
        await house.city.says(486)
        await came_to(house, task)
        await asyncio.sleep(14)
        await house.settles()
        assert len(house.phones["1003"].rung) == 1
        await asyncio.sleep(2)
        await house.settles()
        assert len(house.phones["1003"].rung) == 2
        house.at_once((waits.phone, waits.cancel_text))
        await house.settles()


@virtual_time
async def test_cancelling_it_stops_what_rings_and_leaves_the_line() -> None:
    async with a_house(lines=[LINE], queue=[AGENT], trunk_carries=["+"]) as house:
        task = await begins(house, planned())
        await house.phones["1003"].says(180)
        task.cancel()
        await house.settles()
        assert len(house.dispatcher) == 0
        assert len(house.phones["1003"].cancelled) >= 1


# ---- the party first -------------------------------------------------------------------------------------------------


@virtual_time
async def test_the_party_is_called_when_an_agent_is_free_hears_who_calls_and_gets_that_agent() -> None:
    async with a_house(lines=[LINE], queue=[AGENT], trunk_carries=["+"]) as house:
        task = await begins(house, planned(order=Order.PARTY_FIRST))
        assert house.phones["1003"].rung == []
        assert house.city.rung[-1].request_uri.user == NUMBER
        party = await house.city.says(200)
        played = [given for what, given in party.media.told if what == "play" and isinstance(given, tuple)]
        assert any("callback_calling" in str(given) for given in played)
        assert len(house.phones["1003"].rung) == 1
        agent = await house.phones["1003"].says(200)
        assert [answered.extension for answered in house.of(CallAnswered)] == ["1003"]
        await hangs_up(house, agent)
        assert party.is_hung_up
        assert (await came_to(house, task)).tried is Tried.REACHED


@virtual_time
async def test_nobody_else_gets_the_agent_while_the_party_is_called_first() -> None:
    async with a_house(lines=[LINE], queue=[AGENT], trunk_carries=["+"]) as house:
        task = await begins(house, planned(order=Order.PARTY_FIRST))
        await house.city.says(180)
        waits = await house.phones["1002"].dials("700")
        await asyncio.sleep(30)
        await house.settles()
        assert house.phones["1003"].rung == []
        await house.city.says(486)
        assert (await came_to(house, task)).tried is Tried.BUSY
        assert len(house.phones["1003"].rung) == 1  # free at once: nothing was asked of the agent
        house.at_once((waits.phone, waits.cancel_text))
        await house.settles()


@virtual_time
async def test_an_agent_is_kept_for_as_long_as_the_party_rings() -> None:
    engine = replace(AGENT, ring_timeout=20.0, offer_grace=10.0)
    async with a_house(lines=[LINE], queue=[engine], trunk_carries=["+"]) as house:
        task = await begins(house, planned(order=Order.PARTY_FIRST))
        await house.city.says(180)
        await asyncio.sleep(32)
        await house.settles()
        party = await house.city.says(200)
        assert len(house.phones["1003"].rung) == 1
        await hangs_up(house, party)
        await came_to(house, task)


@virtual_time
async def test_a_party_whose_agent_does_not_answer_waits_on_at_its_place() -> None:
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house:
        task = await begins(house, planned(order=Order.PARTY_FIRST))
        party = await house.city.says(200)
        await house.phones["1003"].says(603)
        await house.phones["1004"].says(200)
        await hangs_up(house, party)
        assert (await came_to(house, task)).tried is Tried.REACHED


@virtual_time
async def test_a_party_that_hangs_up_before_an_agent_is_there_was_not_served() -> None:
    async with a_house(lines=[LINE], queue=[AGENT], trunk_carries=["+"]) as house:
        task = await begins(house, planned(order=Order.PARTY_FIRST))
        party = await house.city.says(200)
        await hangs_up(house, party)
        assert (await came_to(house, task)).tried is Tried.UNSERVED
        assert len(house.dispatcher) == 0


@virtual_time
async def test_one_of_our_own_people_is_called_back_at_the_extension() -> None:
    async with a_house(lines=[LINE], queue=[AGENT]) as house:
        task = await begins(house, planned("1001"))
        await house.phones["1003"].says(200)
        party = await house.phones["1001"].says(200)
        await hangs_up(house, party)
        assert (await came_to(house, task)).tried is Tried.REACHED
