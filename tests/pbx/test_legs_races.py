"""Messages that cross: the races of RFC 5407, each under its section, and those of RFC 3261 itself."""

from __future__ import annotations

import asyncio

import pytest

from pbx.leg import LegEnd
from pbx.sip.offer_answer import Direction
from pbx.sip.reason import ANSWERED_ELSEWHERE
from tests.pbx.peers import Callee, Caller, Peer
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time

SIDES = pytest.mark.parametrize("side", [Caller, Callee])


async def holds(peer: Peer) -> asyncio.Task[bool]:
    task = asyncio.get_running_loop().create_task(peer.leg.renegotiate(Direction.SENDONLY))
    await asyncio.sleep(0)
    return task


async def nothing_is_left(switch: Switch, peer: Peer) -> None:
    await peer.leg.close()
    for bye in peer.heard("BYE"):
        peer.answers(bye, 200)
    await asyncio.sleep(70)
    assert (len(switch.transactions), len(switch.timers), switch.user_agent.legs) == (0, 0, 0)


# ---- §3.1: our 200 is on its way and its ACK has not come (the moratorium) -------------------------------------------


@virtual_time
async def test_5407_3_1_1_a_retransmitted_invite_after_our_200_is_absorbed() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.answer()
    switch.hears(switch.heard)
    assert len(switch.calls) == 1
    assert switch.statuses.count(200) == 1
    caller.acknowledges()
    assert not caller.leg.is_over


@virtual_time
async def test_5407_3_1_2_a_cancel_after_our_200_has_no_effect() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.answer()
    caller.cancels()
    assert switch.last_response().cseq == (2, "CANCEL")
    assert switch.last_response().status == 200
    caller.acknowledges()
    # The caller, which wanted to give up, ends the call by BYE.
    assert caller.asks("BYE").status == 200
    await nothing_is_left(switch, caller)


@virtual_time
async def test_5407_3_1_3_a_bye_of_the_early_dialog_after_our_200_ends_the_call() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.ring()
    caller.inbound.answer()
    assert caller.asks("BYE").status == 200
    assert (await caller.leg.ended).reason is LegEnd.BYE
    before = switch.statuses.count(200)
    caller.acknowledges(cseq=2)
    await asyncio.sleep(40)
    assert switch.statuses.count(200) == before  # the 200 of the INVITE is not sent again
    await nothing_is_left(switch, caller)


@virtual_time
async def test_5407_3_1_4_a_reinvite_before_the_ack_is_answered_and_counts_as_the_ack() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.answer()
    assert caller.asks("INVITE", body=SDP + "a=sendonly\r\n").status == 200
    assert caller.leg.held
    caller.acknowledges()
    before = switch.statuses.count(200)
    await asyncio.sleep(40)
    assert switch.statuses.count(200) == before
    assert not caller.leg.is_over


@virtual_time
async def test_5407_3_1_5_a_reinvite_before_the_ack_that_owes_an_answer_is_491() -> None:
    switch = Switch()
    caller = await Caller.calls(switch, body="")
    caller.inbound.answer()
    assert caller.asks("INVITE", body=SDP).status == 491
    caller.acknowledges(cseq=2, body=SDP)
    assert caller.asks("INVITE", body=SDP).status == 200


@virtual_time
async def test_5407_3_1_6_a_bye_before_the_ack_ends_the_call() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.answer()
    assert caller.asks("BYE").status == 200
    await nothing_is_left(switch, caller)


# ---- §3.2: a BYE is on its way (mortal) ------------------------------------------------------------------------------


@SIDES
@virtual_time
async def test_5407_3_2_1_byes_that_cross_are_both_answered(side: type[Caller | Callee]) -> None:
    switch = Switch()
    peer = await side.talks(switch)
    peer.leg.hang_up()
    assert peer.asks("BYE").status == 200
    assert (await peer.leg.ended).reason is LegEnd.HUNG_UP
    await nothing_is_left(switch, peer)


@SIDES
@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO", "OPTIONS"])
@virtual_time
async def test_5407_3_2_2_whatever_crosses_our_bye_is_481(side: type[Caller | Callee], method: str) -> None:
    switch = Switch()
    peer = await side.talks(switch)
    peer.leg.hang_up()
    assert peer.asks(method, body=SDP if method in ("INVITE", "UPDATE") else "").status == 481
    await nothing_is_left(switch, peer)


