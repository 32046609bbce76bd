"""Responses: RFC 3261 §8.2.6, §8.2.7, §12.1.1."""

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import parse
from pbx.sip.reply import REASONS, refusal, reply
from tests.pbx.sip.messages import SDP, a_request, text_of

INVITE = a_request(
    "INVITE",
    via="SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2",
    more=["Via: SIP/2.0/UDP c", "Record-Route: <sip:p1;lr>", "Record-Route: <sip:p2;lr>", "Timestamp: 54"],
)


def test_copies_what_must_be_copied() -> None:
    response = reply(INVITE, 486)
    assert response.headers.all("via") == INVITE.headers.all("via")
    assert response.headers.get("from") == INVITE.headers.get("from")
    assert response.sip_call_id == INVITE.sip_call_id
    assert response.cseq == INVITE.cseq
    assert response.reason == "Busy Here"
    assert parse(response.serialise()) == response


def test_the_tag_given_goes_to_to() -> None:
    assert reply(INVITE, 180, to_tag="mine").to.tag == "mine"


def test_a_tag_that_is_there_stays() -> None:
    bye = a_request("BYE", to="<sip:bob@example.com>;tag=there")
    assert reply(bye, 200, to_tag="mine").headers.all("to") == ["<sip:bob@example.com>;tag=there"]


def test_a_100_needs_no_tag_and_repeats_the_timestamp() -> None:
    trying = reply(INVITE, 100)
    assert trying.to.tag is None
    assert trying.headers.get("timestamp") == "54"
    assert reply(INVITE, 180).headers.get("timestamp") is None


def test_without_a_tag_each_response_to_a_request_gets_the_same_one() -> None:
    tag = reply(INVITE, 180).to.tag
    assert tag
    assert reply(INVITE, 486).to.tag == tag
    assert reply(a_request("INVITE", uri="sip:carol@example.com"), 486).to.tag != tag


@pytest.mark.parametrize(("status", "copied"), [(100, 0), (180, 2), (200, 2), (302, 0), (486, 0)])
def test_record_route_is_copied_where_a_dialog_is_made(status: int, copied: int) -> None:
    assert len(reply(INVITE, status).record_routes) == copied


def test_a_response_outside_a_dialog_has_no_record_route() -> None:
    assert not reply(a_request("OPTIONS", more=["Record-Route: <sip:p1;lr>"]), 200).record_routes


def test_headers_and_body() -> None:
    response = reply(INVITE, 200, headers=[("Contact", "<sip:me@h>")], body=SDP, content_type="application/sdp")
    assert response.contact is not None
    assert response.content_type == "application/sdp"
    assert response.body == SDP


def test_unknown_statuses_have_a_reason_too() -> None:
    assert reply(INVITE, 499).reason
    assert reply(INVITE, 200, "Fine").reason == "Fine"
    assert all(100 <= status <= 699 and reason for status, reason in REASONS.items())


def failing(data: bytes) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(data)
    return caught.value


def test_a_refusal_answers_with_the_status_of_the_error() -> None:
    response = refusal(failing(text_of("OPTIONS sip:a@b SIP/2.0", cseq="99999999999 OPTIONS")))
    assert response is not None
    assert response.status == 400
    assert response.headers.get("cseq") == "99999999999 OPTIONS"


def test_a_refusal_copies_even_a_to_that_cannot_be_read() -> None:
    response = refusal(failing(text_of("OPTIONS sip:a@b SIP/2.0", to='"open <sip:a@b>')))
    assert response is not None
    assert response.headers.get("to") == '"open <sip:a@b>'


def test_a_refusal_carries_the_headers_of_the_error() -> None:
    error = RemoteProtocolError("soon", 423, headers=[("Min-Expires", "60")])
    response = refusal(error, a_request("REGISTER"))
    assert response is not None
    assert response.headers.get("min-expires") == "60"


def test_silence_where_silence_is_due() -> None:
    assert refusal(RemoteProtocolError("no", None), INVITE) is None
    assert refusal(RemoteProtocolError("no")) is None
    assert refusal(RemoteProtocolError("no"), a_request("ACK")) is None
    assert refusal(failing(text_of("SIP/2.0 200 OK", cseq="x"))) is None
