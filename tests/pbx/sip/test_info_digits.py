"""Digits in INFO: the two bodies that phones send, and what is no digit."""

from __future__ import annotations

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.info_digits import PLAIN, RELAY, digits_of, relay_body
from pbx.sip.message import Request
from tests.pbx.sip.messages import a_request


def info(body: bytes, content_type: str = RELAY) -> Request:
    return a_request("INFO", more=[f"Content-Type: {content_type}"], body=body)


@pytest.mark.parametrize(
    ("body", "digits", "milliseconds"),
    [
        (b"Signal=5\r\nDuration=160\r\n", "5", 160),
        (b"Signal= 5\r\nDuration= 160", "5", 160),
        (b"signal=5\nduration=250\n", "5", 250),
        (b"Signal=*\r\n", "*", 100),
        (b"Signal=#\r\n", "#", 100),
        (b"Signal=10\r\n", "*", 100),  # RFC 4733's event numbers
        (b"Signal=11\r\n", "#", 100),
        (b"Signal=12\r\n", "A", 100),
        (b"Signal=d\r\n", "D", 100),
        (b"Signal=5\r\nDuration=1\r\n", "5", 40),
        (b"Signal=5\r\nDuration=60000\r\n", "5", 5000),
    ],
)
def test_a_relayed_digit_with_its_duration(body: bytes, digits: str, milliseconds: int) -> None:
    assert digits_of(info(body)) == (digits, milliseconds)


@pytest.mark.parametrize("body", [b"7", b"7\r\n", b" 7 ", b"Signal=7", b"d=7\r\ndur=100"])
def test_a_bare_digit(body: bytes) -> None:
    assert digits_of(info(body, PLAIN)) == ("7", 100)


@pytest.mark.parametrize("body", [b"Signal=16\r\n", b"Signal=!\r\n", b"Signal=flash\r\n"])
def test_the_flash_key_is_no_digit_and_no_fault(body: bytes) -> None:
    assert digits_of(info(body)) == ("", 100)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"Signal=\r\n", 400),
        (b"Signal=E\r\n", 400),
        (b"Signal=\xd9\xa3\r\n", 400),  # an Arabic three
        (b"Signal=" + b"1" * 33, 400),
        (b"Signal=1\r\nDuration=soon\r\n", 400),
        (b"Signal=1\r\nDuration=60001\r\n", 400),
        (b"Signal=1\r\n" + b"x" * 256, 413),
    ],
)
def test_what_is_no_digit_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        digits_of(info(body))
    assert caught.value.status == status


def test_another_body_is_415_and_says_what_is_read() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        digits_of(info(b"<media_control/>", "application/media_control+xml"))
    assert caught.value.status == 415
    assert dict(caught.value.headers) == {"Accept": "application/dtmf-relay, application/dtmf"}


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_what_we_write_is_what_we_read(digit: str) -> None:
    assert digits_of(info(relay_body(digit, 120))) == (digit, 120)
