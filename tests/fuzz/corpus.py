"""What the mutations start from: the messages of `tests/data/sip`, and one of each kind that we or our phones send."""

from __future__ import annotations

from functools import lru_cache

from pbx.sip.message import Request, parse
from pbx.sip.reply import reply
from tests.pbx.sip.messages import DATA, SDP

FOLDERS = (
    "torture-rfc4475",
    "torture-rfc5118",
    "flows-rfc3665",
    "flows-rfc7118",
    "sip-fuzz",
    "scanners",
    "found",  # by these fuzzers
)
PIDF = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" '
    b'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" '
    b'entity="pres:1001@example.com"><tuple id="t"><status><basic>open</basic></status><note>Hi</note></tuple>'
    b'<dm:person id="p"><rpid:activities><rpid:away/></rpid:activities></dm:person></presence>\n'
)
DIALOG_INFO = (
    b'<?xml version="1.0"?>\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" '
    b'entity="sip:1001@example.com"><dialog id="1" direction="initiator"><state>confirmed</state></dialog>'
    b"</dialog-info>\n"
)
SDES = SDP + b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4\r\n"
HELD = SDP + b"a=sendonly\r\n"
TWO_STREAMS = SDP + b"m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=ice-ufrag:x\r\na=setup:actpass\r\n"
PARTS = (
    b"--b\r\nContent-Type: application/sdp\r\n\r\n" + SDP + b"\r\n--b\r\nContent-Type: application/isup\r\n"
    b"Content-Disposition: signal;handling=optional\r\n\r\n\x01\x02\x00\r\n--b--\r\n"
)
DIGEST = (
    'Digest username="1001", realm="dzvin", nonce="AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", '
    'uri="sip:example.com", response="d41d8cd98f00b204e9800998ecf8427e", algorithm=MD5, '
    'qop=auth, nc=00000001, cnonce="c"'
)
REPLACES = "3848276298220188511%40example.com%3Bto-tag%3D1%3Bfrom-tag%3D2"

