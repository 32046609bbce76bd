"""REFER's headers, and the bodies of its NOTIFYs (RFC 3515, 4488, 3420, 3892)."""

from __future__ import annotations

import pytest

from pbx.sip import refer
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import Request
from pbx.sip.refer import ReferTo
from pbx.sip.replaces import Replaces
from pbx.sip.uri import SipUri

DIALOG = Replaces(sip_call_id="12345@192.168.118.3", to_tag="12345", from_tag="5FFE-3994")


def a_request(*headers: tuple[str, str], method: str = "REFER") -> Request:
    fields = Headers()
    for name, value in headers:
        fields.add(name, value)
    return Request(method, "sip:dzvin@example.com", fields, b"")


# ---- Refer-To --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("<sip:1003@example.com>", "1003"),
        ("sip:1003@example.com", "1003"),
        ('"Carol" <sip:1003@example.com;user=phone>', "1003"),
        ("<sips:1003@example.com>", "1003"),
        ("<tel:+380441234567>", "+380441234567"),
        ("<sip:%2A701@example.com>", "*701"),
        ("<sip:example.com>", ""),
        ("<mailto:carol@example.com>", ""),
    ],
)
def test_the_number_is_the_user_part(text: str, number: str) -> None:
    assert ReferTo.parse(text).number == number


def test_an_escaped_replaces_header_is_the_dialog_that_shall_be_replaced() -> None:
    """The example of RFC 3515 §2.1."""
    text = (
        "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3B"
        "to-tag%3D12345%3Bfrom-tag%3D5FFE-3994&Accept-Contact=sip:dave@denver>"
    )
    found = ReferTo.parse(text)
    assert found.replaces == DIALOG
    assert found.number == "dave"
    assert found.uri.headers == (), "nothing of the header list goes into the new call by itself"


def test_the_method_is_a_parameter_and_invite_by_default() -> None:
    assert ReferTo.parse("<sip:1003@example.com>").method == "INVITE"
    found = ReferTo.parse("<sip:1003@example.com;method=subscribe;transport=tcp>")
    assert found.method == "SUBSCRIBE"
    assert dict(found.uri.parameters) == {"transport": "tcp"}


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Refer-To", "<sip:1003@example.com>"), ("Refer-To", "<sip:1004@example.com>")),
        (("Refer-To", ""),),
        (("Refer-To", "<sip:1003@example.com"),),
        (("Refer-To", "<sip:1003@example.com?Replaces=one%3Bto-tag%3Da>"),),
    ],
)
def test_none_several_or_a_broken_one_is_400(headers: tuple[tuple[str, str], ...]) -> None:
    """RFC 3515 §2.4.2: "An agent responding to a REFER method MUST return a 400 (Bad Request) if the request contained
    zero or more than one Refer-To header field values"."""
    with pytest.raises(RemoteProtocolError) as raised:
        ReferTo.of(a_request(*headers))
    assert raised.value.status == 400


def test_the_compact_form_is_the_same_header() -> None:
    assert ReferTo.of(a_request(("r", "<sip:1003@example.com>"))).number == "1003"


@pytest.mark.parametrize("replaces", [None, DIALOG])
def test_what_we_write_we_read(replaces: Replaces | None) -> None:
    written = ReferTo(uri=SipUri.parse("sip:1003@example.com"), replaces=replaces)
    assert ReferTo.parse(str(written)) == written


# ---- the other headers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "wanted"), [(None, True), ("true", True), ("false", False), ("FALSE ;x=1", False), ("maybe", True)]
)
def test_only_refer_sub_false_wants_no_subscription(value: str | None, wanted: bool) -> None:
    """RFC 4488 §4."""
    assert refer.wants_subscription(a_request(*([("Refer-Sub", value)] if value else []))) is wanted


@pytest.mark.parametrize(
    ("value", "who"),
    [
        ("<sip:1002@example.com>", "1002"),
        ('"Тарас" <sip:1002@example.com>;cid="x@y"', "Тарас"),
        ("<sip:example.com>", "example.com"),
        ("<<<", ""),
    ],
)
def test_who_refers_is_shown_if_it_can_be_read(value: str, who: str) -> None:
    assert refer.referred_by(a_request(("Referred-By", value))) == who


def test_nobody_is_shown_where_nobody_is_named() -> None:
    assert refer.referred_by(a_request()) == ""


@pytest.mark.parametrize(
    ("value", "event"),
    [
        ("refer", ("refer", None)),
        ("Refer ; id=93809823", ("refer", "93809823")),
        ("dialog;id=1;sla", ("dialog", "1")),
        (None, ("", None)),
    ],
)
def test_the_event_and_its_id(value: str | None, event: tuple[str, str | None]) -> None:
    assert refer.event_of(a_request(*([("Event", value)] if value else []), method="NOTIFY")) == event


@pytest.mark.parametrize(
    ("value", "over"),
    [("terminated;reason=noresource", True), ("Terminated", True), ("active;expires=60", False), (None, False)],
)
def test_a_terminated_subscription_says_so(value: str | None, over: bool) -> None:
    headers = [("Subscription-State", value)] if value else []
    assert refer.is_terminated(a_request(*headers, method="NOTIFY")) is over


def test_the_state_that_we_tell() -> None:
    assert refer.subscription_state(over=False) == ("Subscription-State", "active;expires=180")
    assert refer.subscription_state(over=True) == ("Subscription-State", "terminated;reason=noresource")
    assert refer.subscription_state(over=True, reason="timeout")[1] == "terminated;reason=timeout"


# ---- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [100, 180, 200, 486, 603])
def test_a_fragment_is_a_status_line(status: int) -> None:
    """RFC 3515 §2.4.5: "The body of a NOTIFY MUST begin with a SIP Response Status-Line"."""
    body = refer.fragment(status)
    assert body.startswith(f"SIP/2.0 {status} ".encode())
    assert body.endswith(b"\r\n")
    assert refer.status_of(body) == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"SIP/2.0 200 OK", 200),
        (b"sip/2.0 100 Trying\nVia: SIP/2.0/UDP host", 100),
        (b"SIP/2.0 404 \xff\xfe", 404),
        (b"SIP/2.0 503", 503),
    ],
)
def test_the_status_is_read_whatever_follows_it(body: bytes, status: int) -> None:
    assert refer.status_of(body) == status


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"INVITE sip:a@b SIP/2.0", b"SIP/2.0 abc OK", b"SIP/2.0 9999 OK", b"SIP/2.0 \xd9\xa2 x"]
)
def test_a_body_without_a_status_line_is_an_error(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        refer.status_of(body)
