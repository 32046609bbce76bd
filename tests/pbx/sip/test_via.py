"""Via and the way back of a response: RFC 3261 §18.2, §20.42; RFC 3581; RFC 5118 §4.5."""

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Via, parse, response_destination, stamp
from pbx.sip.via import parse_vias
from tests.pbx.sip.messages import a_request


@pytest.mark.parametrize(
    ("text", "host", "port", "branch"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "192.0.2.1", 5060, "z9hG4bK1"),
        ("SIP  /   2.0  /UDP     192.0.2.2;branch=390skdjuw", "192.0.2.2", None, "390skdjuw"),
        ("SIP/2.0/TLS [2001:db8::9:1]:5061 ; branch = z9hG4bK1", "2001:db8::9:1", 5061, "z9hG4bK1"),
        ("SIP/2.0/UDP [2001:db8::9:1]", "2001:db8::9:1", None, None),
        ("SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKasudf", "df7jal23ls0d.invalid", None, "z9hG4bKasudf"),
        ("SIP/2.0/UDP first : 4000 ;x", "first", 4000, None),
    ],
)
def test_reads(text: str, host: str, port: int | None, branch: str | None) -> None:
    via = Via.parse(text)
    assert (via.protocol, via.sent_by_host, via.sent_by_port, via.branch) == ("SIP/2.0", host, port, branch)
    assert Via.parse(str(via)) == via


@pytest.mark.parametrize(
    "text",
    ["", "SIP/2.0/UDP", "SIP/2.0 host", "SIP/2.0/UDP ho st", "SIP/2.0/UDP h:x", "SIP/2.0/UDP h:65536", "://", "/"],
)
def test_what_is_no_via(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Via.parse(text)


def test_received_may_come_in_brackets() -> None:
    via = Via.parse("SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111")
    assert via.received == "2001:db8::9:255"


@pytest.mark.parametrize(
    ("parameter", "rport"), [("rport", None), ("rport=5062", 5062), ("rport=x", None), ("rport=99999", None)]
)
def test_rport(parameter: str, rport: int | None) -> None:
    assert Via.parse(f"SIP/2.0/UDP h;{parameter}").rport == rport


def stamped(via: str, source: tuple[str, int]) -> Via:
    request = a_request("OPTIONS", via=via)
    stamp(request, *source)
    assert parse(request.serialise()) == request
    return request.via


def test_received_is_added_when_the_packet_came_from_elsewhere() -> None:
    via = stamped("SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1", ("192.0.2.9", 1024))
    assert via.received == "192.0.2.9"
    assert via.rport is None
    assert response_destination(via) == ("192.0.2.9", 5062)


def test_received_is_added_to_a_domain_name() -> None:
    assert stamped("SIP/2.0/WS a.invalid;branch=z9hG4bK1", ("192.0.2.9", 1024)).received == "192.0.2.9"


def test_received_is_not_added_to_the_true_address() -> None:
    via = stamped("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1", ("192.0.2.9", 1024))
    assert via.received is None
    assert response_destination(via) == ("192.0.2.9", 5060)


def test_rport_is_filled_in_and_received_with_it() -> None:
    via = stamped("SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bK1", ("192.0.2.9", 1024))
    assert (via.received, via.rport) == ("192.0.2.9", 1024)
    assert response_destination(via) == ("192.0.2.9", 1024)


def test_what_the_sender_says_of_its_address_is_overwritten() -> None:
    via = stamped("SIP/2.0/UDP 192.0.2.9;received=203.0.113.5;rport=53;branch=z9hG4bK1", ("192.0.2.9", 1024))
    assert (via.received, via.rport) == ("192.0.2.9", 1024)


def test_an_ipv6_source() -> None:
    via = stamped("SIP/2.0/UDP [2001:db8::1];rport;branch=z9hG4bK1", ("2001:db8::2", 1024))
    assert response_destination(via) == ("2001:db8::2", 1024)


def test_maddr_does_not_aim_our_answers() -> None:
    via = stamped("SIP/2.0/UDP 192.0.2.9;maddr=203.0.113.5;branch=z9hG4bK1", ("192.0.2.9", 1024))
    assert response_destination(via) == ("192.0.2.9", 5060)


def test_tls_has_a_default_port_of_its_own() -> None:
    assert response_destination(Via.parse("SIP/2.0/TLS 192.0.2.9")) == ("192.0.2.9", 5061)


def test_only_the_top_via_is_stamped() -> None:
    request = a_request("OPTIONS", via="SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b;rport;branch=z9hG4bK2")
    stamp(request, "192.0.2.9", 1024)
    assert [via.received for via in request.vias] == ["192.0.2.9", None]


def test_more_than_70_vias_are_too_many_hops() -> None:
    value = ", ".join(["SIP/2.0/UDP h;branch=z9hG4bK1"] * 70)
    assert len(parse_vias([value])) == 70
    with pytest.raises(RemoteProtocolError) as caught:
        parse_vias([value, "SIP/2.0/UDP h"])
    assert caught.value.status == 483