@SIDES
@virtual_time
async def test_5407_3_2_3_a_200_of_our_reinvite_that_crosses_our_bye_gets_its_ack(side: type[Caller | Callee]) -> None:
    switch = Switch()
    peer = await side.talks(switch)
    task = await holds(peer)
    reinvite = peer.heard("INVITE")[-1]
    peer.leg.hang_up()
    acks = len(peer.heard("ACK"))
    peer.answers(reinvite, 200, body=SDP)
    assert not await task
    assert [ack.cseq.number for ack in peer.heard("ACK")[acks:]] == [reinvite.cseq.number]
    await nothing_is_left(switch, peer)


@SIDES
@virtual_time
async def test_a_200_of_our_reinvite_that_crosses_the_peers_bye_gets_its_ack(side: type[Caller | Callee]) -> None:
    switch = Switch()
    peer = await side.talks(switch)
    task = await holds(peer)
    reinvite = peer.heard("INVITE")[-1]
    assert peer.asks("BYE").status == 200
    acks = len(peer.heard("ACK"))
    peer.answers(reinvite, 200, body=SDP)
    assert not await task
    assert len(peer.heard("ACK")) == acks + 1
    await nothing_is_left(switch, peer)


@virtual_time
async def test_5407_3_2_4_our_bye_waits_for_the_ack() -> None:
    """RFC 3261 §15: the callee must not send BYE before it has the ACK for its 2xx."""
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.answer()
    caller.leg.hang_up()
    assert caller.heard("BYE") == []
    caller.acknowledges()
    assert len(caller.heard("BYE")) == 1
    caller.acknowledges()
    assert len(caller.heard("BYE")) == 1
    await nothing_is_left(switch, caller)


@virtual_time
async def test_our_bye_goes_without_an_ack_after_64_t1() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.answer()
    caller.leg.hang_up()
    await asyncio.sleep(31.9)
    assert caller.heard("BYE") == []
    await asyncio.sleep(0.2)
    assert len(caller.heard("BYE")) == 1
    await nothing_is_left(switch, caller)


# ---- §3.3: others ----------------------------------------------------------------------------------------------------


@SIDES
@virtual_time
async def test_5407_3_3_1_reinvites_that_cross_are_491_both_ways_and_tried_again(side: type[Caller | Callee]) -> None:
    switch = Switch()
    peer = await side.talks(switch)
    task = await holds(peer)
    assert peer.asks("INVITE", body=SDP).status == 491
    peer.acknowledges()
    peer.answers(peer.heard("INVITE")[-1], 491)
    assert peer.asks("INVITE", body=SDP).status == 200  # the peer was first to try again
    peer.acknowledges()
    await asyncio.sleep(4.5)
    peer.answers(peer.heard("INVITE")[-1], 200, body=SDP)
    assert await task


@SIDES
@virtual_time
async def test_5407_3_3_2_a_reinvite_against_our_update_and_an_update_against_our_reinvite_are_491(
    side: type[Caller | Callee],
) -> None:
    peer = await side.talks(Switch())
    task = await holds(peer)
    assert peer.asks("UPDATE", body=SDP).status == 491
    peer.answers(peer.heard("INVITE")[-1], 200, body=SDP)
    assert await task


@SIDES
@virtual_time
async def test_5407_3_3_3_a_refer_that_crosses_our_bye_is_refused(side: type[Caller | Callee]) -> None:
    switch = Switch()
    peer = await side.talks(switch)
    referrals: list[object] = []
    peer.leg.on_refer = referrals.append
    peer.leg.hang_up()
    assert peer.asks("REFER", headers=["Refer-To: <sip:1003@example.com>"]).status == 481
    assert referrals == []


# ---- CANCEL against an answer: RFC 3261 §9 and §15 -------------------------------------------------------------------


@virtual_time
async def test_a_cancel_tells_why_and_its_487_is_acknowledged() -> None:
    switch = Switch()
    callee = await Callee.is_called(switch)
    callee.says(180)
    callee.leg.hang_up(cause=ANSWERED_ELSEWHERE)
    (cancel,) = callee.heard("CANCEL")
    assert cancel.headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert cancel.via.branch == callee.invite.via.branch
    callee.answers(cancel, 200)
    callee.says(487)
    assert switch.requests[-1].method == "ACK"
    await nothing_is_left(switch, callee)


