"""Whose turn it is between offer and answer: RFC 3264 §4, RFC 3261 §14, RFC 3311 §5, RFC 6337 §2."""

from __future__ import annotations

import pytest

from pbx.sip.errors import LocalProtocolError, RemoteProtocolError
from pbx.sip.negotiation import RETRY_LONGEST, Negotiation, glare_wait, retry_after
from pbx.sip.sdp import Sdp


def described(version: int) -> Sdp:
    return Sdp.parse(f"v=0\r\no=- 1 {version} IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n".encode())


FIRST, SECOND, THIRD = described(1), described(2), described(3)
LATER = 7


@pytest.fixture
def settled() -> Negotiation:
    """We offered FIRST, and SECOND was the answer."""
    negotiation = Negotiation()
    negotiation.offer(FIRST)
    negotiation.answered(SECOND)
    return negotiation


def refused(act: object, *arguments: object) -> tuple[int | None, dict[str, str]]:
    assert callable(act)
    with pytest.raises(RemoteProtocolError) as caught:
        act(*arguments)
    return caught.value.status, dict(caught.value.headers)


# ---- our offers ------------------------------------------------------------------------------------------------------


def test_our_offer_is_open_until_its_answer() -> None:
    negotiation = Negotiation()
    negotiation.offer(FIRST)
    assert negotiation.is_open
    assert negotiation.answered(SECOND) is FIRST
    assert (negotiation.local, negotiation.remote) == (FIRST, SECOND)
    assert not negotiation.is_open


def test_a_second_offer_while_one_is_open_is_our_fault(settled: Negotiation) -> None:
    settled.offer(THIRD)
    with pytest.raises(LocalProtocolError):
        settled.offer(THIRD)
    with pytest.raises(LocalProtocolError):
        settled.offered(THIRD)


def test_an_answer_to_nothing_is_the_peers_fault(settled: Negotiation) -> None:
    assert refused(settled.answered, THIRD)[0] == 400
    assert (settled.local, settled.remote) == (FIRST, SECOND)


def test_what_stood_before_stands_when_our_offer_is_refused(settled: Negotiation) -> None:
    settled.offer(THIRD)
    settled.withdraw()
    assert (settled.local, settled.remote, settled.is_open) == (FIRST, SECOND, False)


def test_the_next_version_counts_on_from_a_refused_offer_too(settled: Negotiation) -> None:
    settled.offer(THIRD)
    settled.withdraw()
    assert settled.sent is THIRD


# ---- the peer's offers -----------------------------------------------------------------------------------------------


def test_the_peers_offer_is_open_until_our_answer(settled: Negotiation) -> None:
    settled.invited(LATER)
    settled.offered(THIRD)
    assert settled.is_open
    settled.answer(FIRST)
    assert (settled.local, settled.remote, settled.sent, settled.is_open) == (FIRST, THIRD, FIRST, False)


def test_what_stood_before_stands_when_the_peers_offer_is_refused(settled: Negotiation) -> None:
    settled.offered(THIRD)
    settled.refuse()
    assert (settled.local, settled.remote, settled.is_open) == (FIRST, SECOND, False)


def test_an_answer_of_ours_to_nothing_is_our_fault(settled: Negotiation) -> None:
    with pytest.raises(LocalProtocolError):
        settled.answer(THIRD)


def test_a_reinvite_against_our_reinvite_is_491(settled: Negotiation) -> None:
    settled.inviting = True
    assert refused(settled.invited, LATER) == (491, {})


def test_a_reinvite_against_our_update_with_an_offer_is_491(settled: Negotiation) -> None:
    settled.updating = True
    settled.offer(THIRD)
    assert refused(settled.invited, LATER) == (491, {})


def test_a_reinvite_beside_our_update_without_an_offer_is_looked_at(settled: Negotiation) -> None:
    settled.updating = True
    settled.invited(LATER)


def test_a_reinvite_while_our_2xx_with_an_offer_waits_for_its_ack_is_491(settled: Negotiation) -> None:
    settled.offer(THIRD)
    assert refused(settled.invited, LATER) == (491, {})


def test_a_reinvite_within_the_peers_own_is_500_with_retry_after(settled: Negotiation) -> None:
    settled.offered(THIRD)
    assert refused(settled.invited, LATER) == (500, {"Retry-After": "7"})


def test_an_update_against_our_offer_is_491(settled: Negotiation) -> None:
    settled.offer(THIRD)
    assert refused(settled.updated, LATER) == (491, {})


def test_an_update_before_we_answered_the_peers_offer_is_500_with_retry_after(settled: Negotiation) -> None:
    settled.offered(THIRD)
    assert refused(settled.updated, LATER) == (500, {"Retry-After": "7"})


def test_an_update_beside_our_invite_whose_offer_was_answered_is_looked_at(settled: Negotiation) -> None:
    """RFC 3311 §5.2 forbids only an offer against an offer: after a reliable 183 an INVITE's are settled."""
    settled.inviting = True
    settled.updated(LATER)


# ---- waiting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["ours", "theirs", "inviting", "updating"])
def test_a_change_of_ours_waits_for_every_other_change(settled: Negotiation, what: str) -> None:
    assert not settled.is_busy
    setattr(settled, what, THIRD if what in ("ours", "theirs") else True)
    assert settled.is_busy


@pytest.mark.parametrize(
    ("owns", "chance", "seconds"), [(True, 0.0, 2.1), (True, 1.0, 4.0), (False, 0.0, 0.0), (False, 1.0, 2.0)]
)
def test_who_owns_the_call_id_waits_longer_after_a_491(owns: bool, chance: float, seconds: float) -> None:
    assert glare_wait(owns_call_id=owns, chance=chance) == seconds


@pytest.mark.parametrize("chance", [0.0, 0.123456, 0.999, 1.0])
def test_the_wait_is_in_units_of_10_ms(chance: float) -> None:
    for owns in (True, False):
        wait = glare_wait(owns_call_id=owns, chance=chance)
        assert round(wait, 2) == wait


def test_retry_after_is_between_0_and_10_seconds() -> None:
    assert {retry_after(chance / 100) for chance in range(101)} == set(range(RETRY_LONGEST + 1))


def test_each_fork_answers_the_same_offer_for_itself() -> None:
    negotiation = Negotiation(inviting=True)
    negotiation.offer(FIRST)
    one, other = negotiation.forked(), negotiation.forked()
    one.answered(SECOND)
    assert other.ours is FIRST
    assert other.answered(THIRD) is FIRST
    assert (one.remote, other.remote) == (SECOND, THIRD)
