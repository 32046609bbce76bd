"""The Replaces header (RFC 3891 §6.1)."""

from __future__ import annotations

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import Request
from pbx.sip.replaces import Replaces

TEXT = "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff"
DIALOG = Replaces(sip_call_id="98732@sip.example.com", to_tag="ff87ff", from_tag="r33th4x0r")


def a_request(*values: str, method: str = "INVITE") -> Request:
    fields = Headers()
    for value in values:
        fields.add("Replaces", value)
    return Request(method, "sip:1002@example.com", fields, b"")


@pytest.mark.parametrize(
    ("text", "early_only"),
    [
        (TEXT, False),
        (f"{TEXT};early-only", True),
        (f"{TEXT};early-only;another=1", True),
        (" 98732@sip.example.com ; to-tag=ff87ff ; from-tag=r33th4x0r", False),
    ],
)
def test_a_dialog_is_named_by_call_id_and_two_tags_in_any_order(text: str, early_only: bool) -> None:
    found = Replaces.parse(text)
    assert (found.sip_call_id, found.to_tag, found.from_tag) == ("98732@sip.example.com", "ff87ff", "r33th4x0r")
    assert found.early_only is early_only


@pytest.mark.parametrize(
    "text",
    ["", "call-id", ";to-tag=a;from-tag=b", "call-id;to-tag=a", "call-id;from-tag=b", "call-id;to-tag=;from-tag=b"],
)
def test_what_names_no_dialog_is_400(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as raised:
        Replaces.parse(text)
    assert raised.value.status == 400


def test_most_requests_replace_nothing() -> None:
    assert Replaces.of(a_request()) is None


def test_one_in_an_invite_is_read() -> None:
    assert Replaces.of(a_request(TEXT)) == DIALOG


@pytest.mark.parametrize(("values", "method"), [((TEXT, TEXT), "INVITE"), ((TEXT,), "OPTIONS"), ((TEXT,), "REFER")])
def test_several_or_one_out_of_place_is_400(values: tuple[str, ...], method: str) -> None:
    """§3."""
    with pytest.raises(RemoteProtocolError) as raised:
        Replaces.of(a_request(*values, method=method))
    assert raised.value.status == 400


def test_both_orders_of_the_tags_are_tried_the_right_one_first() -> None:
    assert DIALOG.tag_orders() == (("ff87ff", "r33th4x0r"), ("r33th4x0r", "ff87ff"))


def test_a_tag_of_zero_stands_for_none() -> None:
    """§3: a peer of RFC 2543 has no tag, and "0" stands for it."""
    assert Replaces.parse("id;to-tag=a;from-tag=0").tag_orders() == (("a", ""), ("", "a"))


@pytest.mark.parametrize("early_only", [False, True])
def test_what_we_write_we_read(early_only: bool) -> None:
    written = Replaces(sip_call_id="a@b", to_tag="x", from_tag="y", early_only=early_only)
    assert Replaces.parse(str(written)) == written
