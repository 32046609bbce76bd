"""The line 7000, whose only agent is 1003, and the calls that come in for it from outside."""

from __future__ import annotations

import asyncio

import pytest

from tests.scenarios.company import DID, LINE, Company, connect, hear_each_other
from tests.support.deadlines import eventually
from tests.support.panel import Panel, Row
from tests.support.phone import FakePhone
from tests.support.server import Server

OUTSIDE = "+38050222{:04d}"


@pytest.mark.req("R-CALL-05", "R-CALL-19")
async def test_the_agent_answers(company: Company) -> None:
    caller, agent = await company.phone("1001"), await company.phone("1003")
    talk = await connect(caller, agent, LINE)
    await hear_each_other(talk.caller, talk.callee)
    await talk.callee.hang_up()
    await talk.caller.ended()


async def test_the_caller_may_give_up_waiting(company: Company) -> None:
    caller, agent = await company.phone("1001"), await company.phone("1003")
    call = await caller.dial(LINE)
    incoming = await agent.rings()
    incoming.ring()
    await call.ringing()
    await call.cancel()
    await incoming.cancelled()


async def test_a_rejected_call_is_offered_again(company: Company) -> None:
    caller, agent = await company.phone("1001"), await company.phone("1003")
    call = await caller.dial(LINE)
    await (await agent.rings()).refuse(486)
    again = await agent.rings(30)
    assert again.sip_call_id != agent.calls[0].sip_call_id
    await again.answer()
    await call.answered()
    await hear_each_other(call, again)
    await call.hang_up()
    await again.ended()


async def test_the_next_caller_waits_until_the_agent_is_free(company: Company) -> None:
    first, second = await company.phone("1001"), await company.phone("1002")
    agent = await company.phone("1003")
    talk = await connect(first, agent, LINE)
    waiting = await second.dial(LINE)
    await waiting.ringing()
    assert agent.log.times_rung == 1
    await talk.caller.hang_up()
    await talk.callee.ended()
    incoming = await agent.rings()
    assert incoming.caller == "1002"
    await incoming.answer()
    await waiting.answered()
    await hear_each_other(waiting, incoming)
    await waiting.hang_up()
    await incoming.ended()


async def test_a_caller_waits_for_an_agent_who_is_not_there_yet(company: Company) -> None:
    caller = await company.phone("1001")
    call = await caller.dial(LINE)
    await call.ringing()
    agent = await company.phone("1003")
    incoming = await agent.rings()
    await incoming.answer()
    await call.answered()
    await call.hang_up()
    await incoming.ended()


@pytest.mark.req("R-CALL-04", "R-CALL-05", "R-CALL-15", "R-CALL-18", "R-PHONE-08")
async def test_a_customer_reaches_the_line_by_its_did(company: Company, server: Server) -> None:
    provider, agent = await company.provider(), await company.phone("1003")
    number = OUTSIDE.format(1)
    async with server.sign_in("admin") as panel:
        talk = await connect(provider, agent, DID, shown=number, name="Оксана Гриценко")
        assert talk.callee.caller == number
        assert talk.callee.caller_name == "Оксана Гриценко"
        await hear_each_other(talk.caller, talk.callee)
        await talk.caller.hang_up()
        await talk.callee.ended()
        event = await panel.event(lambda row: row["phone"] == number and row["recording_id"])
    assert (event["type"], event["e164"], event["internal"]) == ("incoming_call", number, False)
    assert (event["owner_name"], event["client_id"]) == ("Ганна Їжакевич", None)


async def test_a_customer_is_refused_what_is_no_did(company: Company) -> None:
    """The provider reaches DIDs and nothing else: no extension, no menu, no other trunk."""
    provider = await company.provider()
    for number in ("1001", "8000", "uas", "+380449999999", "0037122334455"):
        assert await (await provider.dial(number, caller=OUTSIDE.format(2))).refused() in (403, 404)


@pytest.mark.req("R-PHONE-53")
async def test_toll_fraud_is_refused(company: Company, server: Server) -> None:
    """No credentials, an international number: never more than a challenge."""
    async with FakePhone("stranger", server=server.sip) as stranger:
        for number in ("0037122334455", "+37122334455", "1001"):
            assert await (await stranger.dial(number)).refused() in (401, 403, 407)


