"""The Reason header: RFC 3326, RFC 6432."""

from __future__ import annotations

import pytest

from pbx.sip.reason import ANSWERED_ELSEWHERE, Cause, cause_of
from tests.pbx.sip.messages import a_request


@pytest.mark.parametrize(
    ("header", "cause"),
    [
        ('SIP ;cause=200 ;text="Call completed elsewhere"', Cause("SIP", 200, "Call completed elsewhere")),
        ("Q.850;cause=16", Cause("Q.850", 16)),
        ("q.850;cause=17;text=busy", Cause("Q.850", 17, "busy")),
        ("SIP", Cause("SIP", None)),
        # RFC 3326 §2: several protocols in one header; how it is known to SIP comes first.
        ('Q.850;cause=16;text="Terminated", SIP;cause=600', Cause("SIP", 600)),
        ("preemption;cause=1", Cause("PREEMPTION", 1)),
    ],
)
def test_what_the_header_says(header: str, cause: Cause) -> None:
    assert cause_of(a_request("BYE", more=[f"Reason: {header}"])) == cause


@pytest.mark.parametrize(
    "header", ["", "S P;cause=1", "SIP;cause=abc", "SIP;cause=1000", 'SIP;text="open', ", ".join(["SIP"] * 9)]
)
def test_what_cannot_be_read_is_no_reason_and_no_fault(header: str) -> None:
    assert cause_of(a_request("BYE", more=[f"Reason: {header}"])) is None


def test_one_bad_reason_does_not_hide_the_other() -> None:
    assert cause_of(a_request("BYE", more=["Reason: SIP;cause=x, Q.850;cause=16"])) == Cause("Q.850", 16)


def test_without_the_header_there_is_none() -> None:
    assert cause_of(a_request("BYE")) is None


def test_the_text_is_bounded_and_readable() -> None:
    cause = cause_of(a_request("BYE", more=[f'Reason: SIP;cause=480;text="{"x" * 500}"']))
    assert cause is not None
    assert cause.text == "x" * 128


def test_only_sip_200_means_answered_elsewhere() -> None:
    assert ANSWERED_ELSEWHERE.is_answered_elsewhere
    assert not Cause("SIP", 600).is_answered_elsewhere
    assert not Cause("Q.850", 200).is_answered_elsewhere


@pytest.mark.parametrize("cause", [ANSWERED_ELSEWHERE, Cause("Q.850", 16), Cause("SIP", None, 'say "why"')])
def test_what_we_write_is_what_we_read(cause: Cause) -> None:
    name, value = cause.header
    assert cause_of(a_request("BYE", more=[f"{name}: {value}"])) == cause
