"""A caller who does not want to wait is called back at the same place: asked, promised, tried, kept or broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from callflow.callback_facts import (
    Broken,
    CallbackBegun,
    CallbackBroken,
    CallbackKept,
    CallbackPromised,
    CallbackTried,
    KeptBy,
    Tried,
)
from callflow.control import Actor, ControlRefused
from callflow.facts import CallEnded, Outcome, PartyIntroduced
from callflow.flows.book import Published
from callflow.line_facts import CallLeftLine, LineEnd
from callflow.promises import Promise
from callflow.router import CallbackPlan, LinePlan, Order
from queue_engine.work import Line
from tests.callflow.flows.office import flow_of
from tests.callflow.house import DAY, Dialog, House, Phone, a_house
from tests.pbx.switch import PromisedLeg
from tests.support.virtual_time import virtual_time

PLAN = CallbackPlan(key="5", tries=2, retry_after=60.0, expires=3600.0)
LINE = LinePlan(number="700", music=True, callback=PLAN)
QUEUE = Line("700", ("1003",))
ANNA = "0441234567"


@asynccontextmanager
async def an_office(
    line: LinePlan = LINE, queue: Line = QUEUE, *, busy: bool = True, carries: str = "0"
) -> AsyncIterator[House]:
    """The agent is away at first, so that who calls has to wait."""
    async with a_house(lines=[line], queue=[queue], trunk_leads_to="700", trunk_carries=[carries]) as house:
        for agent in queue.agents if busy else ():
            house.dispatcher.reachable(agent, False)
        yield house


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose sound can be looked at when the call is over, too."""

    dialog: Dialog
    media: PromisedLeg


async def comes(house: House, number: str = ANNA) -> Caller:
    return await heard(house, await house.outside_calls(number))


async def heard(house: House, dialog: Dialog) -> Caller:
    dialog.phone.answer_to(dialog)
    await house.settles()
    return Caller(dialog, dialog.media)


async def presses(house: House, caller: Caller, keys: str) -> None:
    for key in keys:
        house.switch.user_agent._legs[caller.dialog.sip_call_id, caller.dialog.theirs].digits.put_nowait(key)
    await house.settles()


async def hears_all(house: House, caller: Caller) -> None:
    """What is played to the caller has come to its end."""
    for _ in range(8):
        for playback in caller.media.playbacks:
            if not playback.ended.done():
                playback.finish("done")
        await house.settles()


