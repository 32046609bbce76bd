"""What a kept trace never holds."""

from __future__ import annotations

import pytest

from pbx.sip.message import Request, parse
from pbx.trace.mask import mask_message
from tests.pbx.switch import SDP, a_request

RESPONSE = "6629fae49393a05397450978507c4ef1"
DIGEST = (
    f'Digest username="1001", realm="dzvin", nonce="n", uri="sip:x", response="{RESPONSE}", cnonce="c", nc=00000001'
)


def a_message(method: str, *, headers: str = "", body: str = "", content_type: str = "application/sdp") -> bytes:
    text = a_request(method, headers=headers, body=body)
    return text.replace("application/sdp", content_type).encode()


@pytest.mark.parametrize(
    "header",
    [
        f"Authorization: {DIGEST}",
        f"Proxy-Authorization: {DIGEST}",
        f"AUTHORIZATION : {DIGEST}",
        f'Authorization: Digest username="1001",\r\n  response = "{RESPONSE}"',
        f"Authorization: Digest response={RESPONSE}",
        f"Authorization: Basic {RESPONSE}",
        f"Authorization:Bearer {RESPONSE}",
        f'Authentication-Info: rspauth="{RESPONSE}"',
    ],
)
def test_proofs_of_passwords_are_taken_out(header: str) -> None:
    message = a_message("INVITE", headers=f"{header}\r\n")
    masked = mask_message(message)
    assert RESPONSE.encode() not in masked
    assert len(masked) == len(message)
    assert parse(masked).headers.get("call-id") == parse(message).headers.get("call-id")


def test_of_credentials_only_the_proof_is_taken_out() -> None:
    masked = parse(mask_message(a_message("INVITE", headers=f"Authorization: {DIGEST}\r\n")))
    assert masked.headers.get("authorization") == DIGEST.replace(RESPONSE, "x" * 32)


def test_a_challenge_stays_as_it_is() -> None:
    challenge = 'WWW-Authenticate: Digest realm="dzvin", nonce="abc", qop="auth"\r\n'
    message = a_message("INVITE", headers=challenge)
    assert mask_message(message) == message


@pytest.mark.parametrize(
    ("content_type", "body", "kept"),
    [
        ("application/dtmf-relay", "Signal=7\r\nDuration=160\r\n", "Signal=x\r\nDuration=160\r\n"),
        ("application/dtmf-relay", "Signal= 7\r\nDuration= 160\r\n", "Signal=xx\r\nDuration= 160\r\n"),
        ("application/dtmf-relay", "duration=160\nsignal=7", "duration=160\nsignal=x"),
        ("application/dtmf", "7", "x"),
        ("application/vnd.nortelnetworks.digits", "p=Digit-Collection\r\ny=7\r\n", "x" * 18 + "\r\nxxx\r\n"),
        ("text/anything", "7 7 7", "xxxxx"),
    ],
)
def test_pressed_digits_are_taken_out_of_info(content_type: str, body: str, kept: str) -> None:
    masked = parse(mask_message(a_message("INFO", body=body, content_type=content_type)))
    assert masked.body.decode() == kept


def test_pressed_digits_are_taken_out_of_key_press_reports() -> None:
    body = '<kpml-response version="1.0" code="200" digits="4711"/>'
    masked = mask_message(a_message("NOTIFY", body=body, content_type="application/kpml-response+xml"))
    assert b"4711" not in masked
    assert b'digits="xxxx"' in masked


def test_digits_to_press_after_the_answer_are_taken_out() -> None:
    message = a_message("INVITE").replace(b"sip:1002@", b"sip:+380441234567;postd=pp4711@")
    assert b"4711" not in mask_message(message)
    assert b"+380441234567" in mask_message(message)


def test_private_texts_are_taken_out_of_message() -> None:
    masked = mask_message(a_message("MESSAGE", body="the code is\r\n4711", content_type="text/plain"))
    assert b"4711" not in masked
    assert b"the code" not in masked


def test_a_response_to_a_message_hides_its_text_too() -> None:
    request = a_message("MESSAGE", body="4711", content_type="text/plain")
    response = b"SIP/2.0 200 OK\r\n" + request.partition(b"\r\n")[2]
    assert mask_message(response).endswith(b"\r\n\r\nxxxx")


@pytest.mark.parametrize(
    "line",
    [
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET|2^20|1:4",
        "k=base64:SECRET",
        "a=key-mgmt:mikey SECRET",
        "a=ice-pwd:SECRET",
    ],
)
def test_keys_of_media_are_taken_out(line: str) -> None:
    masked = mask_message(a_message("INVITE", body=f"{SDP}{line}\r\n"))
    assert b"SECRET" not in masked
    assert masked.endswith(line.replace("SECRET", "xxxxxx").encode() + b"\r\n")


def test_a_password_in_an_address_is_taken_out() -> None:
    message = a_message("INVITE").replace(b"<sip:1001@example.com>;tag", b"<sip:1001:hunter2@example.com>;tag")
    assert b"hunter2" not in mask_message(message)
    assert b"<sip:1001:xxxxxxx@example.com>" in mask_message(message)


def test_an_ordinary_message_stays_as_it_is() -> None:
    for method in ("INVITE", "BYE", "OPTIONS"):
        message = a_message(method, body=SDP if method == "INVITE" else "")
        assert mask_message(message) == message


def test_a_masked_message_is_read_as_before() -> None:
    message = a_message(
        "INFO", headers=f"Authorization: {DIGEST}\r\n", body="Signal=7", content_type="application/dtmf"
    )
    before, after = parse(message), parse(mask_message(message))
    assert isinstance(before, Request)
    assert isinstance(after, Request)
    assert (before.uri, before.via, before.cseq, len(before.body)) == (
        after.uri, after.via, after.cseq, len(after.body),
    )  # fmt: skip
