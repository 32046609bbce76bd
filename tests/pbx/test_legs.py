"""A leg's life against the wire: answers that are lost, callers who give up, phones that hold."""

from __future__ import annotations

import asyncio
from uuid import UUID

import msgspec
import pytest

from pbx.endpoint import CODECS
from pbx.inbound_leg import InboundLeg
from pbx.leg import Cookie, Identity, LegEnd
from pbx.outbound_leg import Destination, OutboundLeg
from pbx.sip.message import Request
from pbx.sip.reply import reply
from tests.pbx.switch import PHONE, SDP, Switch, a_request
from tests.support.virtual_time import virtual_time

TO_PHONE = Destination("sip:1002@192.0.2.11:5062", PHONE, "1002", phone=True)
CALLER = Identity("1001", "Olena")
CALL = UUID(int=7)


async def an_arrived_call(switch: Switch) -> InboundLeg:
    switch.hears_authenticated(a_request("INVITE", body=SDP))
    (leg,) = switch.calls
    await leg.open_media()
    return leg


def in_dialog(leg: InboundLeg, method: str, cseq: int, body: str = "") -> str:
    return a_request(
        method,
        cseq=cseq,
        branch=f"z9hG4bKin{cseq}{method}",
        to_tag=leg.local_tag,
        sip_call_id=leg.sip_call_id,
        body=body,
    )


def ack(switch: Switch, leg: InboundLeg, cseq: int = 2) -> None:
    switch.hears(in_dialog(leg, "ACK", cseq))


async def a_dialled_call(switch: Switch, destination: Destination = TO_PHONE) -> tuple[OutboundLeg, Request]:
    leg = switch.user_agent.leg_to(destination, call_id=CALL, caller=CALLER)
    await leg.open_media()
    leg.dial(CODECS)
    return leg, switch.requests[-1]


def answered(invite: Request, tag: str = "callee") -> bytes:
    response = reply(
        invite,
        200,
        to_tag=tag,
        headers=(("Contact", "<sip:1002@192.0.2.11:5062>"),),
        body=SDP.encode(),
        content_type="application/sdp",
    )
    return response.serialise()


@virtual_time
async def test_a_refusal_that_cannot_be_sent_leaves_no_transaction() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    switch.sender.broken = True
    leg.refuse(486)
    await asyncio.sleep(33)
    assert (len(switch.transactions), len(switch.timers)) == (0, 0)


# ---- somebody calls us ---------------------------------------------------------------------------------------------


@virtual_time
async def test_a_200_is_sent_again_until_its_ack_comes() -> None:

    switch = Switch()
    leg = await an_arrived_call(switch)
    leg.answer()
    await asyncio.sleep(3.6)  # T1, 2*T1, 4*T1: 0.5, 1.5, 3.5 s
    assert switch.statuses.count(200) == 4
    ack(switch, leg)
    await asyncio.sleep(60)
    assert switch.statuses.count(200) == 4
    assert not leg.is_over


@virtual_time
async def test_a_call_whose_200_is_never_acknowledged_ends_with_bye() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    leg.answer()
    ended = await leg.ended
    assert ended.reason is LegEnd.TIMEOUT
    assert switch.requests[-1].method == "BYE"


@virtual_time
async def test_cancel_while_it_rings_gets_200_and_the_invite_487() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    leg.ring()
    switch.hears(switch.heard.replace("INVITE", "CANCEL").partition("Content-Type")[0] + "Content-Length: 0\r\n\r\n")
    assert switch.statuses[-3:] == [180, 200, 487]
    assert (await leg.ended).reason is LegEnd.CANCEL


@virtual_time
async def test_a_cancel_that_comes_after_the_answer_changes_nothing() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    leg.answer()
    switch.hears(switch.heard.replace("INVITE", "CANCEL").partition("Content-Type")[0] + "Content-Length: 0\r\n\r\n")
    ack(switch, leg)
    assert switch.statuses[-2:] == [200, 200]
    assert not leg.is_over


