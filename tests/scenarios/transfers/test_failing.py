"""A transfer that fails never loses the customer: back to who handed them on, else the fallback, at last a word."""

from __future__ import annotations

import pytest

from tests.scenarios.company import DID, LINE, Company, hear_each_other, heard
from tests.scenarios.transfers.people import FALLBACK, a_trio, end, last_call, segments, take, talking, transfer_facts
from tests.support import tones
from tests.support.phone_call import Call
from tests.support.phone_transfer import Reference, refer
from tests.support.server import Server

CUSTOMER = "+380503338802"
ABROAD, PREMIUM = "+18005551234", "+380900212345"


async def back(customer: Call, transferor: Call) -> None:
    """The customer and the transferor's leg, which was kept, hear each other again."""
    assert transferor.is_up
    await hear_each_other(customer, transferor, (600, 1400))


@pytest.mark.parametrize("status", [486, 603, 500])
async def test_a_refusal_brings_the_customer_back(company: Company, server: Server, status: int) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    incoming = await trio.carol.rings()
    incoming.ring()
    await reference.ringing()
    await incoming.refuse(status)
    assert await reference.ended() >= 400
    await back(talk.caller, talk.callee)
    await end(talk.caller, talk.callee)
    call = await last_call(server, "1001")
    assert (call["outcome"], call["missed"]) == ("answered", False)
    assert await segments(server, call["id"]) == ["1002", "1002"]
    expected = {486: "busy", 603: "rejected", 500: "failed"}[status]
    assert await transfer_facts(server, call["id"]) == ["blind 1002 1003", expected]


async def test_the_status_of_the_refusal_is_told(company: Company) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    await (await trio.carol.rings()).refuse(486)
    assert await reference.ended() == 486
    await back(talk.caller, talk.callee)
    await end(talk.caller, talk.callee)


async def test_silence_brings_the_customer_back(company: Company, server: Server) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    incoming = await trio.carol.rings()
    incoming.ring()
    assert await reference.ended() == 480
    await incoming.cancelled()
    await back(talk.caller, talk.callee)
    await end(talk.caller, talk.callee)
    call = await last_call(server, "1001")
    assert await transfer_facts(server, call["id"]) == ["blind 1002 1003", "no_answer"]


async def test_a_target_without_a_phone_brings_the_customer_back(company: Company, server: Server) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    talk = await talking(anna, boris, "1002")
    reference = await refer(talk.callee, "1003")
    assert reference.status == 202
    assert await reference.ended() == 480
    await back(talk.caller, talk.callee)
    await end(talk.caller, talk.callee)
    call = await last_call(server, "1001")
    assert await transfer_facts(server, call["id"]) == ["blind 1002 1003", "unreachable"]


async def test_a_target_that_hangs_up_at_once_has_not_taken_the_customer(company: Company) -> None:
    """The transferor has left by then, and is rung again."""
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    incoming = await take(trio.carol)
    assert await reference.ended() == 200
    await talk.callee.hang_up()
    await incoming.hang_up()
    again = await take(trio.boris)
    assert again.caller == "1001"
    await hear_each_other(talk.caller, again, (600, 1400))
    await end(talk.caller, again)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        pytest.param("<sip:1002@dzvin>", 603, id="to oneself"),
        pytest.param("<sip:1001@dzvin>", 603, id="to the one who is handed on"),
        pytest.param("<sip:5559999@dzvin>", 603, id="to nobody"),
        pytest.param("<sip:dzvin>", 603, id="to no number"),
        pytest.param("<mailto:carol@example.com>", 603, id="by mail"),
        pytest.param("sip:@@", 400, id="to what is no address"),
        pytest.param(f"<sip:{ABROAD}@dzvin>", 403, id="abroad"),
        pytest.param(f"<sip:{PREMIUM}@dzvin>", 403, id="to a premium number"),
        pytest.param("<sip:1003@dzvin;method=BYE>", 405, id="by another method"),
        pytest.param("<sip:1003@dzvin?Replaces=gone%3Bto-tag%3Da%3Bfrom-tag%3Db>", 603, id="in place of no call"),
    ],
)
async def test_what_cannot_be_is_refused_and_the_talk_goes_on(company: Company, target: str, status: int) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    talk = await talking(anna, boris, "1002")
    reference = await refer(talk.callee, "", refer_to=target)
    assert reference.status == status
    await back(talk.caller, talk.callee)
    assert reference.notifies == []
    await end(talk.caller, talk.callee)


