"""When a registration is renewed, tried again, and given up: the rules without a network."""

from __future__ import annotations

import pytest

from pbx.sip.message import Request, Response, parse
from pbx.sip.reply import reply
from pbx.sip.uri import SipUri
from pbx.trunks.registration import (
    AT_MOST,
    LONGEST_RETRY_AFTER,
    REFUSED_AT_LEAST,
    REFUSED_AT_MOST,
    Registration,
    State,
    granted_expires,
)
from tests.pbx.switch import a_request

CONTACT = SipUri(user="380441112233", host="203.0.113.1", port=5060)
REQUEST = parse(a_request("REGISTER", "sip:provider.example").encode())


def answer(status: int, *headers: tuple[str, str]) -> Response:
    assert isinstance(REQUEST, Request)
    return reply(REQUEST, status, headers=headers)


def a_registration(drawn: float = 0.5, expires: int = 300) -> Registration:
    return Registration(expires, lambda: drawn)


OURS = ("Contact", f"<{CONTACT}>;expires=120")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([OURS], 120),
        ([("Contact", "<sip:other@192.0.2.9>;expires=999"), OURS], 120),
        ([("Contact", "<sip:380441112233@198.51.100.77:31022>;expires=60")], 60),  # rewritten by the provider
        ([("Contact", f"<{CONTACT}>"), ("Expires", "90")], 90),
        ([("Expires", "90")], 90),
        ([], 300),
        ([("Contact", "<sip:a@192.0.2.1>;expires=1"), ("Contact", "<sip:b@192.0.2.1>;expires=2")], 300),
        ([("Contact", "no contact at all <"), ("Expires", "ninety")], 300),
        ([("Contact", f"<{CONTACT}>;expires=99999999999999999999")], 300),
    ],
)
def test_the_granted_time_is_read_off_our_own_contact_first(headers: list[tuple[str, str]], seconds: int) -> None:
    assert granted_expires(answer(200, *headers), CONTACT, 300) == seconds


@pytest.mark.parametrize(("drawn", "after"), [(0.0, 72.0), (1.0, 96.0)])
def test_it_is_renewed_at_a_fraction_of_what_was_granted(drawn: float, after: float) -> None:
    registration = a_registration(drawn)
    assert registration.granted(answer(200, OURS), CONTACT, now=1000.0) == pytest.approx(after)
    assert (registration.status.state, registration.status.until) == (State.REGISTERED, 1120.0)


def test_a_provider_that_wants_longer_gets_longer_within_reason() -> None:
    registration = a_registration()
    assert registration.too_brief(answer(423, ("Min-Expires", "1800")))
    assert registration.expires == 1800
    assert not registration.too_brief(answer(423, ("Min-Expires", "1800")))  # no end would be seen
    assert not registration.too_brief(answer(423, ("Min-Expires", "999999999")))
    assert not registration.too_brief(answer(423))


def test_silence_is_met_with_longer_and_longer_waits_up_to_a_bound() -> None:
    registration = a_registration(1.0)
    waits = [registration.unanswered(now=float(at)) for at in range(12)]
    assert waits[:4] == [2.0, 4.0, 8.0, 16.0]
    assert waits[-1] == AT_MOST
    assert registration.status.state is State.UNREACHABLE
    assert registration.status.failures == 12


def test_the_waits_are_jittered_by_half() -> None:
    assert a_registration(0.0).unanswered(0.0) == 1.0
    assert a_registration(1.0).unanswered(0.0) == 2.0


def test_a_refusal_is_not_hammered_at() -> None:
    registration = a_registration(1.0)
    assert registration.refused(answer(403), 0.0) == REFUSED_AT_LEAST
    waits = [registration.refused(answer(403), 0.0) for _ in range(10)]
    assert waits[-1] == REFUSED_AT_MOST
    assert (registration.status.state, registration.status.code) == (State.REFUSED, 403)


def test_a_provider_in_trouble_is_asked_again_soon_but_not_before_it_allows() -> None:
    assert a_registration(1.0).refused(answer(500), 0.0) == 2.0
    assert a_registration(1.0).refused(answer(503, ("Retry-After", "120 (maintenance)")), 0.0) == 120.0
    assert a_registration(1.0).refused(answer(503, ("Retry-After", "9999999")), 0.0) == LONGEST_RETRY_AFTER
    assert a_registration(1.0).refused(answer(503, ("Retry-After", "soon")), 0.0) == 2.0


def test_a_failed_refresh_leaves_the_binding_in_force_until_it_runs_out() -> None:
    registration = a_registration()
    registration.granted(answer(200, OURS), CONTACT, now=0.0)
    states = []
    for now in (100.0, 121.0):
        registration.unanswered(now)
        states.append(registration.status.state)
    registration.granted(answer(200, OURS), CONTACT, now=130.0)
    states.append(registration.status.state)
    assert states == [State.REGISTERED, State.UNREACHABLE, State.REGISTERED]
    assert (registration.status.since, registration.status.failures) == (130.0, 0)


def test_a_binding_that_is_granted_for_no_time_is_a_refusal() -> None:
    registration = a_registration()
    registration.granted(answer(200, ("Contact", f"<{CONTACT}>;expires=0")), CONTACT, now=0.0)
    assert registration.status.state is State.REFUSED
