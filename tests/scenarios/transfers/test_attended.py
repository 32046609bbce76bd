"""Attended transfer by a phone: it holds the customer, calls the target itself, joins the two (REFER with Replaces).

And an INVITE with Replaces of a phone's own (RFC 3891).
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.scenarios.company import DID, LINE, UNHEARD, Company, Talk, hear_each_other, heard
from tests.scenarios.transfers.people import Trio, a_trio, end, last_call, segments, take, talking, transfer_facts
from tests.support import tones
from tests.support.deadlines import until
from tests.support.phone import FakePhone
from tests.support.phone_call import Call
from tests.support.phone_transfer import refer, replaces_of
from tests.support.server import Server

CUSTOMER = "+380503338803"


@dataclass(frozen=True, slots=True)
class Consulting:
    """Boris holds Anna (`talk`) and speaks with Carol (`inquiry`)."""

    trio: Trio
    talk: Talk
    inquiry: Talk


async def consulting(company: Company) -> Consulting:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    await talk.callee.hold()
    inquiry = await talking(trio.boris, trio.carol, "1003")
    return Consulting(trio, talk, inquiry)


async def joined(it: Consulting) -> None:
    """Anna and Carol hear each other and nobody else, and Boris has been let go."""
    await it.talk.callee.ended()
    await it.inquiry.caller.ended()
    await hear_each_other(it.talk.caller, it.inquiry.callee, (500, 1300))


@pytest.mark.parametrize("swapped", [False, True], ids=["tags as RFC 3891 says", "tags the other way round"])
@pytest.mark.parametrize("by", ["the held call", "the inquiry"])
@pytest.mark.req("R-PHONE-38", "R-PHONE-04")
async def test_a_customer_is_joined_with_who_was_spoken_to(
    company: Company, server: Server, by: str, swapped: bool
) -> None:
    """Phones differ: some refer the customer to the target, some the target to the customer."""
    it = await consulting(company)
    told, replaced = (it.talk.callee, it.inquiry.caller)
    if by == "the inquiry":
        told, replaced = replaced, told
    reference = await refer(told, "1003", replaces=replaces_of(replaced, swapped=swapped))
    assert reference.status == 202
    assert await reference.ended() == 200
    assert reference.told == [100, 200]
    await joined(it)
    assert it.trio.carol.log.times_rung == 1
    await end(it.talk.caller, it.inquiry.callee)


async def test_two_calls_become_one_visit(company: Company, server: Server) -> None:
    """The customer's call goes on: segments of both agents, one transfer; the inquiry ends as an answered call."""
    carol, boris, provider = await company.phone("1003"), await company.phone("1002"), await company.provider()
    async with server.sign_in("admin") as panel:
        talk = await talking(provider, carol, DID, shown=CUSTOMER)
        await talk.callee.hold()
        inquiry = await talking(carol, boris, "1002")
        # On the inquiry, so that the call that the REFER is about is not the one that remains.
        reference = await refer(inquiry.caller, CUSTOMER, replaces=replaces_of(talk.callee))
        assert await reference.ended() == 200
        await talk.callee.ended()
        await hear_each_other(talk.caller, inquiry.callee, (500, 1300))
        await end(talk.caller, inquiry.callee)
        event = await panel.event(
            lambda row: row["phone"] == CUSTOMER and row["type"] == "incoming_call" and row["ended_at"]
        )
        assert (event["type"], event["owner_name"]) == ("incoming_call", "Ганна Їжакевич")
        assert [row for row in await panel.follow_ups() if row["phone"] == CUSTOMER] == []
    call, consultation = await last_call(server, CUSTOMER), await last_call(server, "1003")
    assert await segments(server, call["id"]) == ["1003", "1002"]
    assert await transfer_facts(server, call["id"]) == ["attended 1003 1002", "completed"]
    assert (call["outcome"], call["missed"]) == ("answered", False)
    assert (consultation["outcome"], consultation["missed"]) == ("answered", False)
    assert await segments(server, consultation["id"]) == ["1002"]
    assert consultation["ended_at"] < call["ended_at"]


