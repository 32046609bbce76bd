"""2xx answers to our INVITEs that no transaction waits for: late forks, garbled Vias, and forgeries."""

from __future__ import annotations

import asyncio

from pbx.net.transport import Flow
from pbx.outbound_leg import Destination, OutboundLeg
from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response
from pbx.sip.reply import reply
from tests.pbx.switch import PHONE, TRUNK, Switch
from tests.pbx.test_legs import a_dialled_call, answered
from tests.support.virtual_time import virtual_time

THIEF = Flow("UDP", "198.51.100.66", 5060)


def stray(invite: Request, tag: str = "callee") -> bytes:
    """The 200, with another branch than ours."""
    return answered(invite, tag).replace(b"branch=z9hG4bK", b"branch=z9hG4bKgarbled")


async def ended_in_order(leg: OutboundLeg, switch: Switch) -> None:
    leg.hang_up()
    switch.hears(reply(switch.requests[-1], 200))
    await leg.close()
    await asyncio.sleep(70)
    assert (len(switch.transactions), len(switch.timers), switch.user_agent.legs) == (0, 0, 0)


@virtual_time
async def test_an_answer_with_a_garbled_via_makes_the_call_and_leaves_no_transaction_behind() -> None:
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    switch.hears(reply(invite, 180, to_tag="callee"))
    switch.hears(stray(invite))
    await asyncio.sleep(40)
    assert leg.answered.done()
    assert not leg.is_over
    await ended_in_order(leg, switch)


@virtual_time
async def test_nor_does_it_end_by_timer_b_when_nothing_came_before_the_answer() -> None:
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    switch.hears(stray(invite))
    await asyncio.sleep(40)
    assert not leg.is_over
    assert [request.method for request in switch.requests].count("INVITE") == 1
    await ended_in_order(leg, switch)


@virtual_time
async def test_nobody_elsewhere_can_answer_in_a_phones_place() -> None:
    """Whoever saw our INVITE knows its Call-ID and tag; the answer must come from where the INVITE went."""
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    switch.hears(reply(invite, 180, to_tag="callee"))
    for flow in (THIEF, TRUNK):
        switch.hears(stray(invite, "thief"), flow)
    assert not leg.answered.done()
    assert switch.requests[-1].method == "INVITE"
    switch.hears(answered(invite), PHONE)
    assert leg.answered.done()
    leg.hang_up()
    await leg.close()


@virtual_time
async def test_nor_with_the_branch_of_our_request() -> None:
    """RFC 3581 §4: an answer comes from where the request was received."""
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    for flow in (THIEF, TRUNK):
        switch.hears(answered(invite, "thief"), flow)
        switch.hears(reply(invite, 486, to_tag="thief"), flow)
    assert not leg.answered.done()
    assert not leg.is_over
    switch.hears(answered(invite), Flow("UDP", PHONE.host, 40000))  # a NAT may give another port at any time
    assert leg.answered.done()
    leg.hang_up()
    await leg.close()


@virtual_time
async def test_a_trunk_may_answer_from_any_of_its_addresses() -> None:
    switch = Switch()
    switch.admission.befriend([TRUNK.host, "198.51.100.7"])
    there = Destination("sip:+380441112233@198.51.100.5", TRUNK, "+380441112233")
    leg, invite = await a_dialled_call(switch, there)
    switch.hears(stray(invite), Flow("UDP", "198.51.100.7", 5060))
    assert leg.answered.done()
    leg.hang_up()
    await leg.close()


@virtual_time
async def test_an_answer_that_cannot_be_used_leaves_no_transaction_behind_either() -> None:
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    switch.hears(answered(invite).replace(b"<sip:1002@192.0.2.11:5062>", b"<sip:1002@19 2.0.2.11:5062>"))
    await asyncio.sleep(40)
    assert leg.is_over
    assert len(switch.transactions) == 0
    leg.hang_up()
    await leg.close()


@virtual_time
async def test_a_user_who_fails_over_an_answer_leaves_no_transaction_either() -> None:
    """The timers that end it start after the answer is delivered."""
    switch = Switch()
    _, invite = await a_dialled_call(switch)
    again = Request("INVITE", invite.uri, Headers(invite.headers))
    again.headers.remove("Via")
    again.headers.prepend("Via", "SIP/2.0/UDP h;branch=z9hG4bKother")

    def fails(_: Response) -> None:
        raise ValueError("a bug")

    switch.transactions.request(again, PHONE, on_response=fails, on_end=lambda _: None)
    switch.hears(reply(again, 200, to_tag="callee"))
    assert switch.transactions.failed == 1
    await asyncio.sleep(40)
    assert len(switch.transactions) == 0
