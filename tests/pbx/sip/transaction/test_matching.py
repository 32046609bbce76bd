"""RFC 3261 §17.1.3, §17.2.3, §9.1, §17.1.1.3: which messages make one transaction."""

import pytest

from pbx.sip.errors import LocalProtocolError
from pbx.sip.message import Request, parse
from pbx.sip.transaction import ack_for, cancel_for, client_key, invite_key, server_key
from tests.pbx.sip.messages import a_request, a_response

INVITE = a_request("INVITE", more=["Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>", "Route: <sip:p3;lr>"])
OLD_VIA = "SIP/2.0/UDP iftgw.example.com"


def test_a_response_has_the_key_of_its_request() -> None:
    assert client_key(a_response(INVITE, 200)) == client_key(INVITE)


def test_the_response_to_a_cancel_is_not_the_response_to_its_invite() -> None:
    cancel = cancel_for(INVITE)
    assert cancel.via.branch == INVITE.via.branch
    assert client_key(a_response(cancel, 200)) == client_key(cancel) != client_key(INVITE)


def test_a_retransmission_has_the_key_of_the_original() -> None:
    assert server_key(a_request("INVITE")) == server_key(a_request("INVITE"))


def test_the_ack_of_a_failure_has_the_key_of_its_invite() -> None:
    ack = ack_for(INVITE, a_response(INVITE, 486))
    assert server_key(ack) == server_key(INVITE) == invite_key(ack)


def test_the_ack_of_a_2xx_has_a_key_of_its_own() -> None:
    ack = a_request("ACK", via="SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bKanother")
    assert server_key(ack) != server_key(INVITE)


def test_a_cancel_is_a_transaction_of_its_own_and_finds_its_invite() -> None:
    cancel = cancel_for(INVITE)
    assert server_key(cancel) != server_key(INVITE)
    assert invite_key(cancel) == server_key(INVITE)


@pytest.mark.parametrize(
    "via",
    [
        "SIP/2.0/UDP 192.0.2.102:5060;branch=z9hG4bK74bf9",
        "SIP/2.0/UDP 192.0.2.101:5062;branch=z9hG4bK74bf9",
        "SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74bf8",
    ],
)
def test_another_sent_by_or_branch_is_another_transaction(via: str) -> None:
    assert server_key(a_request("INVITE", via=via)) != server_key(a_request("INVITE"))


def test_rfc_2543_requests_match_by_their_headers() -> None:
    invite = a_request("INVITE", via=OLD_VIA)
    ack = a_request("ACK", via=OLD_VIA, to="<sip:bob@example.com>;tag=ours", cseq="1 ACK")
    assert server_key(ack) == server_key(invite)
    assert server_key(a_request("INVITE", via=OLD_VIA, cseq="2 INVITE")) != server_key(invite)
    assert server_key(a_request("INVITE", via=OLD_VIA, from_="<sip:a@b>;tag=x")) != server_key(invite)


def test_a_branch_that_is_only_the_cookie_names_no_transaction() -> None:
    via = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"
    first, second = (a_request("OPTIONS", via=via, cseq=f"{number} OPTIONS") for number in (1, 2))
    assert server_key(first) != server_key(second)


@pytest.mark.parametrize(
    "derived", [ack_for(INVITE, a_response(INVITE, 486)), cancel_for(INVITE)], ids=["ACK", "CANCEL"]
)
def test_hop_by_hop_requests_repeat_what_the_hop_matches_by(derived: Request) -> None:
    assert derived.uri == INVITE.uri
    assert [str(via) for via in derived.vias] == [str(INVITE.via)]
    assert derived.cseq == (INVITE.cseq.number, derived.method)
    assert derived.headers.all("route") == INVITE.headers.all("route")
    assert derived.from_ == INVITE.from_
    assert derived.sip_call_id == INVITE.sip_call_id
    assert parse(derived.serialise()) == derived


def test_the_ack_takes_its_to_from_the_response_and_the_cancel_from_the_invite() -> None:
    assert ack_for(INVITE, a_response(INVITE, 486)).to.tag == "314159"
    assert cancel_for(INVITE).to.tag is None


def test_a_hop_by_hop_request_carries_only_the_top_via() -> None:
    invite = a_request("INVITE", via="SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2")
    assert [via.sent_by_host for via in cancel_for(invite).vias] == ["a"]


def test_only_an_invite_is_cancelled() -> None:
    with pytest.raises(LocalProtocolError):
        cancel_for(a_request("OPTIONS"))
