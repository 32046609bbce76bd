"""Blind transfer: a phone hands the other side on by REFER and hears how it goes (RFC 3515)."""

from __future__ import annotations

import pytest

from tests.scenarios.company import DID, LINE, UNHEARD, Company, hear_each_other, heard
from tests.scenarios.transfers.people import a_trio, end, last_call, segments, take, talking, transfer_facts
from tests.support import tones
from tests.support.phone_transfer import refer
from tests.support.server import Server

CUSTOMER = "+380503338801"


@pytest.mark.req("R-PHONE-04", "R-PHONE-37", "R-PHONE-38")
async def test_the_called_hands_the_caller_on(company: Company, server: Server) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    assert reference.status == 202
    incoming = await trio.carol.rings()
    assert incoming.caller == "1001", "the target sees who is transferred, not who transfers"
    incoming.ring()
    await reference.ringing()
    waits = await heard(talk.caller)
    assert tones.loudness(waits) > 100, "who waits hears that it rings"
    assert tones.level(waits, 1000) < UNHEARD, "the transferor is still heard"
    await incoming.answer()
    assert await reference.ended() == 200
    assert reference.told == [100, 180, 200]
    await talk.callee.ended()
    await hear_each_other(talk.caller, incoming, (500, 1300))
    assert talk.caller.is_up
    await end(talk.caller, incoming)
    call = await last_call(server, "1001")
    assert (call["outcome"], call["missed"], call["taken_by"]) == ("answered", False, "1002")
    assert await segments(server, call["id"]) == ["1002", "1003"]
    assert await transfer_facts(server, call["id"]) == ["blind 1002 1003", "completed"]


async def test_the_caller_hands_the_called_on(company: Company, server: Server) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.boris, trio.anna, "1001")
    reference = await refer(talk.caller, "1003")
    incoming = await take(trio.carol)
    assert await reference.ended() == 200
    await talk.caller.ended()
    await hear_each_other(talk.callee, incoming, (500, 1300))
    await end(incoming, talk.callee)
    call = await last_call(server, "1002")
    assert await segments(server, call["id"]) == ["1001", "1003"]


async def test_a_transferor_may_hang_up_as_soon_as_the_transfer_is_taken_on(company: Company) -> None:
    """RFC 5589 §6.1: many phones send BYE on the 202; what comes of it is told to them all the same."""
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    await talk.callee.hang_up()
    incoming = await take(trio.carol)
    assert await reference.ended() == 200
    await hear_each_other(talk.caller, incoming, (500, 1300))
    await end(talk.caller, incoming)


async def test_a_bye_on_the_heels_of_the_refer_does_not_overtake_it(company: Company) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    trio.boris.send(talk.callee.in_dialog("REFER", headers=[("Refer-To", "<sip:1003@dzvin>")]))
    await talk.callee.hang_up()
    incoming = await take(trio.carol)
    await hear_each_other(talk.caller, incoming, (500, 1300))
    await end(talk.caller, incoming)


async def test_a_phone_that_wants_to_hear_nothing_is_told_nothing(company: Company) -> None:
    """RFC 4488: Refer-Sub: false."""
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003", headers=[("Refer-Sub", "false"), ("Supported", "norefersub")])
    assert reference.status == 202
    accepted = trio.boris.log.received("202 REFER")[-1].message
    assert accepted.headers.get("Refer-Sub") == "false"
    incoming = await take(trio.carol)
    await talk.callee.ended()
    await hear_each_other(talk.caller, incoming, (500, 1300))
    await end(talk.caller, incoming)
    assert reference.notifies == []


