"""Transfers by the panel's buttons, for phones that know none: unannounced, or after speaking with the target."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.scenarios.call_control.people import Desk, desk, hears_music
from tests.scenarios.company import DID, UNHEARD, Company, Talk, hear_each_other, heard, hush
from tests.scenarios.transfers.people import (
    Trio,
    a_trio,
    end,
    last_call,
    recordings,
    segments,
    take,
    talking,
    transfer_facts,
)
from tests.support import tones
from tests.support.phone_call import Call
from tests.support.server import Server

CUSTOMER = "+380503338804"
PART = -12.0  # dB: one tone of several in a sound


@dataclass(frozen=True, slots=True)
class Case:
    """Anna called Boris; `his` is his desk."""

    trio: Trio
    talk: Talk
    his: Desk
    call_id: str

    @property
    def customer(self) -> Call:
        return self.talk.caller

    @property
    def agent(self) -> Call:
        return self.talk.callee

    async def consult(self) -> Call:
        """Boris speaks with Carol; her end of it."""
        await self.his.tell(self.call_id, "consult", {"number": "1003"})
        target = await take(self.trio.carol)
        await hear_each_other(self.agent, target, (700, 1500))
        return target


@asynccontextmanager
async def a_case(company: Company, server: Server) -> AsyncIterator[Case]:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    async with desk(server, "1002") as his:
        yield Case(trio, talk, his, await his.my_call())


# ---- unannounced -----------------------------------------------------------------------------------------------------


@pytest.mark.req("R-PHONE-37", "R-PHONE-38")
async def test_unannounced_the_transferor_is_free_at_once(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        await case.his.tell(case.call_id, "transfer", {"number": "1003"})
        await case.agent.ended()
        target = await take(case.trio.carol)
        assert target.caller == "1001"
        await hear_each_other(case.customer, target, (500, 1300))
        await end(case.customer, target)
    call = await last_call(server, "1001")
    assert await segments(server, call["id"]) == ["1002", "1003"]
    assert await transfer_facts(server, call["id"]) == ["blind 1002 1003", "completed"]


@pytest.mark.parametrize("why", ["busy", "silent", "without a phone"])
async def test_whom_nobody_takes_comes_back(company: Company, server: Server, why: str) -> None:
    async with a_case(company, server) as case:
        if why == "without a phone":
            await case.trio.carol.unregister()
        await case.his.tell(case.call_id, "transfer", {"number": "1003"})
        await case.agent.ended()
        if why == "busy":
            await (await case.trio.carol.rings()).refuse(486)
        again = await take(case.trio.boris)
        assert again.caller == "1001"
        await hear_each_other(case.customer, again, (600, 1400))
        await end(case.customer, again)


async def test_a_transfer_is_taken_back_while_it_rings(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        await case.his.tell(case.call_id, "transfer", {"number": "1003"})
        rung = await case.trio.carol.rings()
        rung.ring()
        await case.his.tell(case.call_id, "take-back")
        await rung.cancelled()
        again = await take(case.trio.boris)
        await hear_each_other(case.customer, again, (600, 1400))
        await end(case.customer, again)
    call = await last_call(server, "1001")
    assert await transfer_facts(server, call["id"]) == ["blind 1002 1003", "cancelled"]


@pytest.mark.parametrize("command", ["transfer", "consult"])
async def test_what_cannot_be_is_refused_and_the_talk_goes_on(company: Company, server: Server, command: str) -> None:
    refusals = {
        "1002": (409, "same_number"),
        "1001": (409, "same_number"),
        "5559999": (409, "no_route"),
        "+18005551234": (403, "forbidden"),
    }
    async with a_case(company, server) as case:
        path = f"/api/calls/{case.call_id}/{command}"
        for number, (status, error) in refusals.items():
            answer = await case.his.panel.ask("POST", path, {"number": number}, status=status)
            assert answer.json()["error"] == error
        await hear_each_other(case.customer, case.agent, (600, 1400))
        await end(case.customer, case.agent)


# ---- after speaking with the target ----------------------------------------------------------------------------------


@pytest.mark.req("R-PHONE-38")
async def test_the_two_are_joined_when_the_agent_says_so(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        target = await case.consult()
        assert target.caller == "1002", "the agent calls, not the customer"
        await hears_music(case.customer)
        await case.his.tell(case.call_id, "complete")
        await case.agent.ended()
        await hear_each_other(case.customer, target, (500, 1300))
        await end(case.customer, target)
    call = await last_call(server, "1001")
    assert await segments(server, call["id"]) == ["1002", "1003"]
    assert await transfer_facts(server, call["id"]) == ["attended 1002 1003", "consulting", "completed"]


async def test_what_the_colleagues_say_is_not_recorded(company: Company, server: Server) -> None:
    """Both talks with the customer in one recording, and none of the one between."""
    async with a_case(company, server) as case:
        target = await case.consult()
        await hush(case.agent, target)
        await case.his.tell(case.call_id, "complete")
        await hear_each_other(case.customer, target, (500, 1300))
        await end(case.customer, target)
    (recording,) = await recordings(server, case.call_id)
    async with server.sign_in("admin") as panel:
        customer, agent = await panel.recording(recording)
        for side, tone in ((customer, 440), (customer, 500), (agent, 1300)):
            assert tones.level(side, tone) > PART
        assert max(tones.level(side, tone) for side in (customer, agent) for tone in (700, 1500)) < UNHEARD


async def test_the_agent_goes_to_and_fro(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        target = await case.consult()
        await case.his.tell(case.call_id, "swap")
        await hear_each_other(case.customer, case.agent, (600, 1400))
        await hears_music(target)
        await case.his.tell(case.call_id, "swap")
        await hear_each_other(case.agent, target, (700, 1500))
        await hears_music(case.customer)
        await case.his.tell(case.call_id, "take-back")
        await target.ended()
        await hear_each_other(case.customer, case.agent, (600, 1400))
        await end(case.customer, case.agent)
    call = await last_call(server, "1001")
    assert await segments(server, call["id"]) == ["1002"], "one segment all the while"
    assert await transfer_facts(server, call["id"]) == ["attended 1002 1003", "consulting", "cancelled"]


async def test_completed_while_swapped(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        target = await case.consult()
        await case.his.tell(case.call_id, "swap")
        await hear_each_other(case.customer, case.agent, (600, 1400))
        await case.his.tell(case.call_id, "complete")
        await case.agent.ended()
        await hear_each_other(case.customer, target, (500, 1300))
        await end(target, case.customer)


@pytest.mark.parametrize("status", [486, 603, 0], ids=["busy", "declined", "silent"])
async def test_a_target_that_does_not_answer_brings_the_customer_back(
    company: Company, server: Server, status: int
) -> None:
    async with a_case(company, server) as case:
        await case.his.tell(case.call_id, "consult", {"number": "1003"})
        rung = await case.trio.carol.rings()
        rung.ring()
        await hears_music(case.customer)
        if status:
            await rung.refuse(status)
        else:
            await rung.cancelled()
        await hear_each_other(case.customer, case.agent, (600, 1400))
        await end(case.customer, case.agent)


async def test_a_target_that_leaves_brings_the_customer_back(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        target = await case.consult()
        await target.hang_up()
        await hear_each_other(case.customer, case.agent, (600, 1400))
        await end(case.customer, case.agent)
    call = await last_call(server, "1001")
    assert await transfer_facts(server, call["id"]) == ["attended 1002 1003", "consulting", "rejected"]


async def test_an_agent_who_hangs_up_with_the_target_is_rung_again(company: Company, server: Server) -> None:
    """The target declines, and the agent hangs up without a look at the customer on hold."""
    async with a_case(company, server) as case:
        await case.his.tell(case.call_id, "consult", {"number": "1003"})
        await (await case.trio.carol.rings()).refuse(603)
        await case.agent.hang_up()
        again = await take(case.trio.boris)
        await hear_each_other(case.customer, again, (600, 1400))
        await end(case.customer, again)


async def test_an_agent_who_hangs_up_joins_the_two(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        target = await case.consult()
        await case.agent.hang_up()
        await hear_each_other(case.customer, target, (500, 1300))
        await end(case.customer, target)
    call = await last_call(server, "1001")
    assert await segments(server, call["id"]) == ["1002", "1003"]
    assert await transfer_facts(server, call["id"]) == ["attended 1002 1003", "consulting", "completed"]


@pytest.mark.parametrize("how", ["by the button", "by hanging up"])
async def test_an_agent_may_leave_while_the_target_rings(company: Company, server: Server, how: str) -> None:
    """The phone goes on ringing, for the customer now."""
    async with a_case(company, server) as case:
        await case.his.tell(case.call_id, "consult", {"number": "1003"})
        rung = await case.trio.carol.rings()
        rung.ring()
        if how == "by the button":
            await case.his.tell(case.call_id, "complete")
            await case.agent.ended()
        else:
            await case.agent.hang_up()
        await rung.answer()
        assert case.trio.carol.log.times_rung == 1
        await hear_each_other(case.customer, rung, (500, 1300))
        await end(case.customer, rung)


async def test_an_agent_who_left_too_early_is_rung_again(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        await case.his.tell(case.call_id, "consult", {"number": "1003"})
        rung = await case.trio.carol.rings()
        rung.ring()
        await case.agent.hang_up()
        await hears_music(case.customer)
        await rung.refuse(486)
        again = await take(case.trio.boris)
        await hear_each_other(case.customer, again, (600, 1400))
        await end(case.customer, again)


async def test_a_customer_who_leaves_lets_the_colleagues_finish(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        target = await case.consult()
        await case.customer.hang_up()
        await hear_each_other(case.agent, target, (700, 1500))
        await end(case.agent, target)
    call = await last_call(server, "1001")
    assert await segments(server, call["id"]) == ["1002", "1003"]
    assert await transfer_facts(server, call["id"]) == ["attended 1002 1003", "consulting", "gone"]


async def test_a_customer_who_leaves_while_the_target_rings_ends_it(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        await case.his.tell(case.call_id, "consult", {"number": "1003"})
        rung = await case.trio.carol.rings()
        rung.ring()
        await case.customer.hang_up()
        await rung.cancelled()
        await case.agent.ended()


async def test_without_a_consultation_there_is_nothing_to_decide(company: Company, server: Server) -> None:
    async with a_case(company, server) as case:
        for command in ("complete", "take-back", "swap"):
            answer = await case.his.panel.ask("POST", f"/api/calls/{case.call_id}/{command}", status=409)
            assert answer.json()["error"] == "not_now"
        await hear_each_other(case.customer, case.agent, (600, 1400))
        await end(case.customer, case.agent)


@pytest.mark.req("R-PHONE-37", "R-PHONE-38")
async def test_a_customer_from_outside_is_handed_on_after_a_word(company: Company, server: Server) -> None:
    """Nothing is missed and nobody is owed a call; the target of a consultation may be outside, too."""
    carol, provider = await company.phone("1003"), await company.provider()
    talk = await talking(provider, carol, DID, shown=CUSTOMER)
    async with desk(server, "1003") as hers, server.sign_in("admin") as panel:
        call_id = await hers.my_call()
        await hers.tell(call_id, "consult", {"number": "+380441112235"})
        target = await take(provider)
        await hear_each_other(talk.callee, target, (700, 1500))
        assert tones.level(await heard(talk.caller), 700) < UNHEARD
        await hers.tell(call_id, "complete")
        await talk.callee.ended()
        await hear_each_other(talk.caller, target, (500, 1300))
        await end(talk.caller, target)
        event = await panel.event(
            lambda row: row["phone"] == CUSTOMER and row["type"] == "incoming_call" and row["ended_at"]
        )
        assert (event["type"], event["owner_name"]) == ("incoming_call", "Ганна Їжакевич")
        assert [row for row in await panel.follow_ups() if row["phone"] == CUSTOMER] == []
    assert await transfer_facts(server, call_id) == ["attended 1003 outside", "consulting", "completed"]