async def test_an_outside_target_is_joined_with_a_customer(company: Company, server: Server) -> None:
    """Both come through the provider; the customer's visit remains."""
    carol, provider = await company.phone("1003"), await company.provider()
    talk = await talking(provider, carol, DID, shown=CUSTOMER)
    await talk.callee.hold()
    inquiry = await talking(carol, provider, "+380441112234")
    reference = await refer(talk.callee, "+380441112234", replaces=replaces_of(inquiry.caller))
    assert await reference.ended() == 200
    await hear_each_other(talk.caller, inquiry.callee, (500, 1300))
    await end(talk.caller, inquiry.callee)
    call = await last_call(server, CUSTOMER)
    assert await segments(server, call["id"]) == ["1003", ""]
    assert await transfer_facts(server, call["id"]) == ["attended 1003 outside", "completed"]


async def test_while_the_target_still_rings_it_is_rung_for_the_customer(company: Company, server: Server) -> None:
    """RFC 5589 §7.4 and what phones make of it: the transferor does not wait for the answer."""
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    await talk.callee.hold()
    inquiry = await trio.boris.dial("1003")
    first = await trio.carol.rings()
    first.ring()
    await inquiry.ringing()
    reference = await refer(talk.callee, "1003", replaces=replaces_of_early(inquiry))
    assert reference.status == 202
    await first.cancelled()
    incoming = await take(trio.carol)
    assert incoming.caller == "1001"
    assert await reference.ended() == 200
    await hear_each_other(talk.caller, incoming, (500, 1300))
    await end(talk.caller, incoming)
    call = await last_call(server, "1001")
    assert await transfer_facts(server, call["id"]) == ["attended 1002 1003", "completed"]


def replaces_of_early(call: Call) -> str:
    """Of a call that rings: the other side's tag is that of its 180."""
    early = [response.to.tag for response in call.responses if 180 <= response.status < 200]
    return f"{call.sip_call_id};to-tag={early[-1]};from-tag={call.local_tag}"


async def test_a_transferor_may_hang_up_both_at_once(company: Company) -> None:
    """REFER, BYE, BYE without waiting for anything in between."""
    it = await consulting(company)
    boris, replaces = it.trio.boris, replaces_of(it.inquiry.caller)
    question = replaces.replace(";", "%3B").replace("=", "%3D")
    boris.send(it.talk.callee.in_dialog("REFER", headers=[("Refer-To", f"<sip:1003@dzvin?Replaces={question}>")]))
    boris.send(it.talk.callee.in_dialog("BYE"))
    boris.send(it.inquiry.caller.in_dialog("BYE"))
    await hear_each_other(it.talk.caller, it.inquiry.callee, (500, 1300))
    await end(it.talk.caller, it.inquiry.callee)
    it.talk.callee._finish("hung up")
    it.inquiry.caller._finish("hung up")


async def test_an_inquiry_that_is_over_brings_the_customer_back(company: Company) -> None:
    it = await consulting(company)
    replaces = replaces_of(it.inquiry.caller)
    await it.inquiry.callee.hang_up()
    await it.inquiry.caller.ended()
    reference = await refer(it.talk.callee, "1003", replaces=replaces)
    if reference.status == 202:
        assert await reference.ended() >= 400
    assert it.talk.callee.is_up
    await it.talk.callee.resume()
    await hear_each_other(it.talk.caller, it.talk.callee, (600, 1400))
    await end(it.talk.caller, it.talk.callee)


async def test_a_colleagues_call_cannot_be_taken_by_a_refer(company: Company) -> None:
    """Dmytro knows the names of Carol's dialog, and would join his own partner with hers."""
    it = await consulting(company)
    dmytro, egor = await company.phone("u00060"), await company.phone("u00061")
    own = await talking(dmytro, egor, "u00061")
    reference = await refer(own.caller, "1003", replaces=replaces_of(it.inquiry.caller))
    assert reference.status == 403
    await hear_each_other(own.caller, own.callee, (600, 1400))
    await hear_each_other(it.inquiry.caller, it.inquiry.callee, (700, 1500))
    await end(own.caller, own.callee)
    await end(it.inquiry.caller, it.inquiry.callee)
    await end(it.talk.caller, it.talk.callee)


async def test_a_customer_who_goes_during_the_inquiry_leaves_the_colleagues_talking(company: Company) -> None:
    it = await consulting(company)
    await it.talk.caller.hang_up()
    await it.talk.callee.ended()
    await hear_each_other(it.inquiry.caller, it.inquiry.callee, (600, 1400))
    await end(it.inquiry.caller, it.inquiry.callee)


async def test_a_transferor_who_only_hangs_up_ends_both_calls(company: Company) -> None:
    """Two calls of a phone are two calls: without a REFER nobody is joined."""
    it = await consulting(company)
    await it.inquiry.caller.hang_up()
    await it.inquiry.callee.ended()
    await it.talk.callee.hang_up()
    await it.talk.caller.ended()


