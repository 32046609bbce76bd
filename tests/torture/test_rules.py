"""More of what RFC 4475 and RFC 5118 warn of, in messages of our own: one rule each."""

import pytest

from pbx.sip.message import Request, Response, parse
from tests.pbx.sip.messages import SDP, text_of
from tests.torture.judge import verdict

ODD = "!odd-Method0123456789_*+`.%indeed'~"


def options(**changes: str) -> bytes:
    return text_of("OPTIONS sip:user@example.com SIP/2.0", **changes)  # type: ignore[arg-type]


def test_every_character_that_a_token_may_have() -> None:
    uri = "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com"
    data = text_of(
        f"{ODD} {uri} SIP/2.0",
        via="SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
        to='"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:odd@example.com>',
        from_="token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;par''~+*_!.-%=\"работа\";tag=_t~1'+`*%!-.",
        call_id="word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
        cseq=f"139122385 {ODD}",
        more=["Max-Forwards: 255", "extensionHeader-!.%*+_`'~: ﻿大停電"],
    )
    request = parse(data)
    assert isinstance(request, Request)
    assert request.method == ODD
    assert request.request_uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert request.to.display_name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert request.to.readable_name == "BEL:  NUL:  DEL:"
    assert request.from_.tag == "_t~1'+`*%!-."
    assert parse(request.serialise()) == request
    assert verdict(data) == "405"


def test_a_reason_may_be_in_any_language() -> None:
    response = parse(text_of("SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое", cseq="1 INVITE"))
    assert isinstance(response, Response)
    assert response.reason.endswith("простое")


def test_two_messages_in_one_datagram_are_one_message() -> None:
    first = text_of("REGISTER sip:example.com SIP/2.0", more=["Contact: <sip:a@h>"])
    message = parse(first + text_of("INVITE sip:joe@example.com SIP/2.0"))
    assert isinstance(message, Request)
    assert (message.method, message.body) == ("REGISTER", b"")


def test_a_nul_in_a_user_part_is_a_character() -> None:
    data = text_of(
        "REGISTER sip:example.com SIP/2.0",
        to="sip:null-%00-null@example.com",
        more=["Contact: <sip:%00@host5.example.com>", "Contact: <sip:%00%00@host5.example.com>"],
    )
    assert verdict(data) == "accept"
    message = parse(data)
    assert [contact.uri.user for contact in message.contacts] == ["\x00", "\x00\x00"]


def test_no_space_is_needed_before_an_angle_bracket() -> None:
    assert parse(options(from_="caller<sip:caller@example.com>;tag=323")).from_.display_name == "caller"


def test_transports_that_we_do_not_speak_are_names_in_a_via() -> None:
    message = parse(options(via="SIP/2.0/UDP t1;branch=z9hG4bK1, SIP/2.0/SCTP t2, SIP/2.0/UNKNOWN t4"))
    assert [via.transport for via in message.vias] == ["UDP", "SCTP", "UNKNOWN"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (options(via="SIP/2.0/UDP 192.0.2.15;branch=z9hG4bK1;;,;,,"), "400"),
        (text_of("INVITE sip:user@example.com SIP/2.0", body=SDP).replace(b"Length: ", b"Length: -"), "400"),
        (text_of("OPTIONS <sip:user@example.com> SIP/2.0"), "400"),
        (text_of("OPTIONS  sip:user@example.com  SIP/2.0", cseq="1 OPTIONS"), "400"),
        (text_of("INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0"), "400"),
        (text_of("REGISTER sip:b SIP/2.0", more=["Contact: sip:u@example.com?Route=%3Csip:s%3E"]), "400"),
        (text_of("OPTIONS sip:user@example.com SIP/2.0", cseq="8 INVITE"), "400"),
        (options(from_="Bell, Alexander <sip:a.g.bell@example.com>;tag=43"), "accept"),
        (text_of("SIP/2.0 4294967301 better not break the receiver", cseq="1 OPTIONS"), "discard"),
        (text_of("SIP/2.0 503 Service Unavailable", cseq="9292394834772304023312 OPTIONS"), "discard"),
        (text_of("INVITE sip:user@example.com SIP/2.0", from_="", to="", call_id=""), "400"),
        (text_of("INVITE soap.beep://192.0.2.103:3002 SIP/2.0"), "416"),
        (options(from_="<http://www.example.com>;tag=1", to="isbn:2983792873"), "accept"),
        (text_of("OPTIONS sip:a@b SIP/2.0", more=["Require: nothingSupportsThis, norThis"]), "420"),
        (text_of("INVITE sip:a@b SIP/2.0", more=["Accept: text/nobodyKnowsThis"]), "406"),
        (text_of("INVITE sip:a@b SIP/2.0", more=["L: 0"]), "400"),
        (text_of("OPTIONS sip:a@b SIP/2.0", more=["Max-Forwards: 0"]), "accept"),
        (text_of("REGISTER sip:b SIP/2.0", more=["Max-Forwards: 300"]), "400"),
        (text_of("OPTIONS sip:user@2001:db8::10 SIP/2.0"), "400"),
        (text_of("OPTIONS sip:user@[2001:db8::10]:5070 SIP/2.0"), "accept"),
        (text_of("OPTIONS sip:user@[::ffff:192.0.2.10] SIP/2.0"), "accept"),
        (options(via="SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bK1"), "accept"),
        (options(via="SIP/2.0/UDP [2001:db8::9:1]:5061;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.4"), "accept"),
    ],
)
def test_one_rule_each(data: bytes, expected: str) -> None:
    assert verdict(data) == expected
