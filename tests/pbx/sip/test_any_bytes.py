"""Any bytes parse or raise RemoteProtocolError, nothing else (see `invariant`)."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pbx.sip import invariant
from tests.pbx.sip.messages import SDP, files, text_of

REAL = [
    path.read_bytes()
    for folder, suffix in (
        ("torture-rfc4475", ".dat"),
        ("torture-rfc5118", ".sip"),
        ("flows-rfc3665", ".sip"),
        ("flows-rfc7118", ".sip"),
        ("sip-fuzz", ".bin"),
        ("scanners", ".sip"),
    )
    for path in files(folder, suffix)
]
TROUBLE = [
    b"\r\n", b"\r\n ", b"\r", b"\n", b"\0", b'"', b"\\", b"<", b">", b";", b",", b":", b"@", b"%", b"%00", b"%zz",
    b"=", b"?", b"*", b"[", b"]", b"[::1]", b" ", b"\t", b"\xff", b"\xd0\x87", b"\xe2\x80\xae", b"9" * 30, b"-1",
    b"\xd9\xa1", b"sip:", b"tel:+1", b"urn:x", b"SIP/2.0", b"z9hG4bK", b"Via: ", b"Contact: *", b"l: 5\r\n",
    b"\xef\xbb\xbf", b"\xc5\xbf",
]  # fmt: skip

any_text = st.text(max_size=200) | st.text(alphabet='sip:@;=<>"\\,[]%?*. \ttagSIP/20UDP\udcff', max_size=80)
session = settings(deadline=None, max_examples=300)


@given(st.binary(max_size=2000))
@session
def test_any_bytes(data: bytes) -> None:
    invariant.check_message(data)
    invariant.check_sdp(data)


@given(any_text, any_text, any_text, any_text)
@session
def test_any_values_in_a_whole_message(uri: str, via: str, address: str, more: str) -> None:
    invariant.check_message(
        text_of(
            f"INVITE {uri} SIP/2.0",
            via=f"SIP/2.0/UDP {via}",
            from_=address,
            to=f"<sip:bob@example.com>;{address}",
            more=[f"Contact: {address}", f"Route: {address}", f"Authorization: Digest {more}", more],
            body=SDP,
        )
    )


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real message with a few places spoiled."""
    data = bytearray(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 12))
        spoil = draw(st.sampled_from(TROUBLE) | st.binary(max_size=8))
        data[start : start + length] = spoil * draw(st.sampled_from([1, 1, 1, 2, 70]))
    return bytes(data)


@given(mutated())
@settings(deadline=None, max_examples=1500)
def test_real_messages_spoiled(data: bytes) -> None:
    invariant.check_message(data)


def test_real_messages_spoiled_by_plain_chance() -> None:
    chance = random.Random(20230121)
    for data in REAL:
        for _ in range(8):
            spoiled = bytearray(data)
            for _ in range(chance.randrange(1, 5)):
                at = chance.randrange(len(spoiled) + 1)
                spoiled[at : at + chance.randrange(4)] = chance.choice(TROUBLE)
            invariant.check_message(bytes(spoiled))


def test_real_messages_cut_anywhere() -> None:
    for data in REAL[:40]:
        for end in range(0, len(data), 7):
            invariant.check_message(data[:end])


@given(any_text)
@session
def test_any_text_as_a_uri(text: str) -> None:
    invariant.check_uri(text)
    invariant.check_uri(f"sip:{text}")
    invariant.check_uri(f"sip:a@b{text}")


@given(any_text)
@session
def test_any_text_as_an_address(text: str) -> None:
    invariant.check_name_addr(text)
    invariant.check_name_addr(f'"{text}" <sip:a@b>;{text}')


@given(any_text)
@session
def test_any_text_as_a_via(text: str) -> None:
    invariant.check_via(text)
    invariant.check_via(f"SIP/2.0/UDP {text}")


@given(any_text)
@session
def test_any_text_as_credentials(text: str) -> None:
    invariant.check_digest(text)
    invariant.check_digest(f"Digest {text}")


@given(st.lists(st.tuples(st.sampled_from("voscbtamxk"), any_text), max_size=20))
@session
def test_any_lines_as_a_session_description(lines: list[tuple[str, str]]) -> None:
    text = "\r\n".join(["v=0", "o=- 1 1 IN IP4 h", "c=IN IP4 192.0.2.1", *(f"{kind}={value}" for kind, value in lines)])
    invariant.check_sdp(text.encode("utf-8", "surrogatepass"))
