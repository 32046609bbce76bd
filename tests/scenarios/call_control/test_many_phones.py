"""Several phones of one person: all ring, the first that answers wins, what a person decides at one holds for all."""

from __future__ import annotations

import asyncio

from tests.scenarios.company import Company, hear_each_other
from tests.support.phone import FakePhone
from tests.support.phone_call import Call

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


async def three_ring(company: Company, caller: FakePhone) -> tuple[Call, list[Call]]:
    phones = [await company.phone("1002") for _ in range(3)]
    call = await caller.dial("1002")
    rung = [await phone.rings() for phone in phones]
    for each in rung:
        each.ring()
    return call, rung


def reason(call: Call) -> str | None:
    (cancel,) = call.phone.log.received("CANCEL", call.sip_call_id)
    return cancel.message.headers.get("Reason")


async def test_the_first_wins_and_the_others_missed_nothing(company: Company) -> None:
    anna = await company.phone("1001")
    call, (first, second, third) = await three_ring(company, anna)
    await second.answer()
    await call.answered()
    for other in (first, third):
        await other.cancelled()
        assert reason(other) == ELSEWHERE
    await hear_each_other(call, second)
    await call.hang_up()
    await second.ended()


async def test_a_caller_who_gives_up_is_missed_on_each(company: Company) -> None:
    anna = await company.phone("1001")
    call, rung = await three_ring(company, anna)
    await call.ringing()
    await call.cancel()
    for each in rung:
        await each.cancelled()
        assert reason(each) is None


async def test_one_that_is_busy_leaves_the_others_ringing(company: Company) -> None:
    anna = await company.phone("1001")
    call, (first, second, third) = await three_ring(company, anna)
    await first.refuse(486)
    await third.answer()
    await call.answered()
    await second.cancelled()
    await call.hang_up()
    await third.ended()


async def test_declined_at_one_is_declined_at_all(company: Company) -> None:
    anna = await company.phone("1001")
    call, (first, second, third) = await three_ring(company, anna)
    await first.refuse(603)
    for other in (second, third):
        await other.cancelled()
    assert await call.refused() == 603


async def test_sent_on_at_one_is_sent_on_from_all(company: Company) -> None:
    anna, carol = await company.phone("1001"), await company.phone("1003")
    call, (first, second, third) = await three_ring(company, anna)
    await second.redirect("1003")
    for other in (first, third):
        await other.cancelled()
    incoming = await carol.rings()
    await incoming.answer()
    await call.answered()
    await hear_each_other(call, incoming)
    await call.hang_up()
    await incoming.ended()


async def test_two_that_answer_at_once_become_one_call(company: Company) -> None:
    anna = await company.phone("1001")
    call, (first, second, third) = await three_ring(company, anna)
    first.take()
    second.take()
    await call.answered()
    await third.cancelled()
    ends = {asyncio.ensure_future(each.ended()): each for each in (first, second)}
    done, left = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 1
    (winner,) = [ends[each] for each in left]
    await hear_each_other(call, winner)
    await call.hang_up()
    await asyncio.gather(*left)