async def test_a_customer_may_not_have_us_call_somebody(company: Company) -> None:
    """A REFER from outside would place calls on our account."""
    carol, provider = await company.phone("1003"), await company.provider()
    talk = await talking(provider, carol, DID, shown=CUSTOMER)
    assert (await refer(talk.caller, "+380441112233")).status == 603
    await back(talk.caller, talk.callee)
    await end(talk.caller, talk.callee)


async def test_a_refer_outside_of_a_call_is_refused(company: Company) -> None:
    anna = await company.phone("1001")
    me = "<sip:1001@dzvin>"
    headers = [("Refer-To", "<sip:1002@dzvin>")]
    request = anna.request("REFER", "sip:1003@dzvin", me, "tag", "<sip:1003@dzvin>", "outside", 1, headers=headers)
    assert (await anna.ask(request)).status == 405


async def test_a_second_refer_waits_for_the_first(company: Company) -> None:
    """It is refused; the first one goes on."""
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    first = await refer(talk.callee, "1003")
    incoming = await trio.carol.rings()
    incoming.ring()
    second = await refer(talk.callee, FALLBACK)
    assert second.status == 603
    await incoming.answer()
    assert await first.ended() == 200
    await hear_each_other(talk.caller, incoming, (500, 1300))
    await end(talk.caller, incoming)


async def test_after_a_failure_one_may_try_somebody_else(company: Company) -> None:
    """The second REFER of a dialog has an id in its events (RFC 3515 §2.4.6)."""
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    assert await (await refer(talk.callee, "u00051")).ended() == 480
    second = await refer(talk.callee, "1003")
    incoming = await take(trio.carol)
    assert await second.ended() == 200
    event = second.notifies[-1].headers.get("Event") or ""
    assert event == f"refer;id={second.request.cseq.number}"
    await hear_each_other(talk.caller, incoming, (500, 1300))
    await end(talk.caller, incoming)


# ---- the transferor has gone, too ------------------------------------------------------------------------------------


async def transferor_gone(customer: Call, transferor: Call, number: str) -> Reference:
    reference = await refer(transferor, number)
    assert reference.status == 202
    await transferor.hang_up()
    return reference


async def test_a_transferor_who_has_hung_up_is_rung_again(company: Company, server: Server) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await transferor_gone(talk.caller, talk.callee, "1003")
    await (await trio.carol.rings()).refuse(486)
    again = await take(trio.boris)
    assert again.caller == "1001"
    assert await reference.ended() == 486
    await hear_each_other(talk.caller, again, (600, 1400))
    await end(talk.caller, again)
    call = await last_call(server, "1001")
    assert await segments(server, call["id"]) == ["1002", "1002"]
    assert await transfer_facts(server, call["id"]) == ["blind 1002 1003", "busy"]


async def test_a_transferor_who_has_hung_up_is_free_while_the_target_rings(company: Company) -> None:
    """The next caller of the line is hers."""
    trio = await a_trio(company)
    caller = await company.phone("u00054")
    talk = await talking(trio.anna, trio.carol, LINE)
    reference = await transferor_gone(talk.caller, talk.callee, "1002")
    rung = await trio.boris.rings()
    rung.ring()
    await reference.ringing()
    call = await caller.dial(LINE)
    incoming = await trio.carol.rings()
    assert incoming.caller == "u00054", "not the customer who comes back"
    await rung.drop()
    await incoming.answer()
    await call.answered()
    await hear_each_other(call, incoming)
    await end(call, incoming)
    await talk.caller.hang_up()


async def test_a_transferor_is_handed_back_and_hangs_up_in_the_same_moment(company: Company) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    await (await trio.carol.rings()).refuse(486)
    await reference.ended()
    await talk.callee.hang_up()
    again = await take(trio.boris)
    await hear_each_other(talk.caller, again, (600, 1400))
    await end(talk.caller, again)