async def passes(house: House, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await house.settles()


async def asks(house: House, caller: Caller) -> None:
    """And confirms the number."""
    await presses(house, caller, "51")
    await passes(house, 4)
    await hears_all(house, caller)


async def hangs_up(house: House, who: Caller | Dialog) -> None:
    dialog = who.dialog if isinstance(who, Caller) else who
    house.at_once((dialog.phone, dialog.text("BYE")))
    await house.settles()


def told(caller: Caller) -> list[str]:
    return [
        str(Path(str(file)).relative_to("/prompts"))
        for what, given in caller.media.told
        if what == "play" and isinstance(given, tuple)
        for file in given[:-1]
    ]


async def agent_comes(house: House, extension: str = "1003") -> Phone:
    house.dispatcher.reachable(extension, True)
    await house.settles()
    return house.phones[extension]


# ---- the promise -----------------------------------------------------------------------------------------------------


@virtual_time
async def test_who_confirms_the_number_that_was_read_out_is_promised_a_call_and_let_go() -> None:
    async with an_office() as house:
        anna = await comes(house)
        await asks(house, anna)
        heard = told(anna)
        assert heard[heard.index("callback_number") :][:3] == ["callback_number", "uk/say/0", "uk/say/4"]
        assert "callback_promised" in heard
        assert anna.dialog.is_hung_up
        [promised] = house.of(CallbackPromised)
        assert (promised.line, promised.joined_at) == ("700", DAY + timedelta(seconds=1000))
        [party] = [fact for fact in house.of(PartyIntroduced) if fact.party == promised.party]
        assert party.number == ANNA
        assert [left.reason for left in house.of(CallLeftLine)] == [LineEnd.CALLBACK]
        assert [ended.outcome for ended in house.of(CallEnded)] == [Outcome.ANSWERED]  # nobody was missed


@virtual_time
async def test_another_number_is_read_out_again_before_it_is_promised() -> None:
    async with an_office() as house:
        anna = await comes(house)
        await presses(house, anna, "50509876543#")
        assert told(anna).count("callback_number") == 2
        await presses(house, anna, "1")
        await passes(house, 4)
        await hears_all(house, anna)
        assert [promise.number for promise in house.exchange.promises.all()] == ["0509876543"]


@virtual_time
async def test_who_shows_no_number_has_to_type_one() -> None:
    async with an_office() as house:
        anna = await comes(house, "anonymous")
        await presses(house, anna, "5")
        assert "callback_type" in told(anna)
        await presses(house, anna, "0509876543#")
        await presses(house, anna, "1")
        await passes(house, 4)
        await hears_all(house, anna)
        assert [promise.number for promise in house.exchange.promises.all()] == ["0509876543"]


@virtual_time
async def test_who_presses_nothing_waits_on_with_music_and_the_place_kept() -> None:
    async with an_office() as house:
        anna = await comes(house)
        await presses(house, anna, "5")
        await hears_all(house, anna)
        await passes(house, 7)
        assert told(anna)[-3:] == ["music/hold", "callback_offer", "uk/say/5"]
        assert not house.of(CallbackPromised)
        agent = await agent_comes(house)
        await agent.says(200)
        await hangs_up(house, anna)
        assert [left.reason for left in house.of(CallLeftLine)] == [LineEnd.ANSWERED]


@virtual_time
async def test_an_agent_who_answers_cuts_the_questions() -> None:
    async with an_office() as house:
        anna = await comes(house)
        await presses(house, anna, "5")
        agent = await agent_comes(house)
        await agent.says(200)
        await presses(house, anna, "1")
        await passes(house, 10)
        assert not house.of(CallbackPromised)
        await hangs_up(house, anna)


@virtual_time
async def test_the_key_does_nothing_before_its_time() -> None:
    async with an_office(replace(LINE, callback=replace(PLAN, after=60.0))) as house:
        anna = await comes(house)
        await presses(house, anna, "5")
        assert "callback_number" not in told(anna)
        await passes(house, 61)
        await presses(house, anna, "5")
        assert "callback_number" in told(anna)
        await hangs_up(house, anna)


@pytest.mark.parametrize(
    "number",
    [
        "112",  # emergency
        "0900312345",  # premium
        "0014155550100",  # abroad
        "1002",  # one of our extensions
        "700",  # a line of ours
    ],
)
@virtual_time
async def test_a_stranger_cannot_have_us_call_what_costs_or_what_is_inside(number: str) -> None:
    async with an_office(carries="") as house:
        anna = await comes(house)
        await presses(house, anna, f"5{number}#")
        assert "callback_refused" in told(anna)
        assert not house.of(CallbackPromised)
        await hangs_up(house, anna)


@virtual_time
async def test_who_hangs_up_while_hearing_the_promise_has_it_all_the_same() -> None:
    async with an_office() as house:
        anna = await comes(house)
        await presses(house, anna, "51")
        await passes(house, 4)
        assert "callback_promised" in told(anna)
        await hangs_up(house, anna)
        assert [ended.outcome for ended in house.of(CallEnded)] == [Outcome.ANSWERED]
        assert len(house.exchange.promises) == 1


@virtual_time
async def test_who_asks_twice_is_called_back_once_at_the_first_place() -> None:
    async with an_office(carries="") as house:
        await asks(house, await comes(house))
        await passes(house, 30)
        await asks(house, await comes(house, "+380441234567"))
        assert len(house.of(CallbackPromised)) == len(house.exchange.promises) == 1


# ---- the callback ----------------------------------------------------------------------------------------------------


@virtual_time
async def test_the_callback_stands_before_who_came_later_and_is_kept() -> None:
    async with an_office() as house:
        await asks(house, await comes(house))
        await passes(house, 15)
        boris = await comes(house, "0445556677")
        agent = await agent_comes(house)
        assert agent.rung[-1].from_.uri.user == ANNA
        await agent.says(200)
        assert house.city.rung[-1].request_uri.user == ANNA
        anna = await house.city.says(200)
        [kept] = house.of(CallbackKept)
        assert kept.by is KeptBy.CALLBACK
        assert [begun.call_id for begun in house.of(CallbackBegun)] == [kept.call]
        assert len(house.exchange.promises) == 0
        await hangs_up(house, anna)
        await hangs_up(house, boris)


@virtual_time
async def test_it_begins_once_the_caller_has_hung_up() -> None:
    async with an_office(busy=False) as house:
        house.dispatcher.reachable("1003", False)
        anna = await comes(house)
        await presses(house, anna, "51")
        await passes(house, 4)
        agent = await agent_comes(house)
        assert agent.rung == []
        await hears_all(house, anna)
        await passes(house, 12)
        assert len(agent.rung) == 1


@virtual_time
async def test_a_party_that_is_busy_is_tried_again_at_its_place_and_the_promise_broken_after_the_last_try() -> None:
    async with an_office() as house:
        await asks(house, await comes(house))
        await passes(house, 15)
        agent = await agent_comes(house)
        await agent.says(200)
        await house.city.says(486)
        assert [(fact.tried, fact.tries) for fact in house.of(CallbackTried)] == [(Tried.BUSY, 1)]
        await passes(house, 59)
        assert len(agent.rung) == 1
        await passes(house, 2)
        assert len(agent.rung) == 2
        await agent.says(200)
        await house.city.says(486)
        assert [fact.reason for fact in house.of(CallbackBroken)] == [Broken.TRIES]
        assert len(house.exchange.promises) == len(house.dispatcher) == 0
        joined = {fact.joined_at for fact in house.of(CallbackPromised)}
        assert joined == {DAY + timedelta(seconds=1000)}


@virtual_time
async def test_an_agent_who_declines_costs_the_party_no_try() -> None:
    async with an_office(queue=Line("700", ("1003", "1004"), strategy="top_down")) as house:
        await asks(house, await comes(house))
        await passes(house, 15)
        agent = await agent_comes(house)
        other = await agent_comes(house, "1004")
        await agent.says(603)
        await other.says(200)
        anna = await house.city.says(200)
        assert not house.of(CallbackTried)
        assert len(house.of(CallbackKept)) == 1
        await hangs_up(house, anna)


@virtual_time
async def test_who_calls_again_and_is_answered_is_not_called_back() -> None:
    async with an_office() as house:
        await asks(house, await comes(house))
        again = await comes(house, "+380441234567")
        agent = await agent_comes(house)
        await agent.says(200)
        [kept] = house.of(CallbackKept)
        assert kept.by is KeptBy.OTHER_CALL
        await hangs_up(house, again)
        await passes(house, 60)
        assert len(agent.rung) == 1


@virtual_time
async def test_an_agent_who_rings_for_a_callback_is_let_go_when_its_party_is_answered_elsewhere() -> None:
    async with an_office() as house:
        await asks(house, await comes(house))
        await passes(house, 15)
        agent = await agent_comes(house)
        await agent.says(180)
        other = await house.phones["1002"].dials(ANNA)
        await house.city.says(200)
        house.phones["1002"].answer_to(other)
        await house.settles()
        assert [kept.by for kept in house.of(CallbackKept)] == [KeptBy.OTHER_CALL]
        assert len(agent.cancelled) >= 1
        await hangs_up(house, other)


@virtual_time
async def test_a_promise_that_nobody_could_keep_in_time_is_broken() -> None:
    async with an_office() as house:
        await asks(house, await comes(house))
        await passes(house, 3601)
        assert [fact.reason for fact in house.of(CallbackBroken)] == [Broken.EXPIRED]
        assert len(house.dispatcher) == 0


@virtual_time
async def test_a_supervisor_withdraws_a_callback_and_nobody_else_may() -> None:
    async with an_office() as house:
        await asks(house, await comes(house))
        [promise] = house.exchange.promises.all()
        oksana = Actor(uuid7(), "1002", supervisor=True)
        with pytest.raises(ControlRefused, match="forbidden"):
            house.callbacks.withdraw(replace(oksana, supervisor=False), promise.id)
        house.callbacks.withdraw(oksana, promise.id)
        await house.settles()
        [broken] = house.of(CallbackBroken)
        assert (broken.reason, broken.user) == (Broken.WITHDRAWN, oksana.user_id)
        assert len(house.dispatcher) == 0
        with pytest.raises(ControlRefused, match="unknown_callback"):
            house.callbacks.withdraw(oksana, promise.id)


@virtual_time
async def test_the_party_may_be_called_first() -> None:
    async with an_office(replace(LINE, callback=replace(PLAN, order=Order.PARTY_FIRST))) as house:
        await asks(house, await comes(house))
        await passes(house, 15)
        agent = await agent_comes(house)
        assert agent.rung == []
        anna = await house.city.says(200)
        await agent.says(200)
        [kept] = house.of(CallbackKept)
        assert kept.by is KeptBy.CALLBACK
        await hangs_up(house, anna)


@virtual_time
async def test_promises_of_an_earlier_core_have_their_places_again() -> None:
    async with an_office() as house:
        boris = await comes(house, "0445556677")
        promise = Promise(
            id=uuid7(),
            line="700",
            number=ANNA,
            party="+380441234567",
            name="",
            joined_at=house.now() - timedelta(minutes=20),
            promised_at=house.now() - timedelta(minutes=18),
            expires_at=house.now() + timedelta(hours=1),
            tries=1,
        )
        house.callbacks.restore([promise])
        await house.settles()
        assert house.dispatcher.position(promise.id) == 1
        agent = await agent_comes(house)
        assert agent.rung[-1].from_.uri.user == ANNA
        await hangs_up(house, boris)
        await agent.says(200)
        anna = await house.city.says(200)
        assert len(house.of(CallbackKept)) == 1
        await hangs_up(house, anna)


@virtual_time
async def test_closing_leaves_every_promise_as_it_is() -> None:
    async with an_office() as house:
        await asks(house, await comes(house))
        await house.callbacks.close()
        assert len(house.dispatcher) == 0
        assert not house.of(CallbackBroken)


@virtual_time
async def test_one_of_our_own_people_is_called_back_at_the_extension() -> None:
    async with an_office() as house:
        await asks(house, await heard(house, await house.phones["1001"].dials("700")))
        await passes(house, 15)
        agent = await agent_comes(house)
        await agent.says(200)
        party = await house.phones["1001"].says(200)
        assert len(house.of(CallbackKept)) == 1
        await hangs_up(house, party)


@virtual_time
async def test_who_is_asked_for_the_number_is_not_sent_away_meanwhile() -> None:
    async with an_office(replace(LINE, max_wait=30.0)) as house:
        anna = await comes(house)
        await passes(house, 28)
        await presses(house, anna, "5")
        await passes(house, 5)
        await presses(house, anna, "1")
        await passes(house, 4)
        await hears_all(house, anna)
        assert [left.reason for left in house.of(CallLeftLine)] == [LineEnd.CALLBACK]


# ---- in a flow -------------------------------------------------------------------------------------------------------

FLOW: dict[str, Any] = {
    "line": {"verb": "enqueue", "line": "700", "unanswered": "offer"},
    "offer": {"verb": "callback", "prompts": ["callback_offer"], "line": "700", "accepted": "bye", "declined": "bye"},
    "bye": {"verb": "hangup"},
}


@virtual_time
async def test_a_flow_promises_a_call_at_the_place_where_its_caller_has_waited() -> None:
    async with a_house(lines=[LinePlan(number="700", max_wait=30.0)], queue=[QUEUE]) as house:
        house.dispatcher.reachable("1003", False)
        house.flows.publish({"800": Published(flow=flow_of("line", **FLOW), version=1)})
        dialog = await house.phones["1001"].dials("800")
        await passes(house, 31)
        anna = await heard(house, dialog)
        await presses(house, anna, "1")
        await presses(house, anna, "1")
        await passes(house, 4)
        [promise] = house.exchange.promises.all()
        assert (promise.line, promise.number) == ("700", "1001")
        assert promise.joined_at == DAY + timedelta(seconds=1000)
        assert [ended.outcome for ended in house.of(CallEnded)] == [Outcome.ANSWERED]


@virtual_time
async def test_a_flow_without_a_line_only_asks() -> None:
    async with a_house(lines=[LINE], queue=[QUEUE]) as house:
        offer = {name: value for name, value in FLOW["offer"].items() if name != "line"}
        house.flows.publish({"800": Published(flow=flow_of("offer", offer=offer, bye=FLOW["bye"]), version=1)})
        anna = await heard(house, await house.phones["1001"].dials("800"))
        await presses(house, anna, "1")
        assert not house.of(CallbackPromised)
        assert [ended.outcome for ended in house.of(CallEnded)] == [Outcome.NO_ANSWER]  # missed: a follow-up