@virtual_time
async def test_a_200_that_crosses_our_cancel_gets_ack_and_bye_with_the_cancels_reason() -> None:
    switch = Switch()
    callee = await Callee.is_called(switch)
    callee.says(180)
    callee.leg.hang_up(cause=ANSWERED_ELSEWHERE)
    callee.says(200, body=SDP)
    assert [request.method for request in switch.requests] == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert callee.heard("BYE")[0].headers.get("Reason") == callee.heard("CANCEL")[0].headers.get("Reason")
    callee.says(200, body=SDP)  # it had not heard our ACK
    assert [request.method for request in switch.requests[-2:]] == ["BYE", "ACK"]
    assert not callee.outbound.answered.done()
    await nothing_is_left(switch, callee)


@virtual_time
async def test_a_200_without_any_ringing_that_crosses_our_wish_to_cancel_is_taken_down() -> None:
    switch = Switch()
    callee = await Callee.is_called(switch)
    callee.leg.hang_up()
    callee.says(200, body=SDP)
    assert [request.method for request in switch.requests] == ["INVITE", "ACK", "BYE"]
    await nothing_is_left(switch, callee)


@virtual_time
async def test_a_cancelled_phone_that_never_answers_is_forgotten_after_64_t1() -> None:
    switch = Switch()
    callee = await Callee.is_called(switch)
    callee.says(180)
    callee.leg.hang_up()
    await nothing_is_left(switch, callee)


@virtual_time
async def test_two_forks_that_answer_a_cancelled_call_are_both_taken_down() -> None:
    switch = Switch()
    callee = await Callee.is_called(switch)
    callee.says(180)
    callee.leg.hang_up()
    callee.says(200, tag="one", body=SDP)
    callee.says(200, tag="two", body=SDP)
    assert [bye.to.tag for bye in callee.heard("BYE")] == ["one", "two"]


@virtual_time
async def test_a_callers_cancel_keeps_its_reason() -> None:
    caller = await Caller.calls(Switch())
    caller.cancels(['Reason: SIP;cause=200;text="Call completed elsewhere"'])
    ended = await caller.leg.ended
    assert ended.cause is not None
    assert ended.cause.is_answered_elsewhere


@virtual_time
async def test_an_answer_after_the_callers_cancel_is_not_sent() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.cancels()
    caller.inbound.answer()
    caller.inbound.ring()
    assert switch.statuses[-2:] == [200, 487]
    assert 180 not in switch.statuses
    await nothing_is_left(switch, caller)


@virtual_time
async def test_a_bye_in_the_early_dialog_gets_200_and_the_invite_487() -> None:
    """RFC 3261 §15.1.2."""
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.ring()
    switch.hears(caller.text("BYE"))
    assert switch.statuses[-2:] == [200, 487]
    assert (await caller.leg.ended).reason is LegEnd.BYE


@SIDES
@virtual_time
async def test_a_bye_that_nobody_answers_is_forgotten_after_64_t1(side: type[Caller | Callee]) -> None:
    switch = Switch()
    peer = await side.talks(switch)
    await peer.leg.close()
    await asyncio.sleep(70)
    assert len(peer.heard("BYE")) == 11  # RFC 3261 §17.1.2.2: at 0, 0.5, 1.5, 3.5, and then every 4 seconds
    assert (len(switch.transactions), len(switch.timers), switch.user_agent.legs) == (0, 0, 0)


@virtual_time
async def test_our_reinvite_waits_for_the_ack_of_our_200() -> None:
    """RFC 3261 §14.1. The ACK, which has no body, was once taken for a missing answer to the re-INVITE's offer."""
    caller = await Caller.calls(Switch())
    caller.inbound.answer()
    task = await holds(caller)
    await asyncio.sleep(5)
    assert caller.heard("INVITE") == []
    caller.acknowledges()
    await asyncio.sleep(0.6)
    (reinvite,) = caller.heard("INVITE")
    caller.acknowledges(cseq=2)
    assert not caller.leg.is_over
    caller.answers(reinvite, 200, body=SDP)
    assert await task


@virtual_time
async def test_a_lost_ack_brings_the_200_again_and_the_next_ack_settles_it() -> None:
    switch = Switch()
    caller = await Caller.calls(switch)
    caller.inbound.answer()
    await asyncio.sleep(0.6)
    assert switch.statuses.count(200) == 2
    caller.acknowledges()
    await asyncio.sleep(60)
    assert switch.statuses.count(200) == 2
    assert not caller.leg.is_over
