"""A supervisor's word about those who wait, and about lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from callflow.call import Call
from callflow.control import Actor, ControlRefused
from callflow.facts import CallEnded, CallQueued, Outcome
from callflow.line_book import Switch
from callflow.line_commands import LineCommands
from callflow.line_facts import CallLeftLine, LineEnd
from callflow.line_orders import LineSwitched, WaitOrder, WaitOrdered
from callflow.router import LinePlan
from callflow.side import Side
from queue_engine.work import Line
from tests.callflow.house import Dialog, House, a_house
from tests.callflow.test_lining import told
from tests.support.virtual_time import virtual_time

BOSS = Actor(uuid7(), "1009", supervisor=True)
CLERK = Actor(uuid7(), "1003", supervisor=False)
SALES = LinePlan(number="700", music=True, messages=["wait"], announce_every=30.0)
SERVICE = LinePlan(number="701", music=True)
QUEUE = (Line("700", ("1003",)), Line("701", ("1004",)))


def two_lines(queue: Sequence[Line] = QUEUE, sales: LinePlan = SALES) -> AbstractAsyncContextManager[House]:
    return a_house(lines=[sales, SERVICE], queue=list(queue))


async def waits(house: House, caller: str = "1001", number: str = "700") -> tuple[Dialog, UUID]:
    dialog = await house.phones[caller].dials(number)
    return dialog, house.of(CallQueued)[-1].call_id


def busy(house: House, *agents: str) -> None:
    for agent in agents:
        house.dispatcher.legs(agent, 1)


def free(house: House, *agents: str) -> None:
    for agent in agents:
        house.dispatcher.legs(agent, 0)


async def gives_up(house: House, *dialogs: Dialog) -> None:
    """Answered by music, so that it is a hanging up."""
    for dialog in dialogs:
        if not dialog.theirs:
            dialog.phone.answer_to(dialog)
        house.at_once((dialog.phone, dialog.text("BYE")))
        await house.settles()


def heard_out(dialog: Dialog) -> None:
    """What is played to that caller comes to its end."""
    for playback in dialog.media.playbacks:
        if not playback.ended.done():
            playback.finish("done")


def ends(house: House) -> list[tuple[str, LineEnd, str]]:
    return [(left.line, left.reason, left.to) for left in house.of(CallLeftLine)]


@virtual_time
async def test_who_is_moved_keeps_the_time_of_joining_and_is_rung_for_in_the_other_line() -> None:
    async with two_lines() as house:
        busy(house, "1004")
        anna, call_id = await waits(house)
        await house.phones["1003"].says(180)
        await asyncio.sleep(5)
        other, _ = await waits(house, "1002", "701")
        LineCommands(house.exchange).move(BOSS, call_id, "701")
        await house.settles()
        assert house.phones["1003"].cancelled
        assert ends(house) == [("700", LineEnd.TRANSFERRED, "701")]
        assert house.dispatcher.position(call_id) == 1, "before the one who joined later"
        free(house, "1004")
        await house.settles()
        assert "1001" in (house.phones["1004"].rung[0].headers.get("From") or "")
        (order,) = house.of(WaitOrdered)
        assert (order.order, order.line, order.to, order.user) == (WaitOrder.MOVED, "700", "701", BOSS.user_id)
        await gives_up(house, anna, other)
        assert [fact.line for fact in house.of(CallQueued) if fact.call_id == call_id] == ["700", "701"]


@virtual_time
async def test_who_is_moved_hears_what_the_other_line_tells_and_waits_as_long_as_that_says() -> None:
    told_there = LinePlan(number="701", position=True, max_wait=40.0)
    async with a_house(lines=[SALES, told_there], queue=list(QUEUE)) as house:
        busy(house, "1003", "1004")
        anna, call_id = await waits(house)
        anna.phone.answer_to(anna)
        await asyncio.sleep(35)
        LineCommands(house.exchange).move(BOSS, call_id, "701")
        await asyncio.sleep(35)
        await house.settles()
        assert told(anna) == ["wait", "uk/say/position", "uk/say/1"]
        assert house.of(CallEnded) == []
        await asyncio.sleep(6)
        await house.settles()
        assert ends(house)[-1] == ("701", LineEnd.TIMEOUT, "")
        free(house, "1003", "1004")


@virtual_time
async def test_who_is_moved_may_be_moved_back() -> None:
    async with two_lines() as house:
        busy(house, "1003", "1004")
        anna, call_id = await waits(house)
        commands = LineCommands(house.exchange)
        for line in ("701", "700"):
            commands.move(BOSS, call_id, line)
            await house.settles()
        assert house.dispatcher.line_of(call_id) == "700"
        free(house, "1003")
        await house.settles()
        assert house.phones["1003"].rung
        await gives_up(house, anna)
        free(house, "1004")


@virtual_time
async def test_who_gives_up_in_the_moment_of_the_move_waits_nowhere() -> None:
    async with two_lines() as house:
        anna, call_id = await waits(house)
        anna.phone.answer_to(anna)
        LineCommands(house.exchange).move(BOSS, call_id, "701")
        house.at_once((anna.phone, anna.text("BYE")))
        await house.settles()
        assert len(house.dispatcher) == 0


@virtual_time
async def test_who_got_points_is_served_before_those_who_came_earlier() -> None:
    async with two_lines() as house:
        busy(house, "1003")
        first, _ = await waits(house)
        dear, call_id = await waits(house, "1002")
        LineCommands(house.exchange).prioritise(BOSS, call_id, 10)
        free(house, "1003")
        await house.settles()
        assert "1002" in (house.phones["1003"].rung[0].headers.get("From") or "")
        await gives_up(house, first, dear)


@virtual_time
async def test_who_is_assigned_waits_for_that_agent_until_it_is_undone() -> None:
    both = [Line("700", ("1003", "1004")), Line("701", ())]
    async with two_lines(both) as house:
        busy(house, "1003", "1004")
        anna, call_id = await waits(house)
        commands = LineCommands(house.exchange)
        commands.assign(BOSS, call_id, "1004")
        free(house, "1003")
        await house.settles()
        assert house.phones["1003"].rung == []
        commands.assign(BOSS, call_id, "")
        await house.settles()
        assert house.phones["1003"].rung
        with pytest.raises(ControlRefused, match="not_at_work"):
            commands.assign(BOSS, call_id, "1002")
        assert [order.order for order in house.of(WaitOrdered)] == [WaitOrder.ASSIGNED, WaitOrder.UNASSIGNED]
        await gives_up(house, anna)
        free(house, "1004")


@virtual_time
async def test_who_is_withdrawn_hears_the_message_and_goes_on_to_the_number() -> None:
    async with two_lines() as house:
        anna, call_id = await waits(house)
        await house.phones["1003"].says(180)
        LineCommands(house.exchange).withdraw(BOSS, call_id, "1002", "sorry")
        await house.settles()
        assert house.phones["1003"].cancelled
        anna.phone.answer_to(anna)
        assert told(anna)[-1] == "sorry"
        heard_out(anna)
        await house.settles()
        assert house.phones["1002"].rung
        assert ends(house) == [("700", LineEnd.WITHDRAWN, "1002")]
        await gives_up(house, anna)


@virtual_time
async def test_who_is_withdrawn_to_nowhere_is_hung_up() -> None:
    overflows = LinePlan(number="700", music=True, overflow="701")
    async with two_lines(sales=overflows) as house:
        anna, call_id = await waits(house)
        anna.phone.answer_to(anna)
        LineCommands(house.exchange).withdraw(BOSS, call_id)
        await house.settles()
        assert anna.is_hung_up, "and does not overflow"
        assert [ended.outcome for ended in house.of(CallEnded)] == [Outcome.NO_ANSWER]


@virtual_time
async def test_nobody_comes_into_a_closed_line_and_who_waits_is_served_to_the_end() -> None:
    async with two_lines() as house:
        busy(house, "1003")
        anna, _ = await waits(house)
        commands = LineCommands(house.exchange)
        assert commands.switch(BOSS, "700", is_open=False) == Switch(is_open=False)
        late = await house.phones["1002"].dials("700")
        assert late.phone.answer_to(late).status == 480
        free(house, "1003")
        await house.settles()
        assert house.phones["1003"].rung
        commands.switch(BOSS, "700", is_open=True)
        await gives_up(house, anna)
        again, _ = await waits(house)
        await gives_up(house, again)
        assert [(fact.is_open, fact.user) for fact in house.of(LineSwitched)] == [
            (False, BOSS.user_id),
            (True, BOSS.user_id),
        ]


@virtual_time
async def test_those_who_wait_go_at_once_where_the_line_is_set_so() -> None:
    async with two_lines([Line("700", ("1003",), empties_when_closed=True), QUEUE[1]]) as house:
        busy(house, "1003")
        anna, _ = await waits(house)
        anna.phone.answer_to(anna)
        commands = LineCommands(house.exchange)
        commands.switch(BOSS, "700", is_open=False, message="outage")
        await house.settles()
        assert told(anna)[-1] == "outage", "why it is closed"
        heard_out(anna)
        await house.settles()
        assert anna.is_hung_up
        assert ends(house) == [("700", LineEnd.CLOSED, "")]
        free(house, "1003")


@virtual_time
async def test_a_line_tells_its_message_first_and_another_when_it_is_switched() -> None:
    async with two_lines() as house:
        busy(house, "1003")
        commands = LineCommands(house.exchange)
        commands.switch(BOSS, "700", message="outage")
        anna, _ = await waits(house)
        anna.phone.answer_to(anna)
        assert told(anna) == ["outage", "wait"]
        commands.switch(BOSS, "700", message="repaired")
        heard_out(anna)
        await asyncio.sleep(31)
        await house.settles()
        assert told(anna)[2:4] == ["repaired", "wait"]
        await gives_up(house, anna)
        free(house, "1003")


@virtual_time
async def test_a_word_about_who_is_being_answered_comes_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    join = Call.join

    async def late(call: Call, one: Side, other: Side) -> None:
        await asyncio.sleep(3)
        await join(call, one, other)

    monkeypatch.setattr(Call, "join", late)
    async with two_lines() as house:
        anna, call_id = await waits(house)
        await house.phones["1003"].says(200)
        commands = LineCommands(house.exchange)
        words: list[Callable[[], None]] = [
            lambda: commands.move(BOSS, call_id, "701"),
            lambda: commands.withdraw(BOSS, call_id),
        ]
        for command in words:
            with pytest.raises(ControlRefused, match="unknown_call"):
                command()
        await asyncio.sleep(4)
        await house.settles()
        assert ends(house) == [("700", LineEnd.ANSWERED, "")]
        await gives_up(house, anna)
        assert len(house.dispatcher) == 0


@virtual_time
async def test_only_a_supervisor_commands_and_only_what_there_is() -> None:
    async with two_lines() as house:
        busy(house, "1003", "1004")
        anna, call_id = await waits(house)
        commands = LineCommands(house.exchange)
        refused: dict[str, Callable[[], None]] = {
            "forbidden": lambda: commands.move(CLERK, call_id, "701"),
            "unknown_call": lambda: commands.move(BOSS, uuid7(), "701"),
            "unknown_line": lambda: commands.move(BOSS, call_id, "999"),
            "same_number": lambda: commands.move(BOSS, call_id, "700"),
            "out_of_range": lambda: commands.prioritise(BOSS, call_id, 1001),
            "no_route": lambda: commands.withdraw(BOSS, call_id, "0501112233"),
        }
        for reason, command in refused.items():
            with pytest.raises(ControlRefused, match=reason):
                command()
        with pytest.raises(ControlRefused, match="forbidden"):
            commands.switch(CLERK, "700", is_open=False)
        assert (house.of(WaitOrdered), house.of(LineSwitched)) == ([], [])
        await gives_up(house, anna)
        free(house, "1003", "1004")


@virtual_time
@pytest.mark.parametrize(
    "order",
    [
        lambda commands, call_id: commands.move(BOSS, call_id, "701"),
        lambda commands, call_id: commands.prioritise(BOSS, call_id, 50.0),
        lambda commands, call_id: commands.assign(BOSS, call_id, "1003"),
        lambda commands, call_id: commands.withdraw(BOSS, call_id),
    ],
    ids=["move", "prioritise", "assign", "withdraw"],
)
async def test_what_cannot_be_told_is_not_done(
    order: Callable[[LineCommands, UUID], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fact: object) -> None:
        raise OSError("the spool is full")

    async with two_lines() as house:
        busy(house, "1003", "1004")
        anna, call_id = await waits(house)
        before = house.dispatcher.why_item(call_id)
        with monkeypatch.context() as away:
            away.setattr(house, "append", full)
            with pytest.raises(OSError, match="full"):
                order(LineCommands(house.exchange), call_id)
        assert house.dispatcher.why_item(call_id) == before
        await gives_up(house, anna)
