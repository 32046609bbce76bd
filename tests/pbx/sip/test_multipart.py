"""The session description among the parts of a body: RFC 5621, RFC 2046 §5.1, RFC 3261 §20.11."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request
from pbx.sip.multipart import session_body
from tests.pbx.sip.messages import SDP, a_request

OPTIONAL = "Content-Disposition: signal;handling=optional"
SDP_PART = ("application/sdp", SDP)


def part(content_type: str, body: bytes, *headers: str) -> bytes:
    lines = [f"Content-Type: {content_type}", *headers] if content_type else list(headers)
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def mixed(parts: Sequence[bytes], boundary: str = "bound") -> bytes:
    line = b"--" + boundary.encode()
    return b"".join(line + b"\r\n" + piece + b"\r\n" for piece in parts) + line + b"--\r\n"


def invite(body: bytes, content_type: str = "multipart/mixed;boundary=bound", *more: str) -> Request:
    return a_request(more=[*([f"Content-Type: {content_type}"] if content_type else []), *more], body=body)


def refusal(request: Request) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        session_body(request)
    return caught.value


def test_a_plain_session_description() -> None:
    assert session_body(invite(SDP, "application/sdp")) == SDP
    assert session_body(invite(SDP, "Application/SDP;charset=utf-8")) == SDP
    assert session_body(a_request()) == b""


def test_a_body_of_no_stated_type_is_taken_for_a_session_description() -> None:
    assert session_body(invite(SDP, "")) == SDP


@pytest.mark.parametrize("at", [0, 1])
def test_sdp_beside_an_optional_part(at: int) -> None:
    parts = [part("application/isup;version=itu-t92+", b"\x01\x00\x49", OPTIONAL)]
    parts.insert(at, part(*SDP_PART))
    assert session_body(invite(mixed(parts))) == SDP


def test_a_quoted_boundary_preamble_epilogue_and_padding() -> None:
    body = b"preamble\r\n--a b\r\n" + part(*SDP_PART) + b"\r\n--a b \t\r\n" + part("x/y", b"", OPTIONAL)
    request = invite(body + b"\r\n--a b--\r\nepilogue", 'multipart/mixed; boundary="a b"')
    assert session_body(request) == SDP


def test_parts_within_a_part() -> None:
    inner = mixed([part(*SDP_PART), part("text/plain", b"hello", OPTIONAL)], "inner")
    assert session_body(invite(mixed([part("multipart/mixed;boundary=inner", inner)]))) == SDP


def test_a_part_that_must_be_understood_and_is_not_is_415() -> None:
    error = refusal(invite(mixed([part(*SDP_PART), part("application/isup", b"\x01")])))
    assert error.status == 415
    assert dict(error.headers) == {"Accept": "application/sdp, multipart/mixed"}


def test_a_part_without_a_type_is_text_that_must_be_understood() -> None:
    assert refusal(invite(mixed([b"\r\nhello", part(*SDP_PART)]))).status == 415


def test_of_alternatives_the_last_that_is_understood_is_taken() -> None:
    """RFC 5621 §4.2 with RFC 2046 §5.1.4: the best comes last, and what is not understood is passed over."""
    other = SDP.replace(b"49172", b"49174")
    kind = "multipart/alternative;boundary=bound"
    parts = [part(*SDP_PART), part("application/sdp", other), part("application/sdpng", b"<x/>")]
    assert session_body(invite(mixed(parts), kind)) == other
    assert refusal(invite(mixed([part("application/sdpng", b"<x/>")]), kind)).status == 415


@pytest.mark.parametrize(("disposition", "found"), [("session", True), ("render", False), ("early-session", False)])
def test_only_a_session_disposition_is_the_offer(disposition: str, found: bool) -> None:
    body = session_body(invite(SDP, "application/sdp", f"Content-Disposition: {disposition};handling=optional"))
    assert (body == SDP) is found


def test_another_type_is_415_unless_it_is_optional() -> None:
    assert refusal(invite(b"hello", "text/plain")).status == 415
    assert session_body(invite(b"hello", "text/plain", OPTIONAL)) == b""


@pytest.mark.parametrize("encoding", ["gzip", "GZIP, identity"])
def test_an_encoded_body_is_415_and_says_which_encoding_is_read(encoding: str) -> None:
    error = refusal(invite(SDP, "application/sdp", f"Content-Encoding: {encoding}"))
    assert error.status == 415
    assert dict(error.headers) == {"Accept-Encoding": "identity"}
    assert session_body(invite(SDP, "application/sdp", "Content-Encoding: identity")) == SDP


def test_an_encoded_part_is_415() -> None:
    error = refusal(invite(mixed([part("application/sdp", SDP, "Content-Encoding: gzip")])))
    assert error.status == 415


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (mixed([part(*SDP_PART)]), "multipart/mixed"),  # no boundary
        (mixed([part(*SDP_PART)]), 'multipart/mixed;boundary=""'),
        (mixed([part(*SDP_PART)], "b" * 71), f"multipart/mixed;boundary={'b' * 71}"),
        (mixed([part(*SDP_PART)]), "multipart/mixed;boundary=other"),
        (mixed([part(*SDP_PART)]).removesuffix(b"--\r\n"), "multipart/mixed;boundary=bound"),  # never ends
        (b"--bound junk\r\n" + part(*SDP_PART) + b"\r\n--bound--", "multipart/mixed;boundary=bound"),
        (mixed([part("x/y", b"", OPTIONAL)] * 9), "multipart/mixed;boundary=bound"),
    ],
)
def test_a_broken_multipart_body_is_400(body: bytes, content_type: str) -> None:
    assert refusal(invite(body, content_type)).status == 400


def test_eight_parts_are_read() -> None:
    assert session_body(invite(mixed([part("x/y", b"", OPTIONAL)] * 7 + [part(*SDP_PART)]))) == SDP


def test_nesting_is_bounded() -> None:
    """Three deep is no longer looked into: it is a body that is not understood."""
    body, kind = SDP, "application/sdp"
    for name in ("c", "b", "bound"):
        body, kind = mixed([part(kind, body)], name), f"multipart/mixed;boundary={name}"
    assert refusal(invite(body)).status == 415
