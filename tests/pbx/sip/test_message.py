"""Parsing and writing of whole messages: RFC 3261 §7, §8.1.1, §8.2, §18.3."""

import pytest

from pbx.sip.errors import LocalProtocolError, RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import CSeq, Request, Response, parse
from pbx.sip.reply import refusal
from tests.pbx.sip.messages import SDP, a_request, text_of


def request_of(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def refused(data: bytes) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(data)
    return caught.value


def test_reads_a_request() -> None:
    request = request_of(
        text_of("INVITE sip:bob@example.com SIP/2.0", more=["Content-Type: application/SDP;x=y"], body=SDP)
    )
    assert (request.method, request.uri, request.body) == ("INVITE", "sip:bob@example.com", SDP)
    assert request.cseq == CSeq(1, "INVITE")
    assert str(request.cseq) == "1 INVITE"
    assert request.from_.tag == "9fxced76sl"
    assert request.from_.display_name == "Alice"
    assert request.to.tag is None
    assert request.via.branch == "z9hG4bK74bf9"
    assert request.sip_call_id == "3848276298220188511@example.com"
    assert request.content_type == "application/sdp"
    assert request.request_uri.user == "bob"
    assert request.max_forwards is None


def test_reads_a_response() -> None:
    response = parse(text_of("SIP/2.0 180 Ringing", cseq="1 INVITE"))
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (180, "Ringing")
    assert response.is_provisional
    assert not response.is_final


@pytest.mark.parametrize(
    ("status", "provisional", "success", "failure"),
    [(100, True, False, False), (200, False, True, False), (302, False, False, True), (699, False, False, True)],
)
def test_classes_of_responses(status: int, provisional: bool, success: bool, failure: bool) -> None:
    response = Response(status, "", Headers())
    assert (response.is_provisional, response.is_success, response.is_failure) == (provisional, success, failure)
    assert response.is_final is not provisional


def test_a_reason_phrase_may_be_empty() -> None:
    response = parse(text_of("SIP/2.0 200 ", cseq="1 INVITE"))
    assert isinstance(response, Response)
    assert response.reason == ""
    assert parse(response.serialise()) == response


def test_takes_a_memoryview() -> None:
    data = text_of("OPTIONS sip:bob@example.com SIP/2.0")
    assert parse(memoryview(data)) == parse(data)


def test_line_ends_before_the_start_line_are_ignored() -> None:
    assert request_of(b"\r\n\r\n" + text_of("OPTIONS sip:a@b SIP/2.0")).method == "OPTIONS"


def test_folded_headers_are_joined() -> None:
    request = request_of(text_of("OPTIONS sip:a@b SIP/2.0", to="<sip:b@x>\r\n ;tag=1", more=["X: a\r\n\t b\r\n  c"]))
    assert request.to.tag == "1"
    assert request.headers.get("x") == "a b c"


def test_compact_forms_are_the_same_headers() -> None:
    data = (
        b"OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>\r\n"
        b"i: id\r\nCSEQ: 7 OPTIONS\r\nm: <sip:e@f>\r\nk: timer\r\nc: text/plain\r\nl: 2\r\n\r\nhi"
    )
    request = request_of(data)
    assert request.sip_call_id == "id"
    assert request.contact is not None
    assert request.supported == {"timer"}
    assert request.content_type == "text/plain"
    assert request.body == b"hi"


def test_a_space_before_the_colon_makes_no_other_header() -> None:
    request = request_of(text_of("OPTIONS sip:a@b SIP/2.0", more=["Max-Forwards \t: 7"]))
    assert request.max_forwards == 7
    doubled = refused(text_of("OPTIONS sip:a@b SIP/2.0", more=["Max-Forwards : 7", "Max-Forwards: 8"]))
    assert doubled.status == 400


def test_bytes_that_are_not_utf_8_go_out_as_they_came() -> None:
    name = "Олена".encode("cp1251")
    data = text_of("OPTIONS sip:a@b SIP/2.0").replace(b'"Alice"', b'"' + name + b'"')
    request = request_of(data)
    assert name in request.serialise()
    assert request.from_.readable_name == "Олена"


def test_utf_8_names_are_read() -> None:
    assert request_of(text_of("OPTIONS sip:a@b SIP/2.0", from_='"Їжак" <sip:a@b>;tag=1')).from_.display_name == "Їжак"
    assert request_of(text_of("OPTIONS sip:a@b SIP/2.0", from_="Їжак <sip:a@b>;tag=1")).from_.display_name == "Їжак"


def test_a_longer_content_length_than_the_datagram_is_400() -> None:
    data = text_of("INVITE sip:a@b SIP/2.0", body=SDP).replace(b"Content-Length: ", b"Content-Length: 1")
    assert refused(data).status == 400
    assert refused(data).request is not None


def test_a_shorter_content_length_cuts_the_body() -> None:
    assert request_of(text_of("INVITE sip:a@b SIP/2.0", body=b"abc") + b"trailing").body == b"abc"


def test_without_content_length_the_rest_is_the_body() -> None:
    data = text_of("INVITE sip:a@b SIP/2.0").replace(b"Content-Length: 0\r\n", b"") + SDP
    assert request_of(data).body == SDP


@pytest.mark.parametrize("length", ["-1", "+3", "1e1", "0x3", "٣", "1_0", "9" * 99, ""])
def test_a_content_length_that_is_no_number_is_400(length: str) -> None:
    data = text_of("INVITE sip:a@b SIP/2.0").replace(b"Content-Length: 0", b"Content-Length: " + length.encode())
    assert refused(data).status == 400


@pytest.mark.parametrize("missing", ["From", "To", "Call-ID", "CSeq"])
def test_a_request_without_a_mandatory_header_is_400(missing: str) -> None:
    lines = text_of("OPTIONS sip:a@b SIP/2.0").split(b"\r\n")
    error = refused(b"\r\n".join(line for line in lines if not line.startswith(missing.encode() + b":")))
    assert error.status == 400
    answer = refusal(error)
    assert answer is not None
    assert missing not in answer.headers
    assert "Via" in answer.headers


def test_a_request_without_via_gets_no_answer() -> None:
    assert refused(text_of("OPTIONS sip:a@b SIP/2.0", via="")).request is None


def test_a_broken_via_below_the_top_one_is_400() -> None:
    error = refused(text_of("OPTIONS sip:a@b SIP/2.0", via="SIP/2.0/UDP h;branch=z9hG4bK1;;,;,,"))
    assert error.status == 400
    assert error.request is not None
    assert error.request.via.sent_by_host == "h"


@pytest.mark.parametrize(
    ("accept", "taken"),
    [([], True), (["Accept: */*"], True), (["Accept: text/plain", "Accept: Application/SDP;x=y"], True),
     (["Accept: application/*"], True), (["Accept: text/plain"], False), (["Accept:"], False)],
)  # fmt: skip
def test_what_an_answer_may_hold(accept: list[str], taken: bool) -> None:
    assert request_of(text_of("INVITE sip:a@b SIP/2.0", more=accept)).accepts("application/sdp") is taken


def test_max_forwards_and_the_from_tag_may_be_absent() -> None:
    request = request_of(text_of("INVITE sip:a@b SIP/2.0", from_="<sip:a@b>"))
    assert request.max_forwards is None
    assert request.from_.tag is None


@pytest.mark.parametrize(
    "again",
    [
        "From: <sip:x@y>;tag=2",
        "t: <sip:x@y>",
        "CSeq: 2 OPTIONS",
        "i: other",
        "Content-Length: 0",
        "Max-Forwards: 7\r\nMax-Forwards: 7",
        "Expires: 7\r\nExpires: 8",
    ],
)
def test_a_single_header_said_twice_is_400(again: str) -> None:
    error = refused(text_of("OPTIONS sip:a@b SIP/2.0", more=[again]))
    assert error.status == 400
    assert error.request is not None


@pytest.mark.parametrize("cseq", ["1 BYE", "1 options"])
def test_cseq_must_name_the_method(cseq: str) -> None:
    assert refused(text_of("OPTIONS sip:a@b SIP/2.0", cseq=cseq)).status == 400


@pytest.mark.parametrize("tag", [";tag", ";tag=", ';tag=""'])
def test_a_tag_has_a_value(tag: str) -> None:
    assert refused(text_of("OPTIONS sip:a@b SIP/2.0", to=f"<sip:a@b>{tag}")).status == 400


@pytest.mark.parametrize("number", ["2147483648", "36893488147419103232", "-1", "١", "1 2", "x"])
def test_cseq_must_fit_31_bits(number: str) -> None:
    assert refused(text_of("OPTIONS sip:a@b SIP/2.0", cseq=f"{number} OPTIONS")).status == 400


def test_leading_zeros_are_fine() -> None:
    assert request_of(text_of("OPTIONS sip:a@b SIP/2.0", cseq="0009 OPTIONS")).cseq.number == 9


@pytest.mark.parametrize("header", ["Max-Forwards: 256", "Max-Forwards: -1", "Max-Forwards: x", "Expires: 4294967296"])
def test_numbers_out_of_range_are_400(header: str) -> None:
    assert refused(text_of("OPTIONS sip:a@b SIP/2.0", more=[header])).status == 400


def test_another_version_is_505() -> None:
    error = refused(text_of("OPTIONS sip:a@b SIP/7.0", via="SIP/7.0/UDP h;branch=z9hG4bK1"))
    assert error.status == 505
    assert error.request is not None


def test_an_unknown_scheme_is_416() -> None:
    assert refused(text_of("OPTIONS nobodyKnows:opaque SIP/2.0")).status == 416


def test_a_tel_uri_is_taken() -> None:
    assert request_of(text_of("INVITE tel:+380441234567 SIP/2.0")).request_uri.user == "+380441234567"


@pytest.mark.parametrize(
    "line",
    [
        "OPTIONS <sip:a@b> SIP/2.0",
        "OPTIONS sip:a@b;x y SIP/2.0",
        "OPTIONS sip:a@b SIP/2.0 ",
        "OPTIONS  sip:a@b SIP/2.0",
        "OPTIONS sip:a@b?Subject=x SIP/2.0",
        "OPTIONS sip:@b SIP/2.0",
        "OPTIONS sip:a@b:99999 SIP/2.0",
        "OPT(IONS sip:a@b SIP/2.0",
    ],
)
def test_a_broken_request_line_is_400(line: str) -> None:
    error = refused(text_of(line, cseq="1 OPTIONS"))
    assert error.status == 400
    assert error.request is not None


@pytest.mark.parametrize("line", ["", "GET / HTTP/1.1", "OPTIONS sip:a@b", "hello", "SIP/2.0 abc OK", "SIP/2.0 42 x"])
def test_what_is_no_sip_gets_no_answer(line: str) -> None:
    error = refused(text_of(line, cseq="1 OPTIONS"))
    assert error.status is None


@pytest.mark.parametrize("line", ["SIP/2.0 099 Low", "SIP/2.0 700 High", "SIP/3.0 200 OK", "SIP/2.0 200 O\rK"])
def test_a_broken_response_is_discarded(line: str) -> None:
    assert refused(text_of(line, cseq="1 OPTIONS")).status is None


def test_a_response_with_a_broken_header_is_discarded() -> None:
    assert refused(text_of("SIP/2.0 200 OK", cseq="broken")).status is None


@pytest.mark.parametrize("line", ["no colon", ": no name", "na(me: x", "X: a\rb", "X: a\nTo: <sip:evil@x>", "é: x"])
def test_a_broken_header_line_is_400(line: str) -> None:
    error = refused(text_of("OPTIONS sip:a@b SIP/2.0", more=[line]))
    assert error.status == 400
    assert error.request is not None


def test_a_message_without_an_empty_line_is_discarded() -> None:
    assert refused(b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n").status is None


def test_a_bad_ack_is_never_answered() -> None:
    assert refused(text_of("ACK sip:a@b SIP/2.0", cseq="1 INVITE")).request is None


def test_a_bad_request_whose_via_cannot_be_read_is_not_answered() -> None:
    assert refused(text_of("OPTIONS sip:a@b SIP/2.0", via="nonsense")).request is None


def test_lists_may_be_split_over_lines_or_commas() -> None:
    request = request_of(
        text_of(
            "OPTIONS sip:a@b SIP/2.0",
            via="SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/TCP b:5062",
            more=["Via: SIP/2.0/TLS [2001:db8::1]:5061", "Route: <sip:p;lr>,<sip:q;lr>", "Require: a, B", "Require: c"],
        )
    )
    assert [(via.transport, via.sent_by_host, via.sent_by_port) for via in request.vias] == [
        ("UDP", "a", None),
        ("TCP", "b", 5062),
        ("TLS", "2001:db8::1", 5061),
    ]
    assert [route.uri.host for route in request.routes] == ["p", "q"]
    assert request.require == {"a", "b", "c"}


def test_contacts() -> None:
    request = request_of(
        text_of("REGISTER sip:b SIP/2.0", more=['Contact: "a, b" <sip:a@b;x=1>;q=0.5, sip:c@d;expires=5'])
    )
    first, second = request.contacts
    assert (first.display_name, first.uri.parameters, first.parameters) == ("a, b", {"x": "1"}, {"q": "0.5"})
    assert (second.uri.parameters, second.parameters) == ({}, {"expires": "5"})


def test_the_wildcard_contact_is_no_address() -> None:
    request = request_of(text_of("REGISTER sip:b SIP/2.0", more=["Contact: *"]))
    assert request.is_wildcard
    assert request.contact is None


def test_a_cached_view_follows_its_header() -> None:
    request = a_request("OPTIONS")
    assert len(request.vias) == 1
    request.headers.prepend("Via", "SIP/2.0/UDP proxy;branch=z9hG4bKnew")
    assert request.via.branch == "z9hG4bKnew"


def test_writes_the_true_content_length() -> None:
    request = a_request("INVITE", body=SDP)
    shorter = Request(request.method, request.uri, request.headers, b"abc")
    assert b"\r\nContent-Length: 3\r\n" in shorter.serialise()
    assert shorter.serialise().endswith(b"\r\n\r\nabc")
    assert b"Content-Length: 0\r\n\r\n" in Request("OPTIONS", "sip:a@b", Headers()).serialise()


@pytest.mark.parametrize("text", ["a\r\nX: y", "a\nb"])
def test_our_own_start_line_cannot_break_out(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        Response(200, text, Headers()).serialise()
    with pytest.raises(LocalProtocolError):
        Request("OPTIONS", text, Headers()).serialise()


def test_text_that_is_no_unicode_is_our_fault() -> None:
    with pytest.raises(LocalProtocolError):
        Response(200, "\ud800", Headers()).serialise()