@virtual_time
async def test_a_retransmitted_invite_makes_no_second_call() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    leg.ring()
    switch.hears(switch.heard)
    assert len(switch.calls) == 1
    assert switch.statuses[-2:] == [180, 180]


@virtual_time
async def test_the_callers_bye_ends_the_leg_and_is_answered() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    leg.answer()
    ack(switch, leg)
    switch.hears(in_dialog(leg, "BYE", 3))
    assert switch.last_response().status == 200
    assert (await leg.ended).reason is LegEnd.BYE


@virtual_time
async def test_a_bye_with_a_strangers_tag_does_not_end_the_call() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    leg.answer()
    ack(switch, leg)
    switch.hears(in_dialog(leg, "BYE", 3).replace("tag=caller", "tag=stranger"))
    assert switch.last_response().status == 481
    assert not leg.is_over


@pytest.mark.parametrize(
    ("offered", "answered_with", "held"),
    [("sendonly", "recvonly", True), ("inactive", "inactive", True), ("sendrecv", "sendrecv", False)],
)
@virtual_time
async def test_hold_is_answered_with_the_right_direction(offered: str, answered_with: str, held: bool) -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    heard: list[bool] = []
    leg.on_hold = heard.append
    leg.answer()
    ack(switch, leg)
    switch.hears(in_dialog(leg, "INVITE", 3, SDP + f"a={offered}\r\n"))
    response = switch.last_response()
    assert response.status == 200
    assert f"a={answered_with}\r\n".encode() in response.body
    assert heard == ([True] if held else [])


@virtual_time
async def test_an_invite_without_an_offer_is_answered_with_one_and_the_ack_settles_it() -> None:
    switch = Switch()
    switch.hears_authenticated(a_request("INVITE"))
    (leg,) = switch.calls
    await leg.open_media()
    leg.answer()
    assert b"m=audio 40000 RTP/AVP 8 0 101" in switch.last_response().body
    switch.hears(in_dialog(leg, "ACK", 2, SDP))
    assert leg.negotiated is not None
    assert leg.negotiated.remote_port == 30000


@virtual_time
async def test_only_the_sdps_address_and_the_signallings_may_speak() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    leg.answer()
    (told,) = [values for what, values in switch.media.legs[0].told if what == "update"]
    assert isinstance(told, dict)
    assert told["sources"] == ("192.0.2.11",)
    assert (told["remote_address"], told["remote_port"]) == ("192.0.2.11", 30000)


@virtual_time
async def test_a_confirmed_dialog_is_remembered_so_that_another_core_can_end_it() -> None:
    switch = Switch()
    leg = await an_arrived_call(switch)
    ringing = msgspec.json.decode(switch.media.legs[0].cookie or leg.cookie(), type=Cookie)
    assert ringing.invite.startswith("INVITE")
    leg.answer()
    cookie = msgspec.json.decode(switch.media.legs[0].cookie, type=Cookie)
    assert cookie.dialog is not None
    assert cookie.dialog["local_tag"] == leg.local_tag
    assert cookie.invite == ""


@virtual_time
async def test_the_media_worker_knows_that_a_leg_is_answered_before_the_phone_does() -> None:
    """Who kills the core between the two must not leave anybody talking into nothing."""
    switch = Switch()
    leg = await an_arrived_call(switch)
    sent_by_then: list[int] = []
    before = len(switch.sent)
    switch.media.legs[0].on_cookie = lambda: sent_by_then.append(len(switch.sent))
    leg.answer()
    assert len(switch.sent) == before + 1
    assert sent_by_then == [before]


# ---- we call somebody ------------------------------------------------------------------------------------------------


@virtual_time
async def test_the_media_worker_knows_of_an_invite_before_the_phone_does() -> None:
    """Who kills the core between the two must not leave a phone ringing."""
    switch = Switch()
    leg = switch.user_agent.leg_to(TO_PHONE, call_id=CALL, caller=CALLER)
    await leg.open_media()
    sent_by_then: list[int] = []
    switch.media.legs[0].on_cookie = lambda: sent_by_then.append(len(switch.sent))
    leg.dial(CODECS)
    assert (sent_by_then, len(switch.sent)) == ([0], 1)
    invite = Cookie.unpacked(switch.media.legs[0].cookie).invite
    assert switch.requests[-1].headers.all("Via")[0] in invite