OWN: tuple[tuple[str, tuple[str, ...], bytes], ...] = (
    ("REGISTER", (f"Authorization: {DIGEST}", "Expires: 300", "Path: <sip:p.example.com;lr>"), b""),
    ("REGISTER", ("Contact: *", "Expires: 0"), b""),
    ("REGISTER", ('Contact: <sip:a@h>;q=0.7;expires=60;+sip.instance="<urn:uuid:1>";reg-id=1',), b""),
    ("INVITE", ("Content-Type: application/sdp", "Session-Expires: 1800;refresher=uac", "k: timer, 100rel"), SDP),
    ("INVITE", ("Content-Type: application/sdp", "Replaces: x@y;to-tag=1;from-tag=2;early-only", "Min-SE: 90"), SDES),
    ("INVITE", ("Content-Type: multipart/mixed;boundary=b", "Record-Route: <sip:p1;lr>, <sip:p2>"), PARTS),
    ("INVITE", ("Content-Type: application/sdp", "P-Asserted-Identity: <sip:+380441112233@p>, <tel:+380441112233>",
                "Privacy: id;user", 'Diversion: "A" <sip:200@h>;reason=no-answer;counter=1',
                "History-Info: <sip:a@b>;index=1"),
     TWO_STREAMS),
    ("INVITE", ("Content-Type: application/sdp", "Remote-Party-ID: <sip:9@h>;party=calling;privacy=full",
                "Require: 100rel", "Expires: 120", "Call-Info: <sip:h>;answer-after=0"), HELD),
    ("UPDATE", ("Content-Type: application/sdp", "Session-Expires: 90"), HELD),
    ("PRACK", ("RAck: 776656 1 INVITE",), b""),
    ("ACK", ("Content-Type: application/sdp",), SDP),
    ("BYE", ('Reason: Q.850;cause=16;text="bye", SIP;cause=200',), b""),
    ("CANCEL", ('Reason: SIP;cause=200;text="Call completed elsewhere"',), b""),
    ("INFO", ("Content-Type: application/dtmf-relay",), b"Signal=5\r\nDuration=160\r\n"),
    ("INFO", ("Content-Type: application/dtmf",), b"#"),
    ("REFER", (f"Refer-To: <sip:bob@example.com;method=INVITE?Replaces={REPLACES}>", "Referred-By: <sip:a@b>",
               "Refer-Sub: false"), b""),
    ("NOTIFY", ("Event: refer;id=2", "Subscription-State: terminated;reason=noresource",
                "Content-Type: message/sipfrag;version=2.0"), b"SIP/2.0 200 OK\r\n"),
    ("NOTIFY", ("Event: dialog", "Subscription-State: active;expires=60", "Content-Type: application/dialog-info+xml"),
     DIALOG_INFO),
    ("SUBSCRIBE", ("Event: dialog;id=7", "Accept: application/dialog-info+xml", "Expires: 600"), b""),
    ("SUBSCRIBE", ("Event: message-summary", "Accept: application/simple-message-summary;q=0.5, */*"), b""),
    ("PUBLISH", ("Event: presence", "SIP-If-Match: e1", "Expires: 60", "Content-Type: application/pidf+xml"), PIDF),
    ("MESSAGE", ("Content-Type: text/plain;charset=utf-8", "Content-Encoding: identity"), "привіт".encode()),
    ("OPTIONS", ("Accept: application/sdp", "Require: timer", "Proxy-Require: x"), b""),
)  # fmt: skip
ANSWERS = (
    (180, (("Require", "100rel"), ("RSeq", "776656"))),
    (183, (("Content-Type", "application/sdp"),)),
    (200, (("Content-Type", "application/sdp"), ("Session-Expires", "1800;refresher=uas"), ("Require", "timer"))),
    (302, (("Contact", "<sip:a@h>;q=0.9, <sip:b@h>;q=0.1"),)),
    (401, (("WWW-Authenticate", 'Digest realm="p", nonce="n", algorithm=SHA-256, qop="auth,auth-int", stale=true'),)),
    (407, (("Proxy-Authenticate", 'Digest realm="p", nonce="n", opaque="o"'),)),
    (422, (("Min-SE", "180"),)),
    (491, ()),
    (503, (("Retry-After", '18;duration=3600 (later, "or never")'),)),
    (603, (("Reason", "Q.850;cause=21"),)),
)


def a_message(method: str, more: tuple[str, ...] = (), body: bytes = b"") -> bytes:
    lines = [
        f"{method} sip:1002@example.com;transport=udp SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74bf9;rport, SIP/2.0/TCP [2001:db8::1];branch=z9hG4bKold",
        'From: "Olena" <sip:1001@example.com>;tag=9fxced76sl',
        "To: <sip:1002@example.com>",
        "Call-ID: 3848276298220188511@example.com",
        f"CSeq: 1 {method}",
        "Max-Forwards: 70",
        "Contact: <sip:1001@192.0.2.101:5062;ob>;expires=300",
        *more,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@lru_cache(1)
def seeds() -> tuple[bytes, ...]:
    """All of them, in an order that does not change."""
    kept = [
        path.read_bytes()
        for folder in FOLDERS
        for path in sorted((DATA / folder).glob("*"))
        if path.suffix in (".dat", ".sip", ".bin")
    ]
    return (*kept, *own())


def own() -> tuple[bytes, ...]:
    requests = [a_message(*each) for each in OWN]
    invite = parse(a_message("INVITE", ("Content-Type: application/sdp",), SDP))
    assert isinstance(invite, Request)
    answers = [
        reply(invite, status, to_tag="314159", headers=headers, body=SDP if "application/sdp" in str(headers) else b"")
        for status, headers in ANSWERS
    ]
    return (*requests, *(answer.serialise() for answer in answers))
