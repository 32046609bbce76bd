"""Who calls and who may know: RFC 3323, RFC 3325, RFC 5806 and RFC 7044."""

from __future__ import annotations

import pytest

from pbx.sip.identity import asserted, diverted_by, is_anonymous, wants_privacy
from pbx.sip.uri import NameAddr
from tests.pbx.sip.messages import a_request


@pytest.mark.parametrize(
    ("headers", "hidden"),
    [
        ([], False),
        (["Privacy: none"], False),
        (["Privacy: session"], False),
        (["Privacy: id"], True),
        (["Privacy: user; critical"], True),
        (["Privacy: header;session;ID"], True),
        (["Privacy: none", "Privacy: id"], True),
        (['Privacy: "unreadable'], True),
    ],
)
def test_who_asks_to_be_hidden_is_hidden(headers: list[str], hidden: bool) -> None:
    assert wants_privacy(a_request(more=headers)) is hidden


@pytest.mark.parametrize(
    ("address", "anonymous"),
    [
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', True),
        ("<sip:+380441234567@ANONYMOUS.invalid>", True),
        ("<sip:Restricted@provider.example>", True),
        ("<sip:provider.example>", True),
        ("<sip:+380441234567@provider.example>", False),
        ('"Anonymous" <sip:1001@example.com>', False),
    ],
)
def test_the_ways_in_which_from_names_nobody(address: str, anonymous: bool) -> None:
    assert is_anonymous(NameAddr.parse(address)) is anonymous


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        ([], None),
        (["P-Asserted-Identity: <sip:+380441234567@provider.example>"], "+380441234567"),
        (["P-Asserted-Identity: <tel:+380441234567>"], "+380441234567"),
        # RFC 3325 §9.1: two values, one sip and one tel; the telephone number is what a call center knows people by.
        (["P-Asserted-Identity: <sip:olena@provider.example>, <tel:+380441234567>"], "+380441234567"),
        (
            ["P-Asserted-Identity: <sip:olena@provider.example>", "P-Asserted-Identity: <tel:+380441234567>"],
            "+380441234567",
        ),
        (["P-Asserted-Identity: <sip:olena@provider.example>"], "olena"),
        (["P-Asserted-Identity: <sip:anonymous@anonymous.invalid>"], None),
        (["P-Asserted-Identity: <sip:open"], None),
        ([f"P-Asserted-Identity: {', '.join(f'<tel:+38044{n}>' for n in range(5))}"], None),
    ],
)
def test_the_number_that_is_asserted(headers: list[str], user: str | None) -> None:
    address = asserted(a_request(more=headers))
    assert (address.uri.user if address else None) == user


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ([], None),
        (["Diversion: <sip:+380441112233@provider.example>;reason=unconditional"], "+380441112233"),
        # RFC 5806 §3: the newest diversion stands first.
        (["Diversion: <tel:+380441112233>;reason=no-answer, <tel:+380449998877>"], "+380441112233"),
        # RFC 7044: the last entry is where the call is now, the one before it sent the call on.
        (
            ["History-Info: <sip:7000@a.example>;index=1, <sip:+380441112233@a.example>;index=1.1;rc=1"],
            "7000",
        ),
        (["History-Info: <sip:7000@a.example>;index=1"], None),
        (["Diversion: <sip:open"], None),
        (["Diversion: <sip:provider.example>"], None),
        (["Diversion: <tel:+380441112233>", "History-Info: <sip:1@a>;index=1, <sip:2@a>;index=1.1"], "+380441112233"),
    ],
)
def test_who_sent_the_call_on(headers: list[str], number: str | None) -> None:
    assert diverted_by(a_request(more=headers)) == number


def test_hostile_text_in_a_diversion_is_made_readable() -> None:
    assert diverted_by(a_request(more=["Diversion: <sip:%0a%0d%00ok@a.example>"])) == "ok"
