"""Caller ids: what a provider sees of our callers, and what we believe of its."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.sip.headers import Headers
from pbx.sip.message import Request, parse
from pbx.trunks.presentation import Shown, called_number, caller_of, dress
from pbx.trunks.settings import CalledFrom, IdentityForm, TrunkSettings
from tests.pbx.switch import a_request

OURS = "+380441112233"


def dressed(
    form: IdentityForm = IdentityForm.FROM, *, number: str = OURS, name: str = "", withheld: bool = False,
    from_user: str = "",
) -> Headers:  # fmt: skip
    headers = Headers([("From", "<sip:1001@example.com>;tag=t"), ("To", "<sip:1@example.com>")])
    settings = TrunkSettings(name="city", host="provider.example", identity=form, from_user=from_user)
    dress(headers, settings, Shown(number, name, withheld), domain="provider.example", tag="t")
    return headers


@pytest.mark.parametrize(
    ("form", "header", "value"),
    [
        (IdentityForm.ASSERTED, "P-Asserted-Identity", f"<sip:{OURS}@provider.example>"),
        (IdentityForm.PREFERRED, "P-Preferred-Identity", f"<sip:{OURS}@provider.example>"),
        (
            IdentityForm.REMOTE_PARTY,
            "Remote-Party-ID",
            f"<sip:{OURS}@provider.example>;party=calling;screen=yes;privacy=off",
        ),
    ],
)
def test_the_number_stands_in_the_header_that_the_provider_reads(form: IdentityForm, header: str, value: str) -> None:
    headers = dressed(form)
    assert headers.get(header) == value
    assert headers.get("From") == f"<sip:{OURS}@provider.example>;tag=t"
    assert headers.get("Privacy") is None


def test_by_default_the_number_stands_in_from_and_nowhere_else() -> None:
    headers = dressed()
    assert [name for name, _ in headers] == ["From", "To"]


def test_an_account_in_from_leaves_the_number_to_the_identity_header() -> None:
    headers = dressed(IdentityForm.ASSERTED, from_user="acc77")
    assert headers.get("From") == "<sip:acc77@provider.example>;tag=t"
    assert headers.get("P-Asserted-Identity") == f"<sip:{OURS}@provider.example>"


@pytest.mark.parametrize("form", list(IdentityForm))
def test_a_withheld_number_is_in_no_header_but_the_networks_own(form: IdentityForm) -> None:
    headers = dressed(form, name="Olena", withheld=True)
    assert headers.get("From") == '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=t'
    assert headers.get("Privacy") == "id"
    told = [name for name, value in headers if OURS in value]
    assert told == ([] if form is IdentityForm.FROM else [headers_name(form)])


def headers_name(form: IdentityForm) -> str:
    names = {
        IdentityForm.ASSERTED: "P-Asserted-Identity",
        IdentityForm.PREFERRED: "P-Preferred-Identity",
        IdentityForm.REMOTE_PARTY: "Remote-Party-ID",
    }
    return names[form]


@pytest.mark.parametrize("name", ['"><sip:evil@example.com>', "a\r\nX-Evil: 1", "\x00\x07", "x" * 500, "\\", "Ольга"])
def test_a_display_name_stays_a_display_name(name: str) -> None:
    request = parse(
        a_request("INVITE", headers="").encode().replace(
            b"From: <sip:1001@example.com>;tag=caller",
            f"From: {dressed(name=name).get('From')}".encode(),
        )
    )  # fmt: skip
    assert isinstance(request, Request)
    assert request.from_.uri.user == OURS
    assert request.from_.tag == "t"
    assert len(request.from_.display_name) <= 64
    assert request.headers.get("X-Evil") is None


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_number_and_no_name_breaks_out_of_its_header(number: str, name: str) -> None:
    for form in IdentityForm:
        for header, value in dressed(form, number=number, name=name):
            assert "\n" not in value
            assert "\r" not in value
            assert header in ("From", "To", headers_name(form) if form is not IdentityForm.FROM else "")


# ---- calls from the provider ---------------------------------------------------------------------------------------


def arriving(uri: str = "sip:+380441234567@203.0.113.1", headers: str = "", from_user: str = "0501112233") -> Request:
    request = parse(a_request("INVITE", uri, from_user=from_user, headers=headers).encode())
    assert isinstance(request, Request)
    return request


ASSERTED = 'P-Asserted-Identity: "Petro" <sip:+380671112233@provider.example>, <tel:+380671112233>\r\n'


@pytest.mark.parametrize(
    ("headers", "trusted", "caller"),
    [
        ("", True, ("0501112233", "", False)),
        (ASSERTED, True, ("+380671112233", "Petro", False)),
        (ASSERTED, False, ("0501112233", "", False)),
        ("P-Asserted-Identity: <tel:+38067-111-22-33>\r\n", True, ("+380671112233", "", False)),
        ("Remote-Party-ID: <sip:067@p.example>;party=calling;privacy=off\r\n", True, ("067", "", False)),
        ("Remote-Party-ID: <sip:067@p.example>;party=called\r\n", True, ("0501112233", "", False)),
        ("Remote-Party-ID: <sip:067@p.example>;party=calling;privacy=full\r\n", True, ("", "", True)),
        (ASSERTED + "Privacy: id;critical\r\n", True, ("", "", True)),
        (ASSERTED + "Privacy: none\r\n", True, ("+380671112233", "Petro", False)),
        ("Privacy: id\r\n", False, ("0501112233", "", False)),
        ("P-Asserted-Identity: <<broken\r\n", True, ("0501112233", "", False)),
        ("P-Asserted-Identity: <sip:provider.example>\r\n", True, ("0501112233", "", False)),
    ],
)
def test_who_calls_is_what_a_trusted_provider_asserts_and_else_what_from_says(
    headers: str, trusted: bool, caller: tuple[str, str, bool]
) -> None:
    assert caller_of(arriving(headers=headers), trusted=trusted) == caller


@pytest.mark.parametrize("user", ["anonymous", "Anonymous", "unknown", "restricted"])
def test_a_nameless_from_is_a_withheld_number(user: str) -> None:
    assert caller_of(arriving(from_user=user), trusted=True) == ("", "", True)


@pytest.mark.parametrize(
    ("called_from", "uri", "number"),
    [
        (CalledFrom.AUTO, "sip:0441234567@203.0.113.1", "0441234567"),
        (CalledFrom.REQUEST_URI, "sip:acc77@203.0.113.1", "acc77"),
        (CalledFrom.TO, "sip:acc77@203.0.113.1", "+380441234567"),
        (CalledFrom.CALLED_PARTY, "sip:acc77@203.0.113.1", "0445550000"),
        (CalledFrom.AUTO, "sip:acc77@203.0.113.1", "0445550000"),
    ],
)
def test_which_number_was_called_stands_where_the_provider_writes_it(
    called_from: CalledFrom, uri: str, number: str
) -> None:
    text = a_request("INVITE", uri, headers="P-Called-Party-ID: <sip:0445550000@provider.example>\r\n")
    request = parse(text.replace(f"To: <{uri}>", "To: <sip:+380441234567@provider.example>").encode())
    assert isinstance(request, Request)
    settings = TrunkSettings(
        name="city", host="provider.example", username="acc77", register=True, called_from=called_from
    )
    assert called_number(request, settings) == number


def test_a_call_to_our_registered_contact_is_for_whom_to_names() -> None:
    text = a_request("INVITE", "sip:acc77@203.0.113.1").replace(
        "To: <sip:acc77@203.0.113.1>", "To: <sip:0441234567@p.example>"
    )
    request = parse(text.encode())
    assert isinstance(request, Request)
    registered = TrunkSettings(name="city", host="p.example", username="acc77", register=True)
    assert called_number(request, registered) == "0441234567"
    known_by_address = TrunkSettings(name="city", host="p.example", username="acc77")
    assert called_number(request, known_by_address) == "acc77"