@pytest.mark.parametrize("transferor", ["silent", "busy", "without a phone"])
async def test_the_fallback_takes_whom_nobody_takes_back(company: Company, transferor: str) -> None:
    anna, boris = await company.phone("1001"), await company.phone("1002")
    fallback = await company.phone(FALLBACK)
    talk = await talking(anna, boris, "1002")
    await transferor_gone(talk.caller, talk.callee, "1003")
    if transferor == "without a phone":
        await boris.unregister()
    elif transferor == "busy":
        await (await boris.rings()).refuse(486)
    incoming = await take(fallback)
    await hear_each_other(talk.caller, incoming, (600, 1400))
    await end(talk.caller, incoming)


@pytest.mark.req("R-PHONE-37")
async def test_at_last_the_customer_hears_a_word(company: Company, server: Server) -> None:
    """Nobody at all is there: a prompt, then BYE, never silence. It was answered: nobody owes a call back."""
    carol, provider = await company.phone("1003"), await company.provider()
    async with server.sign_in("admin") as panel:
        talk = await talking(provider, carol, DID, shown=CUSTOMER)
        await refer(talk.callee, "1002")
        await talk.callee.hang_up()
        again = await carol.rings()
        await again.refuse(486)
        pcm = await heard(talk.caller, 1.0)
        assert tones.loudness(pcm) > 100, "silence where somebody should have said something"
        await talk.caller.ended(20)
        event = await panel.event(
            lambda row: row["phone"] == CUSTOMER and row["type"] == "incoming_call" and row["ended_at"]
        )
        assert event["type"] == "incoming_call"
        assert [row for row in await panel.follow_ups() if row["phone"] == CUSTOMER] == []
    call = await last_call(server, CUSTOMER)
    assert (call["outcome"], call["missed"], call["ended_by"]) == ("answered", False, "system")


async def test_a_chain_of_transfers_fails_back_to_the_last_transferor(company: Company, server: Server) -> None:
    """Boris to Carol, Carol to Dmytro, Dmytro to one who is busy: Dmytro has the customer."""
    trio = await a_trio(company)
    dmytro = await company.phone("u00052")
    busy = await company.phone("u00053")
    talk = await talking(trio.anna, trio.boris, "1002")
    await refer(talk.callee, "1003")
    at_carol = await take(trio.carol)
    await talk.callee.ended()
    await hear_each_other(talk.caller, at_carol)
    await refer(at_carol, "u00052")
    at_dmytro = await take(dmytro)
    await at_carol.ended()
    await hear_each_other(talk.caller, at_dmytro)
    last = await refer(at_dmytro, "u00053")
    await (await busy.rings()).refuse(486)
    assert await last.ended() == 486
    await back(talk.caller, at_dmytro)
    await end(talk.caller, at_dmytro)
    call = await last_call(server, "1001")
    assert await segments(server, call["id"]) == ["1002", "1003", "u00052", "u00052"]


# ---- the customer goes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["customer", "target"])
async def test_a_customer_who_goes_as_the_target_answers_leaves_nobody_behind(company: Company, first: str) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    incoming = await trio.carol.rings()
    incoming.ring()
    await reference.ringing()
    if first == "target":
        incoming.take()
        await talk.caller.hang_up()
    else:
        bye = talk.caller.in_dialog("BYE")
        trio.anna.send(bye)
        incoming.take()
        await trio.anna.ask(bye)
    await incoming.released()
    await talk.callee.ended()
    await reference.ended()


async def test_a_customer_who_gives_up_silences_the_target(company: Company, server: Server) -> None:
    trio = await a_trio(company)
    talk = await talking(trio.anna, trio.boris, "1002")
    reference = await refer(talk.callee, "1003")
    incoming = await trio.carol.rings()
    incoming.ring()
    await reference.ringing()
    await talk.caller.hang_up()
    await incoming.cancelled()
    await talk.callee.ended()
    assert await reference.ended() == 487
    call = await last_call(server, "1001")
    assert await transfer_facts(server, call["id"]) == ["blind 1002 1003", "gone"]
    assert (call["outcome"], call["missed"]) == ("answered", False)