# ---- INVITE with Replaces --------------------------------------------------------------------------------------------


async def replacing(phone: FakePhone, replaces: str, number: str = "1002") -> Call:
    return await phone.dial(number, headers=[("Replaces", replaces), ("Require", "replaces")])


@pytest.mark.parametrize("swapped", [False, True], ids=["tags as RFC 3891 says", "tags the other way round"])
@pytest.mark.parametrize("who", ["the called", "the caller"])
async def test_a_talk_moves_to_another_phone_of_the_same_person(
    company: Company, server: Server, who: str, swapped: bool
) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    talk = await talking(anna, boris, "1002")
    old, partner, user = talk.callee, talk.caller, "1002"
    if who == "the caller":
        old, partner, user = partner, old, "1001"
    async with FakePhone(user, server=server.sip, password=f"pw{user[-1]}") as mobile:
        call = await replacing(mobile, replaces_of(old, swapped=swapped))
        await call.answered()
        await old.ended()
        await hear_each_other(partner, call, (500, 1300))
        await end(call, partner)
    row = await last_call(server, "1001")
    assert await segments(server, row["id"]) == ["1002"], "it is the same talk"
    assert await transfer_facts(server, row["id"]) == []


async def test_nobody_takes_the_place_of_another_one(company: Company) -> None:
    """RFC 3891 §3: "the UA MUST verify that the initiator of the new INVITE is authorized"."""
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    thief = await replacing(trio.carol, replaces_of(talk.callee))
    assert await thief.refused() == 403
    await hear_each_other(talk.caller, talk.callee, (600, 1400))
    await end(talk.caller, talk.callee)


async def test_nobody_takes_the_place_of_who_waits(company: Company) -> None:
    """The transferee waits, answered, for Carol; a fourth one names its dialog."""
    trio = await a_trio(company)
    thief = await company.phone("u00062")
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    incoming = await trio.carol.rings()
    incoming.ring()
    await reference.ringing()
    assert await (await replacing(thief, replaces_of(talk.caller))).refused() == 403
    await incoming.answer()
    assert await reference.ended() == 200
    await hear_each_other(talk.caller, incoming, (500, 1300))
    await end(talk.caller, incoming)


async def test_who_waits_may_move_to_another_phone(company: Company, server: Server) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    incoming = await trio.carol.rings()
    incoming.ring()
    await reference.ringing()
    async with FakePhone("1001", server=server.sip, password="pw1") as mobile:
        call = await replacing(mobile, replaces_of(talk.caller))
        await call.answered()
        await talk.caller.ended()
        assert tones.loudness(await heard(call)) > 100, "who waits hears that it rings"
        await incoming.answer()
        assert await reference.ended() == 200
        await hear_each_other(call, incoming, (500, 1300))
        await end(call, incoming)


async def test_an_answered_call_is_not_replaced_early_only(company: Company, server: Server) -> None:
    """RFC 3891 §3: 486."""
    anna, boris = await company.phone("1001"), await company.phone("1002")
    talk = await talking(anna, boris, "1002")
    async with FakePhone("1002", server=server.sip, password="pw2") as mobile:
        call = await replacing(mobile, replaces_of(talk.callee, early_only=True))
        assert await call.refused() == 486
    await hear_each_other(talk.caller, talk.callee, (600, 1400))
    await end(talk.caller, talk.callee)


async def test_a_dialog_that_is_not_there_cannot_be_replaced(company: Company) -> None:
    anna = await company.phone("1001")
    assert await (await replacing(anna, "nothing;to-tag=a;from-tag=b")).refused() == 481
    assert await (await replacing(anna, "nothing;to-tag=a")).refused() == 400


async def test_a_customer_of_a_line_hears_nobody_but_the_agent_after_a_move(company: Company, server: Server) -> None:
    """The phone that was left is not heard any more, though it goes on sending until it is hung up."""
    anna, carol = await company.phone("1001"), await company.phone("1003")
    talk = await talking(anna, carol, LINE)
    async with FakePhone("1003", server=server.sip, password="pw3") as mobile:
        call = await replacing(mobile, replaces_of(talk.callee), "1003")
        await call.answered()
        call.audio.play(1700)
        pcm = await heard(talk.caller)
        assert tones.level(pcm, 1000) < UNHEARD
        await until("the old phone is hung up", lambda: talk.callee.is_over)
        await end(call, talk.caller)
