"""Requests inside a call: what is answered, in which order, and which way ours go (RFC 3261 §12.2)."""

from __future__ import annotations

import pytest

from pbx.leg import Leg
from pbx.sip.message import Request
from pbx.sip.reply import reply
from pbx.transactions import ServerTransaction
from tests.pbx.peers import CONTACT, Callee, Caller
from tests.pbx.switch import SDP, Switch
from tests.support.virtual_time import virtual_time

SIDES = pytest.mark.parametrize("side", [Caller, Callee])


@SIDES
@virtual_time
async def test_options_in_a_call_tells_what_we_can(side: type[Caller | Callee]) -> None:
    peer = await side.talks(Switch())
    response = peer.asks("OPTIONS")
    assert response.status == 200
    assert "INVITE" in (response.headers.get("Allow") or "")
    assert response.headers.get("Accept") is not None


@pytest.mark.parametrize("method", ["FROBNICATE", "MESSAGE", "PUBLISH"])
@SIDES
@virtual_time
async def test_a_method_that_nobody_answers_in_a_call_is_405_with_allow(
    side: type[Caller | Callee], method: str
) -> None:
    peer = await side.talks(Switch())
    response = peer.asks(method)
    assert response.status == 405
    assert method not in (response.headers.get("Allow") or method)
    assert not peer.leg.is_over


@virtual_time
async def test_another_room_may_answer_a_method_in_calls() -> None:
    switch = Switch()
    peer = await Caller.talks(switch)
    heard: list[bytes] = []

    def told(_: Leg, request: Request, server: ServerTransaction) -> None:
        heard.append(request.body)
        server.respond(reply(request, 200))

    switch.user_agent.answers_inside("MESSAGE", told)
    assert peer.asks("MESSAGE", body="hello", content_type="text/plain").status == 200
    assert heard == [b"hello"]


@pytest.mark.parametrize("method", ["SUBSCRIBE", "NOTIFY"])
@virtual_time
async def test_an_unknown_event_is_489_with_the_events_we_know(method: str) -> None:
    peer = await Caller.talks(Switch())
    response = peer.asks(method, headers=["Event: foo", "Subscription-State: active"])
    assert response.status == 489
    assert response.headers.get("Allow-Events") == "refer"


@virtual_time
async def test_a_notify_of_no_transfer_of_ours_is_481() -> None:
    """RFC 6665 §4.1.3: nobody has subscribed."""
    peer = await Caller.talks(Switch())
    headers = ["Event: refer", "Subscription-State: active"]
    response = peer.asks("NOTIFY", headers=headers, body="SIP/2.0 200 OK", content_type="message/sipfrag")
    assert response.status == 481
    assert not peer.leg.is_over


@SIDES
@virtual_time
async def test_an_unknown_extension_in_a_call_is_420_and_the_call_goes_on(side: type[Caller | Callee]) -> None:
    peer = await side.talks(Switch())
    response = peer.asks("INVITE", headers=["Require: foo, timer"], body=SDP)
    assert (response.status, response.headers.get("Unsupported")) == (420, "foo")
    assert not peer.leg.is_over


@SIDES
@virtual_time
async def test_a_cseq_lower_than_before_is_500_and_changes_nothing(side: type[Caller | Callee]) -> None:
    peer = await side.talks(Switch())
    peer.asks("OPTIONS", cseq=100)
    assert peer.asks("INVITE", cseq=99, body=SDP + "a=sendonly\r\n").status == 500
    assert peer.asks("BYE", cseq=100).status == 500
    assert not peer.leg.is_over
    assert not peer.leg.held
    assert peer.asks("OPTIONS", cseq=200).status == 200


@virtual_time
async def test_a_second_invite_before_the_first_has_its_answer_is_500_with_retry_after() -> None:
    """RFC 3261 §14.2."""
    caller = await Caller.calls(Switch())
    caller.inbound.ring()
    response = caller.asks("INVITE", body=SDP)
    assert response.status == 500
    assert 0 <= int(response.headers.get("Retry-After") or -1) <= 10
    assert not caller.leg.is_over


@virtual_time
async def test_a_request_of_another_dialog_is_481() -> None:
    peer = await Caller.talks(Switch())
    assert peer.asks("INVITE", tag="another", body=SDP).status == 481
    assert not peer.leg.is_over


# ---- digits in INFO --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body"), [("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), ("application/dtmf", "5")]
)
@SIDES
@virtual_time
async def test_digits_come_by_info(side: type[Caller | Callee], content_type: str, body: str) -> None:
    peer = await side.talks(Switch())
    assert peer.asks("INFO", body=body, content_type=content_type).status == 200
    assert peer.leg.digits.get_nowait() == "5"


@virtual_time
async def test_digits_by_info_go_on_as_telephone_events_where_those_are_taken() -> None:
    switch = Switch()
    caller = await Caller.talks(switch)
    callee = await Callee.talks(switch)
    caller.leg.join(callee.leg)
    caller.asks("INFO", body="Signal=5\r\nDuration=160\r\n", content_type="application/dtmf-relay")
    assert ("send_digits", ("5", 160)) in callee.media.told