async def test_an_extension_cannot_call_abroad(company: Company) -> None:
    anna = await company.phone("1001")
    assert await (await anna.dial("0037122334455")).refused() in (403, 404)


async def test_nobody_calls_under_another_ones_name(company: Company) -> None:
    anna = await company.phone("1001")
    assert await (await anna.dial("1002", caller="1003")).refused() == 403


@pytest.mark.req("R-CALL-07", "R-CALL-18", "R-CALL-41", "R-CALL-42", "R-CALL-44")
async def test_twenty_missed_calls_of_ten_customers_are_ten_follow_ups(company: Company, server: Server) -> None:
    """Each with one owner; a later answered call closes its own and no other."""
    provider, agent = await company.provider(), await company.phone("1003")
    numbers = [OUTSIDE.format(100 + n) for n in range(10)]
    async with server.sign_in("supervisor") as panel:
        for number in numbers * 2:
            await miss(provider, agent, number)
        rows = await eventually("ten follow-ups", lambda: of(panel, numbers), lambda rows: sum(map(missed, rows)) == 20)
        assert len(rows) == 10
        assert {row["missed_count"] for row in rows} == {2}
        assert all(row["owner_id"] for row in rows), "a missed call without an owner"
        talk = await connect(provider, agent, DID, shown=numbers[3])
        await talk.caller.hang_up()
        await talk.callee.ended()
        left = await eventually("one was closed", lambda: of(panel, numbers), lambda rows: len(rows) == 9)
        assert numbers[3] not in {row["phone"] for row in left}
        missed_events = [row for row in await panel.events() if row["phone"] in numbers]
        assert sum(row["type"] == "missed_incoming_call" for row in missed_events) == 20
        assert sum(row["type"] == "incoming_call" for row in missed_events) == 1


async def miss(provider: FakePhone, agent: FakePhone, number: str) -> None:
    """A customer gives up while the phone rings."""
    call = await provider.dial(DID, caller=number)
    incoming = await agent.rings()
    incoming.ring()
    await call.ringing()
    await call.cancel()
    await incoming.cancelled()


async def of(panel: Panel, numbers: list[str]) -> list[Row]:
    return [row for row in await panel.follow_ups() if row["phone"] in numbers]


def missed(row: Row) -> int:
    return int(str(row["missed_count"]))


@pytest.mark.req("R-CALL-06")
async def test_a_call_goes_out_by_a_trunk(company: Company, server: Server) -> None:
    """`rec` leads to the trunk at 5070 and is recorded."""
    anna, outside = await company.phone("1001"), await company.trunk(5070, "outside")
    async with server.sign_in("admin") as panel:
        known = {row["id"] for row in await panel.events()}
        talk = await connect(anna, outside, "rec")
        await hear_each_other(talk.caller, talk.callee)
        await talk.caller.hang_up()
        await talk.callee.ended()
        event = await panel.event(lambda row: row["id"] not in known and row["type"] == "outgoing_call")
    assert event["owner_name"] == "Олена Коваль"


@pytest.mark.req("R-CALL-08")
async def test_a_call_that_the_outside_does_not_take_is_a_missed_outgoing_call(
    company: Company, server: Server
) -> None:
    anna, outside = await company.phone("1001"), await company.trunk(5070, "outside")
    async with server.sign_in("admin") as panel:
        known = {row["id"] for row in await panel.events()}
        call = await anna.dial("uas")
        await (await outside.rings()).refuse(486)
        assert await call.refused() == 486
        await panel.event(lambda row: row["id"] not in known and row["type"] == "missed_outgoing_call")


async def test_the_load_generators_are_not_challenged(company: Company, server: Server) -> None:
    """From 5080 to `uas`, with any text for a caller; anything else from there is challenged."""
    generator, outside = await company.trunk(5080, "generator"), await company.trunk(5070, "outside")
    talk = await connect(generator, outside, "uas", shown="sipp")
    await asyncio.gather(talk.caller.audio.listen(0.3), talk.callee.audio.listen(0.3))
    await talk.caller.hang_up()
    await talk.callee.ended()
    assert await (await generator.dial("1001", caller="1002")).refused() == 401
