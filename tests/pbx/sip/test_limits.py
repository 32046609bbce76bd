"""What a stranger's packet may cost: bounds before content, and never more than a few milliseconds.

Cost is CPU time, the best of some runs, counted in ordinary INVITEs: so neither a busy nor a slow machine matters.
An INVITE takes some 30 microseconds, and 100 of them stay below the 5 milliseconds that one message may hold the loop.
"""

import time
from collections.abc import Callable

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.fields import MAX_CONTACTS
from pbx.sip.headers import MAX_HEADER_LENGTH, MAX_HEADERS
from pbx.sip.message import MAX_MESSAGE, parse
from tests.pbx.sip import invariant
from tests.pbx.sip.messages import files, text_of

PARSING = 100  # INVITEs
EVERYTHING = 500  # reading every header, answering, three passes over the session description


def refused(data: bytes) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(data)
    return caught.value


def cpu_time(work: Callable[[], object], runs: int) -> float:
    best = 10.0
    for _ in range(runs):
        before = time.process_time()
        try:
            work()
        except RemoteProtocolError:
            pass
        best = min(best, time.process_time() - before)
    return best


@pytest.fixture(scope="module")
def invite() -> float:
    """Seconds that an ordinary INVITE takes to parse."""
    data = max(files("flows-rfc3665", "INVITE.sip"), key=lambda path: path.stat().st_size).read_bytes()
    return cpu_time(lambda: [parse(data) for _ in range(10)], runs=20) / 10