@virtual_time
async def test_digits_go_on_by_info_one_after_the_other_where_telephone_events_are_not_taken() -> None:
    switch = Switch()
    caller = await Caller.talks(switch)
    callee = await Callee.is_called(switch)
    callee.says(200, headers=[("Allow", "INVITE, INFO")], body=SDP.replace("0 8 101", "0 8"))
    caller.leg.join(callee.leg)
    for digit in "12":
        caller.asks("INFO", body=digit, content_type="application/dtmf")
    (first,) = callee.heard("INFO")
    assert (first.body, first.content_type) == (b"Signal=1\r\nDuration=100\r\n", "application/dtmf-relay")
    callee.answers(first, 200)
    assert callee.heard("INFO")[1].body.startswith(b"Signal=2")


@virtual_time
async def test_a_phone_that_does_not_say_what_it_allows_is_tried() -> None:
    """RFC 3261 §20.5: no Allow "MUST NOT be interpreted to mean that the UA … supports no methods"."""
    switch = Switch()
    callee = await Callee.is_called(switch)
    callee.says(200, body=SDP.replace("0 8 101", "0 8"))
    callee.leg.send_digits("1")
    assert len(callee.heard("INFO")) == 1


@virtual_time
async def test_a_caller_that_has_no_telephone_events_can_be_joined_with_a_phone_that_has() -> None:
    """Its digits come by INFO; Linphone offers either the one or the other."""
    caller = await Caller.calls(Switch(), body=SDP.replace("0 8 101", "0 8"))
    assert [codec.name for codec in caller.inbound.codecs()] == ["PCMU", "PCMA", "telephone-event"]


@virtual_time
async def test_telephone_events_alone_are_no_speech() -> None:
    caller = await Caller.calls(Switch(), body=SDP.replace("0 8 101", "101"))
    assert caller.inbound.codecs() == ()


@virtual_time
async def test_where_neither_is_taken_no_digit_is_sent() -> None:
    switch = Switch()
    callee = await Callee.is_called(switch)
    callee.says(200, headers=[("Allow", "INVITE, BYE")], body=SDP.replace("0 8 101", "0 8"))
    callee.leg.send_digits("1")
    assert callee.heard("INFO") == []
    assert "send_digits" not in dict(callee.media.told)


@pytest.mark.parametrize(
    ("headers", "body", "content_type", "status", "says"),
    [
        ([], "<x/>", "application/media_control+xml", 415, ("Accept", "application/dtmf-relay, application/dtmf")),
        (["Info-Package: nr"], "", "", 469, ("Recv-Info", "")),
        ([], "Signal=E", "application/dtmf-relay", 400, None),
    ],
)
@virtual_time
async def test_an_info_of_another_kind_is_refused_and_the_call_goes_on(
    headers: list[str], body: str, content_type: str, status: int, says: tuple[str, str] | None
) -> None:
    peer = await Caller.talks(Switch())
    response = peer.asks("INFO", headers=headers, body=body, content_type=content_type)
    assert response.status == status
    if says is not None:
        assert response.headers.get(says[0]) == says[1]
    assert not peer.leg.is_over


@virtual_time
async def test_an_info_without_a_body_is_a_sign_of_life() -> None:
    peer = await Caller.talks(Switch())
    assert peer.asks("INFO").status == 200


@virtual_time
async def test_digits_that_nobody_reads_are_kept_up_to_64() -> None:
    peer = await Caller.talks(Switch())
    for _ in range(70):
        peer.asks("INFO", body="1", content_type="application/dtmf")
    assert peer.leg.digits.qsize() == 64


# ---- routes ----------------------------------------------------------------------------------------------------------


@virtual_time
async def test_our_requests_to_a_caller_go_by_its_record_routes_in_their_order() -> None:
    routes = ["Record-Route: <sip:p2.example;lr>", "Record-Route: <sip:p1.example;lr>"]
    caller = await Caller.talks(Switch(), headers=routes)
    caller.leg.hang_up()
    (bye,) = caller.heard("BYE")
    assert bye.uri == "sip:1001@192.0.2.11:5062"
    assert bye.headers.all("Route") == ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]


@virtual_time
async def test_our_requests_to_a_callee_go_by_its_record_routes_reversed_ack_too() -> None:
    routes = [("Record-Route", "<sip:p2.example;lr>, <sip:p1.example;lr>")]
    callee = await Callee.talks(Switch(), headers=routes)
    callee.leg.hang_up()
    for request in (*callee.heard("ACK"), *callee.heard("BYE")):
        assert request.uri == CONTACT[1].strip("<>")
        assert request.headers.all("Route") == ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]


@virtual_time
async def test_a_strict_router_gets_the_request_uri_and_the_target_comes_last() -> None:
    """RFC 3261 §12.2.1.1."""
    callee = await Callee.talks(Switch(), headers=[("Record-Route", "<sip:strict.example;x=y>")])
    callee.leg.hang_up()
    (bye,) = callee.heard("BYE")
    assert bye.uri == "sip:strict.example;x=y"
    assert bye.headers.all("Route") == [CONTACT[1]]


@virtual_time
async def test_every_response_of_ours_to_an_invite_carries_its_record_routes() -> None:
    routes = ["Record-Route: <sip:p2.example;lr>", "Record-Route: <sip:p1.example;lr>"]
    switch = Switch()
    caller = await Caller.calls(switch, headers=routes)
    caller.inbound.ring()
    caller.inbound.answer()
    for response in (*caller.provisionals(), switch.last_response()):
        assert response.headers.all("Record-Route") == ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]
