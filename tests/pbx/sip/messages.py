"""Messages for the tests of the SIP core, short where the test does not care."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pbx.sip.message import Request, Response, parse
from pbx.sip.reply import reply

DATA = Path(__file__).parents[2] / "data" / "sip"

SDP = (
    b"v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.101\r\ns=-\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\n"
    b"m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
)


def text_of(
    start_line: str,
    *,
    via: str = "SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74bf9",
    from_: str = '"Alice" <sip:alice@example.com>;tag=9fxced76sl',
    to: str = "<sip:bob@example.com>",
    call_id: str = "3848276298220188511@example.com",
    cseq: str | None = None,
    more: Sequence[str] = (),
    body: bytes = b"",
) -> bytes:
    """A message as bytes; an empty string leaves a header out."""
    method = start_line.split(" ")[0]
    named = {
        "Via": via,
        "From": from_,
        "To": to,
        "Call-ID": call_id,
        "CSeq": f"1 {method}" if cseq is None else cseq,
    }
    lines = [start_line, *(f"{name}: {value}" for name, value in named.items() if value), *more]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("utf-8", "surrogateescape") + body


def a_request(
    method: str = "INVITE",
    *,
    uri: str = "sip:bob@example.com",
    via: str = "SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74bf9",
    from_: str = '"Alice" <sip:alice@example.com>;tag=9fxced76sl',
    to: str = "<sip:bob@example.com>",
    cseq: str | None = None,
    more: Sequence[str] = ("Contact: <sip:alice@192.0.2.101>",),
    body: bytes = b"",
) -> Request:
    request = parse(text_of(f"{method} {uri} SIP/2.0", via=via, from_=from_, to=to, cseq=cseq, more=more, body=body))
    assert isinstance(request, Request)
    return request


def a_response(
    request: Request, status: int, *, to_tag: str | None = "314159", headers: Sequence[tuple[str, str]] = ()
) -> Response:
    return reply(request, status, to_tag=to_tag, headers=headers)


def files(folder: str, suffix: str) -> list[Path]:
    found = sorted((DATA / folder).glob(f"*{suffix}"))
    assert found, folder
    return found
