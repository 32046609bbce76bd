"""Where a phone may say that it is."""

from __future__ import annotations

import pytest

from pbx.sip.contact_rules import check_contact
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.uri import SipUri

OURS = {"udp": ("192.0.2.1:5060", "[2001:db8::1]:5060"), "tcp": ("192.0.2.1:5070",), "tls": ("192.0.2.1:5061",)}


@pytest.mark.parametrize(
    "host",
    ["198.51.100.7:5062", "127.0.0.1:5062", "[::1]:5062", "[2001:db8::7]", "[64:ff9b::c633:6407]:5062", "x.invalid"],
)
def test_where_phones_are_is_taken(host: str) -> None:
    check_contact(SipUri.parse(f"sip:1001@{host}"), OURS)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "[::]", "224.0.1.75", "[ff02::1]", "255.255.255.255", "240.0.0.1", "198.51.100.7:0", "192.0.2.1",
     "192.0.2.1:5060", "[2001:db8::1]"],
)  # fmt: skip
def test_nobody_everybody_and_ourselves_are_refused(host: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        check_contact(SipUri.parse(f"sip:1001@{host}"), OURS)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "contact",
    ["sip:1001@192.0.2.1:5070;transport=TCP", "sips:1001@192.0.2.1", "sip:1001@192.0.2.1;transport=tls"],
)
def test_ourselves_are_refused_on_each_transport(contact: str) -> None:
    with pytest.raises(RemoteProtocolError):
        check_contact(SipUri.parse(contact), OURS)


@pytest.mark.parametrize("contact", ["sip:1001@192.0.2.1:5070", "sip:1001@192.0.2.1:5060;transport=tcp"])
def test_a_phone_on_our_machine_may_have_the_number_of_another_transports_port(contact: str) -> None:
    """A softphone's port of UDP and the panel's of TCP may be the same by chance: it could not register then."""
    check_contact(SipUri.parse(contact), OURS)
