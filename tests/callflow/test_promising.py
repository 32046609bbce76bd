"""A caller who does not want to wait asks to be called back, in a line or in a flow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from callflow.callback_facts import (
    CallbackPromised,
)
from callflow.facts import CallEnded, Outcome, PartyIntroduced
from callflow.flows.book import Published
from callflow.line_facts import CallLeftLine, LineEnd
from callflow.router import LinePlan
from tests.callflow.callback_office import (
    ANNA,
    LINE,
    PLAN,
    QUEUE,
    agent_comes,
    an_office,
    asks,
    comes,
    hangs_up,
    heard,
    hears_all,
    passes,
    presses,
    told,
)
from tests.callflow.flows.office import flow_of
from tests.callflow.house import DAY, a_house
from tests.support.virtual_time import virtual_time


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
async def test_who_had_given_up_and_came_again_is_called_back_at_the_old_place() -> None:
    async with an_office(queue=replace(QUEUE, resume_window=60.0)) as house:
        await hangs_up(house, await comes(house))
        await passes(house, 10)
        await asks(house, await comes(house))
        [promised] = house.of(CallbackPromised)
        assert promised.joined_at == DAY + timedelta(seconds=1000)


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
async def test_who_waits_on_by_a_flow_keeps_the_place() -> None:
    again = {
        "first": {"verb": "enqueue", "line": "700", "unanswered": "second"},
        "second": {"verb": "enqueue", "line": "700", "unanswered": "bye"},
        "bye": {"verb": "hangup"},
    }
    async with a_house(lines=[LinePlan(number="700", max_wait=30.0)], queue=[QUEUE]) as house:
        house.dispatcher.legs("1003", 1)
        house.flows.publish({"800": Published(flow=flow_of("first", **again), version=1)})
        anna = await house.phones["1001"].dials("800")
        await passes(house, 20)
        other = await house.phones["1002"].dials("700")
        await passes(house, 15)
        house.dispatcher.legs("1003", 0)
        await house.settles()
        assert house.phones["1003"].rung[0].from_.uri.user == "1001"
        for dialog in (anna, other):
            house.at_once((dialog.phone, dialog.cancel_text))
            await house.settles()


@virtual_time
async def test_a_flow_without_a_line_only_asks() -> None:
    async with a_house(lines=[LINE], queue=[QUEUE]) as house:
        offer = {name: value for name, value in FLOW["offer"].items() if name != "line"}
        house.flows.publish({"800": Published(flow=flow_of("offer", offer=offer, bye=FLOW["bye"]), version=1)})
        anna = await heard(house, await house.phones["1001"].dials("800"))
        await presses(house, anna, "1")
        assert not house.of(CallbackPromised)
        assert [ended.outcome for ended in house.of(CallEnded)] == [Outcome.NO_ANSWER]  # missed: a follow-up
