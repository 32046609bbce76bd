"""Progressive dialling: one party for one free agent, asked again before it is dialled, and told what it came to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from callflow.callback_facts import Tried
from callflow.control import Actor, ControlRefused
from callflow.dial_lists import BookAway, DueEntry, OpenList
from callflow.dialling import Dialler
from callflow.facts import CallAnswered, CallEnded
from callflow.previews import Previews
from callflow.router import LinePlan, Order
from queue_engine.facts import Will
from queue_engine.work import Line
from tests.callflow.house import DAY, Dialog, House, a_house
from tests.support.virtual_time import virtual_time

LINE = LinePlan(number="700", ring_timeout=20.0)
ONE, PAIR = Line("700", ("1003",)), Line("700", ("1003", "1004"), strategy="top_down")
LIST = OpenList(id=uuid7(), line="700", order=Order.AGENT_FIRST, points=-100.0, ring_seconds=30.0)
NUMBERS = [f"+38044123456{last}" for last in range(5)]


@dataclass
class Book:
    """Keeps what it was told."""

    waiting: list[DueEntry]
    lists: list[OpenList] = field(default_factory=lambda: [LIST])
    barred: set[str] = field(default_factory=set)  # numbers that may not be dialled
    reserved: dict[UUID, DueEntry] = field(default_factory=dict)
    begun: dict[UUID, str] = field(default_factory=dict)  # call -> number
    settled: list[tuple[str, Tried, str]] = field(default_factory=list)
    not_begun: list[tuple[str, Tried]] = field(default_factory=list)
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    recovered: int = 0
    is_away: bool = False

    def _asked(self) -> None:
        if self.is_away:
            raise BookAway("away")

    async def recover(self) -> None:
        self._asked()
        self.recovered += 1

    async def open_lists(self) -> Sequence[OpenList]:
        self._asked()
        return self.lists

    async def reserve(self, list_id: UUID, most: int) -> Sequence[DueEntry]:
        self._asked()
        own, others = ([each for each in self.waiting if (each.agent is not None) is whose] for whose in (True, False))
        found, self.waiting = own + others[:most], others[most:]
        self.reserved |= {each.id: each for each in found}
        return found

    async def may_dial(self, entry_id: UUID) -> bool:
        self._asked()
        return self.reserved[entry_id].number not in self.barred

    async def begin(self, entry_id: UUID, call_id: UUID, extension: str) -> bool:
        if not await self.may_dial(entry_id):
            return False
        self.begun[call_id] = self.reserved.pop(entry_id).number
        return True

    async def settle(self, call_id: UUID, tried: Tried, extension: str) -> None:
        self._asked()
        if call_id in self.begun:
            self.settled.append((self.begun[call_id], tried, extension))

    async def not_dialled(self, entry_id: UUID, why: Tried) -> None:
        self._asked()
        self.not_begun.append((self.reserved.pop(entry_id).number, why))

    async def skip(self, entry_id: UUID, extension: str, reason: str) -> None:
        self._asked()
        self.skipped.append((self.reserved.pop(entry_id).number, extension, reason))

    async def release(self, entry_id: UUID) -> None:
        self._asked()
        self.waiting.insert(0, self.reserved.pop(entry_id))


def book(*numbers: str) -> Book:
    return Book([DueEntry(id=uuid7(), number=number, name="Anna") for number in numbers])


@asynccontextmanager
async def dialling(house: House, of: Book) -> AsyncIterator[Dialler]:
    """Afterwards everything that was begun is settled."""
    dialler = Dialler(house.calls, of, Previews(house.now))
    running = asyncio.create_task(dialler.run())
    await house.settles()
    yield dialler
    await house.settles()
    await dialler.close()
    await dialler.settled()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def later(house: House, seconds: float = 2.5) -> None:
    await asyncio.sleep(seconds)
    await house.settles()


async def hangs_up(house: House, dialog: Dialog) -> None:
    house.at_once((dialog.phone, dialog.text("BYE")))
    await house.settles()


def dialled(house: House) -> list[str | None]:
    return [invite.request_uri.user for invite in house.city.rung]


@virtual_time
async def test_an_entry_is_called_when_an_agent_is_free_and_told_what_it_came_to() -> None:
    of = book(NUMBERS[0])
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house, dialling(house, of):
        assert dialled(house) == [] and of.begun == {}
        await house.phones["1003"].says(200)
        assert dialled(house) == [NUMBERS[0]]
        party = await house.city.says(200)
        assert [answered.extension for answered in house.of(CallAnswered)] == ["1003"]
        await hangs_up(house, party)
        assert of.settled == [(NUMBERS[0], Tried.REACHED, "1003")]
        assert set(of.begun) == {ended.call_id for ended in house.of(CallEnded)}


@pytest.mark.parametrize("order", list(Order))
@virtual_time
async def test_there_are_never_more_calls_than_free_agents(order: Order) -> None:
    of = book(*NUMBERS)
    of.lists = [replace(LIST, order=order)]
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house:
        house.dispatcher.declare("1004", Will.PAUSED)
        async with dialling(house, of):
            for agents, agent in enumerate(("1003", "1004"), 1):
                house.dispatcher.declare(agent, Will.READY)
                await later(house)
                if order is Order.AGENT_FIRST:
                    await house.phones[agent].says(200)
                assert sorted(map(str, dialled(house))) == NUMBERS[:agents]
                await house.city.says(180)
                await later(house, 5)
                assert len(dialled(house)) == agents
            assert len(of.reserved) <= 2


@pytest.mark.parametrize("order", list(Order))
@virtual_time
async def test_the_party_sees_the_number_of_the_list(order: Order) -> None:
    of = book(NUMBERS[0])
    of.lists = [replace(LIST, order=order, caller_id="+380441110555")]
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house, dialling(house, of):
        if order is Order.AGENT_FIRST:
            await house.phones["1003"].says(200)
        assert house.city.rung[-1].from_.uri.user == "+380441110555"


@virtual_time
async def test_nobody_is_called_while_nobody_is_at_work() -> None:
    of = book(*NUMBERS)
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house:
        house.dispatcher.declare("1003", Will.SIGNED_OUT)
        async with dialling(house, of):
            await later(house, 60)
            assert (of.reserved, house.phones["1003"].rung, of.waiting[0].number) == ({}, [], NUMBERS[0])


@virtual_time
async def test_who_waits_on_the_telephone_is_served_before_the_list() -> None:
    of = book(NUMBERS[0])
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house:
        busy = await house.phones["1001"].dials("1003")
        async with dialling(house, of):
            await later(house, 3)
            waits = await house.phones["1002"].dials("700")
            house.at_once((busy.phone, busy.cancel_text))
            await house.settles()
            await later(house, 1)
            assert house.phones["1003"].rung[-1].from_.uri.user == "1002"
            house.at_once((waits.phone, waits.cancel_text))
            await house.settles()


@virtual_time
async def test_it_is_asked_again_before_an_agent_is_rung() -> None:
    of = book(NUMBERS[0])
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house:
        busy = await house.phones["1001"].dials("1003")
        async with dialling(house, of):
            rung = len(house.phones["1003"].rung)
            of.barred.add(NUMBERS[0])
            house.at_once((busy.phone, busy.cancel_text))
            await house.settles()
            await later(house, 1)
            assert len(house.phones["1003"].rung) == rung
            assert of.not_begun == [(NUMBERS[0], Tried.LEFT)]


@virtual_time
async def test_it_is_asked_again_in_the_moment_of_dialling() -> None:
    of = book(NUMBERS[0])
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house, dialling(house, of):
        of.barred.add(NUMBERS[0])
        agent = await house.phones["1003"].says(200)
        assert agent.is_hung_up
        assert (dialled(house), of.begun, of.not_begun) == ([], {}, [(NUMBERS[0], Tried.LEFT)])


@virtual_time
async def test_while_the_book_is_away_nobody_is_dialled_and_what_was_is_told_later() -> None:
    of = book(*NUMBERS[:2])
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house, dialling(house, of):
        await house.phones["1003"].says(200)
        party = await house.city.says(200)
        of.is_away = True
        await hangs_up(house, party)
        await later(house, 30)
        assert (of.settled, len(house.city.rung)) == ([], 1)
        of.is_away = False
        await later(house, 10)
        assert of.settled == [(NUMBERS[0], Tried.REACHED, "1003")]
        assert of.recovered == 1
        assert len(house.phones["1003"].rung) == 2  # the next one


@virtual_time
async def test_closing_a_list_takes_out_who_waits_and_lets_those_who_talk_go_on() -> None:
    of = book(*NUMBERS[:3])
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house, dialling(house, of):
        await house.phones["1003"].says(200)
        party = await house.city.says(200)
        await house.phones["1004"].says(180)
        of.lists = []
        await later(house)
        assert len(set(house.phones["1004"].cancelled)) == 1
        assert of.reserved == {}
        assert of.not_begun == []
        assert not party.is_hung_up
        await hangs_up(house, party)
        assert [tried for _, tried, _ in of.settled] == [Tried.REACHED]


@virtual_time
async def test_a_number_that_leads_nowhere_is_told_and_rings_nobody() -> None:
    of = book(NUMBERS[0])
    async with a_house(lines=[LINE], queue=[ONE]) as house, dialling(house, of):
        await later(house)
        assert (of.not_begun, house.phones["1003"].rung) == ([(NUMBERS[0], Tried.WRONG_NUMBER)], [])


def mine(agent: str, seconds: float) -> Book:
    alone_until = DAY + timedelta(seconds=asyncio.get_running_loop().time() + seconds)
    return Book([DueEntry(id=uuid7(), number=NUMBERS[0], agent=agent, alone_until=alone_until)])


@virtual_time
async def test_a_callback_is_its_agents_and_after_the_grace_the_lines() -> None:
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house:
        busy = await house.phones["1001"].dials("1004")
        rung = len(house.phones["1004"].rung)
        async with dialling(house, mine("1004", 15)):
            await later(house, 10)
            assert house.phones["1003"].rung == []
            house.at_once((busy.phone, busy.cancel_text))
            await house.settles()
            await later(house, 1)
            assert (len(house.phones["1003"].rung), len(house.phones["1004"].rung)) == (0, rung + 1)
        busy = await house.phones["1001"].dials("1004")
        async with dialling(house, mine("1004", 15)):
            await later(house, 14)
            assert house.phones["1003"].rung == []
            await later(house, 2)
            assert len(house.phones["1003"].rung) == 1
        house.at_once((busy.phone, busy.cancel_text))
        await house.settles()


@virtual_time
async def test_a_callback_waits_for_its_agent_to_come_to_work() -> None:
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house:
        house.dispatcher.declare("1004", Will.SIGNED_OUT)
        async with dialling(house, mine("1004", 600)):
            await later(house, 300)
            assert house.phones["1003"].rung == []
            house.dispatcher.declare("1004", Will.READY)
            await later(house, 3)
            assert (len(house.phones["1003"].rung), len(house.phones["1004"].rung)) == (0, 1)


@virtual_time
async def test_a_callback_that_waits_for_its_agent_keeps_nobody_of_the_list_from_being_called() -> None:
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house:
        house.dispatcher.declare("1004", Will.SIGNED_OUT)
        of = mine("1004", 1800)
        async with dialling(house, of):
            await later(house)
            of.waiting += book(NUMBERS[1]).waiting
            await later(house)
            assert [each.number for each in of.reserved.values()] == NUMBERS[:2]
            assert (len(house.phones["1003"].rung), house.phones["1004"].rung) == (1, [])


@virtual_time
async def test_a_callback_that_is_due_before_the_call_that_promised_it_has_ended_is_called_after_it() -> None:
    of = book(NUMBERS[0])
    promised = of.waiting[0]
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house, dialling(house, of):
        await house.phones["1003"].says(200)
        party = await house.city.says(200)
        of.waiting.append(promised)
        await later(house)
        assert of.reserved == {promised.id: promised}
        await hangs_up(house, party)
        await later(house)
        assert len(house.phones["1003"].rung) == 2


@virtual_time
async def test_a_callback_is_its_agents_too_where_the_party_is_called_first() -> None:
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house:
        of = mine("1004", 600)
        of.lists = [replace(LIST, order=Order.PARTY_FIRST)]
        async with dialling(house, of):
            await later(house)
            party = await house.city.says(200)
            assert (house.phones["1003"].rung, len(house.phones["1004"].rung)) == ([], 1)
            await hangs_up(house, party)


@virtual_time
async def test_a_dialler_that_closes_calls_nobody_further_and_tells_of_those_it_called() -> None:
    of = book(*NUMBERS[:3])
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house, dialling(house, of) as dialler:
        await house.phones["1003"].says(200)
        party = await house.city.says(200)
        await dialler.close()
        await later(house, 10)
        assert (len(house.dispatcher), len(house.city.rung)) == (0, 1)
        await hangs_up(house, party)
        assert [tried for _, tried, _ in of.settled] == [Tried.REACHED]


# ---- preview ---------------------------------------------------------------------------------------------------------


def looked_at(*numbers: str) -> Book:
    of = book(*numbers)
    of.lists = [replace(LIST, preview_seconds=60.0)]
    return of


def agent(extension: str) -> Actor:
    return Actor(uuid7(), extension, supervisor=False)


@virtual_time
async def test_an_agent_looks_at_an_entry_first_and_calls_it() -> None:
    of = looked_at(*NUMBERS[:2])
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house, dialling(house, of) as dialler:
        preview = dialler.previews.of("1003")
        assert preview is not None and of.reserved[preview.entry_id].number == NUMBERS[0]
        assert (preview.until - house.now()).total_seconds() == pytest.approx(60)
        assert house.phones["1003"].rung == []
        dialler.previews.dial(agent("1003"), preview.entry_id)
        await house.settles()
        assert dialler.previews.of("1003") is None
        await house.phones["1003"].says(200)
        party = await house.city.says(200)
        await hangs_up(house, party)
        assert of.settled == [(NUMBERS[0], Tried.REACHED, "1003")]


@virtual_time
async def test_an_agent_leaves_an_entry_for_later_says_why_and_looks_at_the_next() -> None:
    of = looked_at(*NUMBERS[:2])
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house, dialling(house, of) as dialler:
        preview = dialler.previews.of("1003")
        assert preview is not None
        dialler.previews.skip(agent("1003"), preview.entry_id, "at lunch")
        await later(house)
        assert of.skipped == [(NUMBERS[0], "1003", "at lunch")]
        following = dialler.previews.of("1003")
        assert following is not None and of.reserved[following.entry_id].number == NUMBERS[1]
        assert (house.phones["1003"].rung, of.begun) == ([], {})


@virtual_time
async def test_when_the_time_is_over_it_is_called_by_itself() -> None:
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house, dialling(house, looked_at(NUMBERS[0])):
        await later(house, 59)
        assert house.phones["1003"].rung == []
        await later(house, 2)
        assert len(house.phones["1003"].rung) == 1


@virtual_time
async def test_nobody_decides_for_another_or_twice() -> None:
    of = looked_at(NUMBERS[0])
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house, dialling(house, of) as dialler:
        preview = dialler.previews.of("1003")
        assert preview is not None
        for who, entry_id in ((agent("1004"), preview.entry_id), (agent("1003"), uuid7())):
            with pytest.raises(ControlRefused):
                dialler.previews.dial(who, entry_id)
        dialler.previews.skip(agent("1003"), preview.entry_id, "no")
        with pytest.raises(ControlRefused):
            dialler.previews.dial(agent("1003"), preview.entry_id)
        await house.settles()


@virtual_time
async def test_a_colleague_who_gets_it_next_looks_first_too() -> None:
    of = looked_at(NUMBERS[0])
    async with a_house(lines=[LINE], queue=[PAIR], trunk_carries=["+"]) as house, dialling(house, of) as dialler:
        preview = dialler.previews.of("1003")
        assert preview is not None
        dialler.previews.dial(agent("1003"), preview.entry_id)
        await house.settles()
        await house.phones["1003"].says(603)
        assert (dialler.previews.of("1003"), house.phones["1004"].rung) == (None, [])
        assert dialler.previews.of("1004") is not None
        dialler.previews.skip(agent("1004"), preview.entry_id, "knows me")
        await house.settles()
        assert of.skipped == [(NUMBERS[0], "1004", "knows me")]


@virtual_time
async def test_an_entry_that_a_supervisor_takes_out_of_the_line_is_looked_at_no_more() -> None:
    of = looked_at(NUMBERS[0])
    async with a_house(lines=[LINE], queue=[ONE], trunk_carries=["+"]) as house, dialling(house, of) as dialler:
        preview = dialler.previews.of("1003")
        assert preview is not None
        house.dispatcher.withdraw(preview.entry_id)
        await house.settles()
        assert dialler.previews.of("1003") is None
        assert of.not_begun == [(NUMBERS[0], Tried.LEFT)]