@virtual_time
async def test_an_invite_is_not_cancelled_before_a_provisional_response() -> None:
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    leg.hang_up()
    assert [request.method for request in switch.requests] == ["INVITE"]
    switch.hears(reply(invite, 180, to_tag="callee"))
    assert [request.method for request in switch.requests] == ["INVITE", "CANCEL"]


@virtual_time
async def test_a_200_that_crosses_our_cancel_is_acknowledged_and_ended() -> None:
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    switch.hears(reply(invite, 180, to_tag="callee"))
    leg.hang_up()
    switch.hears(answered(invite))
    assert [request.method for request in switch.requests] == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert not leg.answered.done()


@virtual_time
async def test_each_retransmission_of_the_200_is_acknowledged_again() -> None:
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    for _ in range(3):
        switch.hears(answered(invite))
    assert [request.method for request in switch.requests] == ["INVITE", "ACK", "ACK", "ACK"]
    assert leg.answered.done()
    assert not leg.is_over


@virtual_time
async def test_a_second_branch_that_answers_is_taken_down() -> None:
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    switch.hears(answered(invite, "first"))
    switch.hears(answered(invite, "second"))
    methods = [(request.method, request.to.tag) for request in switch.requests[1:]]
    assert methods == [("ACK", "first"), ("ACK", "second"), ("BYE", "second")]
    assert not leg.is_over


@virtual_time
async def test_a_refusal_ends_the_leg_with_its_status() -> None:
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    switch.hears(reply(invite, 486, to_tag="callee"))
    ended = await leg.ended
    assert (ended.reason, ended.status) == (LegEnd.REFUSED, 486)
    assert switch.requests[-1].method == "ACK"


@virtual_time
async def test_nobody_answering_at_all_is_a_timeout_after_seven_invites() -> None:
    switch = Switch()
    leg, _ = await a_dialled_call(switch)
    assert (await leg.ended).reason is LegEnd.TIMEOUT
    assert [request.method for request in switch.requests] == ["INVITE"] * 7


@virtual_time
async def test_a_network_that_refuses_is_unreachable_at_once() -> None:
    switch = Switch()
    switch.sender.broken = True
    leg = switch.user_agent.leg_to(TO_PHONE, call_id=CALL, caller=CALLER)
    await leg.open_media()
    leg.dial(CODECS)
    assert (await leg.ended).reason is LegEnd.UNREACHABLE


@virtual_time
async def test_an_answer_that_takes_a_codec_we_did_not_offer_ends_the_call() -> None:
    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    switch.hears(answered(invite).replace(b"RTP/AVP 0 8 101", b"RTP/AVP 9 3   101"))
    assert (await leg.ended).reason is LegEnd.REFUSED
    assert [request.method for request in switch.requests][-2:] == ["ACK", "BYE"]


@virtual_time
async def test_nothing_of_the_callers_network_reaches_the_callee() -> None:
    switch = Switch()
    _, invite = await a_dialled_call(switch)
    text = invite.serialise().decode()
    assert "192.0.2.11" not in text.replace("sip:1002@192.0.2.11:5062", "")
    assert text.count("Via:") == 1
    assert "Record-Route" not in text


@virtual_time
async def test_closing_a_leg_leaves_nothing_behind() -> None:

    switch = Switch()
    leg, invite = await a_dialled_call(switch)
    switch.hears(answered(invite))
    await leg.close()
    switch.hears(reply(switch.requests[-1], 200))
    await asyncio.sleep(64)
    assert switch.media.legs[0].closed
    assert (len(switch.transactions), len(switch.timers), switch.user_agent.legs) == (0, 0, 0)