def fill(text: str, length: int = MAX_HEADER_LENGTH - 100) -> str:
    return (text * (length // len(text) + 1))[:length]


def options(**changes: str) -> bytes:
    return text_of("OPTIONS sip:a@b SIP/2.0", **changes)  # type: ignore[arg-type]


def offering(body: bytes) -> bytes:
    head = b"v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 192.0.2.1\r\n"
    return text_of("INVITE sip:a@b SIP/2.0", more=["Contact: <sip:a@b>"], body=head + body)


MANY_HEADERS = b"OPTIONS sip:a@b SIP/2.0\r\n" + b"".join(b"%04x:a\r\n" % at for at in range(8000)) + b"\r\n"


def test_thousands_of_headers_are_refused_unread(invite: float) -> None:
    assert len(MANY_HEADERS) < MAX_MESSAGE
    assert refused(MANY_HEADERS).status is None
    assert cpu_time(lambda: parse(MANY_HEADERS), runs=5) < 10 * invite


def test_256_headers_are_the_most() -> None:
    usual = 6
    assert parse(text_of("OPTIONS sip:a@b SIP/2.0", more=["X: y"] * (MAX_HEADERS - usual)))
    assert refused(text_of("OPTIONS sip:a@b SIP/2.0", more=["X: y"] * (MAX_HEADERS - usual + 1)))


def test_8_kib_are_the_longest_header() -> None:
    assert parse(text_of("OPTIONS sip:a@b SIP/2.0", more=["X: " + "y" * (MAX_HEADER_LENGTH - 3)]))
    assert refused(text_of("OPTIONS sip:a@b SIP/2.0", more=["X: " + "y" * (MAX_HEADER_LENGTH - 2)])).request is None


def test_64_kib_are_the_longest_message() -> None:
    data = text_of("OPTIONS sip:a@b SIP/2.0")
    assert parse(data + b"x" * (MAX_MESSAGE - len(data)))
    assert refused(data + b"x" * (MAX_MESSAGE - len(data) + 1)).status is None


def test_a_request_line_has_a_bound() -> None:
    assert refused(text_of(f"OPTIONS sip:{fill('a', 20000)} SIP/2.0")).status == 414


def test_a_folded_header_is_measured_whole() -> None:
    folded = "X: " + "\r\n ".join(["y" * 90] * 100)
    assert refused(text_of("OPTIONS sip:a@b SIP/2.0", more=[folded]))


def test_ten_contacts_are_the_most() -> None:
    def contacts(number: int) -> bytes:
        return text_of("REGISTER sip:b SIP/2.0", more=["Contact: <sip:a@h>"] * number)

    assert len(parse(contacts(MAX_CONTACTS)).contacts) == MAX_CONTACTS
    with pytest.raises(RemoteProtocolError):
        _ = parse(contacts(MAX_CONTACTS + 1)).contacts


def test_seventy_routes_are_the_most() -> None:
    message = parse(text_of("OPTIONS sip:a@b SIP/2.0", more=["Route: " + ",".join(["<sip:p;lr>"] * 71)]))
    with pytest.raises(RemoteProtocolError):
        _ = message.routes


LATE = (
    "Reason", "Privacy", "P-Asserted-Identity", "Diversion", "History-Info", "Refer-To", "Replaces", "Session-Expires",
    "Allow", "Supported", "Record-Route", "RAck", "Referred-By", "WWW-Authenticate",
)  # fmt: skip
"""Headers that are read only when their room asks."""
TROUBLE = ["<", '"', ",", ";", " ", "=", ";a", ";a=", ',"', "%00", "[", ":", '<"', ';b="\\"', ", SIP/2.0/UDP h", "\\"]
HOSTILE: dict[str, bytes] = {
    "many headers": MANY_HEADERS,
    "folds": b"OPTIONS sip:a@b SIP/2.0\r\nX: " + b"\r\n " * 21000 + b"\r\n\r\n",
    "spaces": b"OPTIONS sip:a@b SIP/2.0\r\nX" + b" " * 60000 + b": x\r\n\r\n",
    "empty lines": b"\r\n" * 32000,
    "at signs": text_of("OPTIONS sip:" + fill("a@") + " SIP/2.0"),
    "parameters": text_of("OPTIONS sip:a@b" + fill(";a") + " SIP/2.0"),
    "URI headers": text_of("OPTIONS sip:a@b?" + fill("a&") + " SIP/2.0"),
    "words": text_of("OPTIONS " + fill("a b ", 60000) + " SIP/2.0"),
    "m-lines": offering(b"m=audio 9 RTP/AVP 0\r\n" * 2900),
    "formats": offering(b"m=audio 9 RTP/AVP" + b" 0" * 30000 + b"\r\n"),
    "useless formats": offering((b"m=audio 9 RTP/AVP" + b" 18" * 128 + b"\r\n" + b"a=fmtp:18 x\r\n" * 60) * 15),
    "attributes": offering(b"m=audio 9 RTP/AVP 0\r\n" + b"a=rtpmap:0 PCMU/8000/1 abcdefghijklmno\r\n" * 1000),
    "one attribute": offering(b"m=audio 9 RTP/AVP 0\r\na=" + b"x" * 60000),
    "empty SDP lines": offering(b"\n" * 60000),
    "colons": offering(b"m=audio 9 RTP/AVP 0\r\nc=IN IP6 " + b":" * 60000),
}
for trouble in TROUBLE:
    for header, start in {
        "via": "SIP/2.0/UDP h;branch=z9hG4bK1",
        "to": "<sip:a@b>",
        "from_": "<sip:a@b>;tag=1",
        "cseq": "1 OPTIONS",
        "call_id": "x",
    }.items():
        HOSTILE[f"{header} {trouble}"] = options(**{header: start + fill(trouble)})
    for name in ("Contact", "Route", "Require", "Accept", "Authorization", "Path"):
        HOSTILE[f"{name} {trouble}"] = text_of("REGISTER sip:b SIP/2.0", more=[f"{name}: {fill(trouble)}"] * 7)
        HOSTILE[f"many {name} {trouble}"] = text_of(
            "REGISTER sip:b SIP/2.0", more=[f"{name}: {fill(trouble, 230)}"] * 240
        )

    for name in LATE:
        HOSTILE[f"late {name} {trouble}"] = text_of(
            "INVITE sip:b SIP/2.0", more=["Contact: <sip:a@b>", *[f"{name}: {fill(trouble, 900)}"] * 60]
        )


def publishing(body: bytes, kind: str = "application/pidf+xml") -> bytes:
    more = ["Event: presence", f"Content-Type: {kind}", "Contact: <sip:a@b>"]
    return text_of("PUBLISH sip:b SIP/2.0", more=more, body=body)


HOSTILE |= {
    "deep XML": publishing(b"<a>" * 5400),
    "deep XML that ends": publishing(b"<a>" * 2300 + b"</a>" * 2300),
    "wide XML": publishing(b"<presence>" + b"<note/>" * 2300 + b"</presence>"),
    "attributes of XML": publishing(b"<presence " + b"".join(b'a%d="" ' % at for at in range(1800)) + b"/>"),
    "namespaces of XML": publishing(b"<presence " + b"".join(b'xmlns:a%d="x" ' % at for at in range(900)) + b"/>"),
    "entities of XML": publishing(b"<presence>" + b"&amp;" * 3200 + b"</presence>"),
    "many parts": publishing(b"--b\r\n\r\n" * 9000, "multipart/mixed;boundary=b"),
    "nearly many parts": publishing(b"\r\n--" * 15000, "multipart/mixed;boundary=b"),
    "one long boundary": publishing(b"\r\n--" + b"-" * 60000, f"multipart/mixed;boundary={'-' * 70}"),
    "headers of a part": publishing(b"--b\r\n" + b"a:b\r\n" * 12000 + b"\r\n--b--", "multipart/mixed;boundary=b"),
    "a long status line": publishing(b"SIP/2.0 " + b"2" * 60000, "message/sipfrag"),
    "digits": publishing(b"Signal=5\r\n" * 6000, "application/dtmf-relay"),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_no_message_holds_the_loop(name: str, invite: float) -> None:
    data = HOSTILE[name]
    assert cpu_time(lambda: parse(data), runs=3) < PARSING * invite
    assert cpu_time(lambda: invariant.check_message(data), runs=3) < EVERYTHING * invite
