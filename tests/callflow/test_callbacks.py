"""A promised callback is tried at its caller's place, and ends kept or broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

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
from callflow.flows.calendar import WEEKDAYS, Calendar
from callflow.line_commands import LineCommands
from callflow.planned import Attempt
from callflow.promises import Promise
from callflow.router import LinePlan, Order
from queue_engine.work import Line
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
)
from tests.callflow.house import DAY, a_house
from tests.support.virtual_time import virtual_time


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
async def test_an_agent_who_hangs_up_while_the_party_rings_costs_it_no_try_either() -> None:
    async with an_office() as house:
        await asks(house, await comes(house))
        await passes(house, 15)
        agent = await agent_comes(house)
        gone = await agent.says(200)
        await house.city.says(180)
        await hangs_up(house, gone)
        assert [(fact.tried, fact.tries) for fact in house.of(CallbackTried)] == [(Tried.AGENT_GONE, 0)]
        await passes(house, 16)
        assert len(agent.rung) == 2


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
async def test_nobody_is_called_back_outside_the_hours_and_the_place_is_kept() -> None:
    """It is 09:16 when it is promised; the agent comes when the hours are over."""
    hours = Calendar(time_zone="UTC", week={day: ["09:00-09:17", "09:20-12:00"] for day in WEEKDAYS})
    async with an_office(replace(LINE, callback=replace(PLAN, hours=hours))) as house:
        await asks(house, await comes(house))
        await passes(house, 20)
        agent = await agent_comes(house)
        assert (agent.rung, house.of(CallbackTried), len(house.exchange.promises)) == ([], [], 1)
        await passes(house, 150)
        assert agent.rung == []
        await passes(house, 30)
        assert agent.rung[-1].from_.uri.user == ANNA
        await agent.says(200)
        await hangs_up(house, await house.city.says(200))
        assert [kept.by for kept in house.of(CallbackKept)] == [KeptBy.CALLBACK]


@virtual_time
async def test_a_callback_that_fails_by_a_fault_of_ours_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def falls(*_: object) -> Attempt:
        raise RuntimeError

    async with an_office() as house:
        with monkeypatch.context() as patched:
            patched.setattr("callflow.callbacks.call_planned", falls)
            await asks(house, await comes(house))
            assert [fact.tried for fact in house.of(CallbackTried)] == [Tried.FAILED]
        agent = await agent_comes(house)
        await passes(house, 61)
        assert len(agent.rung) == 1


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
async def test_what_is_too_late_or_has_no_line_any_more_is_broken_at_the_next_start() -> None:
    async with an_office(busy=False) as house:
        now = house.now()
        late = Promise(
            id=uuid7(),
            line="700",
            number=ANNA,
            party="+380441234567",
            name="",
            joined_at=now - timedelta(hours=9),
            promised_at=now - timedelta(hours=9),
            expires_at=now - timedelta(hours=1),
        )
        lost = replace(late, id=uuid7(), line="799", expires_at=now + timedelta(hours=1))
        house.callbacks.restore([late, lost, replace(late, id=uuid7())])
        await house.settles()
        assert [fact.reason for fact in house.of(CallbackBroken)] == [Broken.EXPIRED, Broken.NO_LINE, Broken.EXPIRED]
        assert house.phones["1003"].rung == []
        assert len(house.exchange.promises) == 0


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
async def test_one_of_our_own_people_who_talks_with_a_colleague_is_called_back_all_the_same() -> None:
    async with an_office() as house:
        await asks(house, await heard(house, await house.phones["1001"].dials("700")))
        talk = await house.phones["1001"].dials("1002")
        await house.phones["1002"].says(200)
        house.phones["1001"].answer_to(talk)
        await house.settles()
        await hangs_up(house, talk)
        assert len(house.exchange.promises) == 1
        again = await heard(house, await house.phones["1001"].dials("700"))
        agent = await agent_comes(house)
        await agent.says(200)
        assert [kept.by for kept in house.of(CallbackKept)] == [KeptBy.OTHER_CALL]
        await hangs_up(house, again)


@virtual_time
async def test_a_callback_that_a_supervisor_moves_stays_in_the_other_line_with_its_points() -> None:
    lines, queue = [LINE, LinePlan(number="701")], [QUEUE, Line("701", ("1004",))]
    async with a_house(lines=lines, queue=queue, trunk_leads_to="700", trunk_carries=["0"]) as house:
        house.dispatcher.reachable("1003", False)
        await asks(house, await comes(house))
        await passes(house, 15)
        [promise] = house.exchange.promises.all()
        supervisor, commands = Actor(uuid7(), "1002", supervisor=True), LineCommands(house.exchange)
        commands.prioritise(supervisor, promise.id, 7.0)
        commands.move(supervisor, promise.id, "701")
        await house.settles()
        agent = house.phones["1004"]
        await agent.says(200)
        await house.city.says(486)
        assert (promise.line, promise.priority, promise.tries) == ("701", 7.0, 1)
        await passes(house, 61)
        assert len(agent.rung) == 2
        assert house.phones["1003"].rung == []