@pytest.mark.req("R-PHONE-37", "R-CALL-11", "R-CALL-14", "R-CALL-19")
async def test_a_customer_of_a_line_is_handed_on(company: Company, server: Server) -> None:
    """One call and one Event from the first ring to the last word; its owner is who took it first."""
    carol, boris, provider = await company.phone("1003"), await company.phone("1002"), await company.provider()
    async with server.sign_in("admin") as panel:
        talk = await talking(provider, carol, DID, shown=CUSTOMER)
        reference = await refer(talk.callee, "1002")
        incoming = await boris.rings()
        assert incoming.caller == CUSTOMER
        await incoming.answer()
        assert await reference.ended() == 200
        await hear_each_other(talk.caller, incoming, (500, 1300))
        await end(incoming, talk.caller)
        event = await panel.event(
            lambda row: row["phone"] == CUSTOMER and row["type"] == "incoming_call" and row["ended_at"]
        )
        assert (event["type"], event["owner_name"]) == ("incoming_call", "Ганна Їжакевич")
        handed_on = await panel.event(lambda row: row["phone"] == CUSTOMER and row["type"] == "call_forwarding")
        assert (handed_on["forwarded_from"], handed_on["forwarded_to"]) == ("1003", "1002")
    call = await last_call(server, CUSTOMER)
    assert await segments(server, call["id"]) == ["1003", "1002"]
    assert call["talk_seconds"] == pytest.approx(float(str(event["talk_seconds"])))


async def test_an_outside_number_is_handed_on_among_colleagues(company: Company) -> None:
    """The transferor has placed the call."""
    boris, carol, provider = await company.phone("1002"), await company.phone("1003"), await company.provider()
    talk = await talking(boris, provider, CUSTOMER)
    reference = await refer(talk.caller, "1003")
    incoming = await take(carol)
    assert incoming.caller == CUSTOMER
    assert await reference.ended() == 200
    await hear_each_other(talk.callee, incoming, (500, 1300))
    await end(talk.callee, incoming)


async def test_a_customer_is_handed_on_to_an_outside_number(company: Company, server: Server) -> None:
    """Back out through the provider, on the transferor's account."""
    carol, provider = await company.phone("1003"), await company.provider()
    talk = await talking(provider, carol, DID, shown=CUSTOMER)
    reference = await refer(talk.callee, "+380441112233")
    outgoing = await take(provider)
    assert outgoing.invite
    assert outgoing.invite.request_uri.user == "+380441112233"
    assert await reference.ended() == 200
    await hear_each_other(talk.caller, outgoing, (500, 1300))
    await end(talk.caller, outgoing)
    call = await last_call(server, CUSTOMER)
    assert await segments(server, call["id"]) == ["1003", ""]
    assert await transfer_facts(server, call["id"]) == ["blind 1003 outside", "completed"]


async def test_a_transfer_into_a_line_is_done_when_the_line_has_the_caller(company: Company) -> None:
    """How long somebody waits in it is not the transferor's business."""
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, LINE)
    assert await reference.ended() == 200
    await talk.callee.ended()
    incoming = await take(trio.carol)
    await hear_each_other(talk.caller, incoming, (500, 1300))
    await end(talk.caller, incoming)


async def test_a_transfer_may_go_to_a_tel_uri(company: Company) -> None:
    carol, provider = await company.phone("1003"), await company.provider()
    talk = await talking(provider, carol, DID, shown=CUSTOMER)
    reference = await refer(talk.callee, "", refer_to="<tel:+380441112233>")
    outgoing = await take(provider)
    assert await reference.ended() == 200
    await end(talk.caller, outgoing)


async def test_three_transfers_in_a_row_stay_one_call(company: Company, server: Server) -> None:
    """Boris hands Anna to Carol, she to Dmytro, he back to Boris: everybody else has gone when the next one begins."""
    trio = await a_trio(company)
    dmytro = await company.phone("u00040")
    talk = await talking(trio.anna, trio.boris, "1002")
    holder = talk.callee
    for number, phone in (("1003", trio.carol), ("u00040", dmytro), ("1002", trio.boris)):
        reference = await refer(holder, number)
        incoming = await take(phone)
        assert await reference.ended() == 200
        await holder.ended()
        holder = incoming
        await hear_each_other(talk.caller, holder, (500, 1300))
    await end(talk.caller, holder)
    call = await last_call(server, "1001")
    assert await segments(server, call["id"]) == ["1002", "1003", "u00040", "1002"]


async def test_who_holds_may_transfer(company: Company) -> None:
    """Phones put the other side on hold before they ask: the target's sound must come through all the same."""
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    await talk.callee.hold()
    reference = await refer(talk.callee, "1003")
    incoming = await take(trio.carol)
    assert await reference.ended() == 200
    await hear_each_other(talk.caller, incoming, (500, 1300))
    await end(talk.caller, incoming)
