"""Nonces: whose they are, how long they live, and that no count of theirs is taken twice (RFC 7616 §5.4)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.sip.errors import LocalProtocolError
from pbx.sip.nonces import Freshness, Nonces


@pytest.fixture
def nonces() -> Nonces:
    return Nonces(b"sixteen bytes or more", lifetime=300)


def test_a_nonce_is_fresh_for_its_lifetime(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r", "192.0.2.1")
    assert nonces.check(nonce, 1000.0, "r", "192.0.2.1") is Freshness.FRESH
    assert nonces.check(nonce, 1300.0, "r", "192.0.2.1") is Freshness.FRESH
    assert nonces.check(nonce, 1300.1, "r", "192.0.2.1") is Freshness.STALE


def test_a_nonce_of_another_realm_or_secret_is_forged(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r", "tag")
    assert nonces.check(nonce, 1000.0, "s", "tag") is Freshness.FORGED
    assert Nonces(b"another secret of ours").check(nonce, 1000.0, "r", "tag") is Freshness.FORGED


def test_a_nonce_for_another_tag_is_stale_so_that_a_phone_that_moved_need_not_ask_its_user(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r", "192.0.2.1")
    assert nonces.check(nonce, 1000.0, "r", "192.0.2.2") is Freshness.STALE


def test_a_nonce_from_before_a_restart_is_stale_and_its_counts_are_never_taken_again() -> None:
    before = Nonces(b"a secret on the disk").make(1000.0, "r")
    restarted = Nonces(b"a secret on the disk", started=1000.5)
    assert restarted.check(before, 1001.0, "r") is Freshness.STALE
    assert not restarted.accept_count(before, 1)
    assert restarted.check(restarted.make(1001.0, "r"), 1001.0, "r") is Freshness.FRESH


def test_nonces_tell_neither_time_nor_how_many_there_were(nonces: Nonces) -> None:
    """Made in the same millisecond one after the other, they have nothing in common but their length."""
    first, second = (urlsafe_b64decode(nonces.make(1000.0, "r", "tag")) for _ in range(2))
    alike = sum(one == other for one, other in zip(first, second, strict=True))
    assert alike <= 3
    assert (1000 * 1000).to_bytes(8, "big") not in first


@given(st.binary(min_size=32, max_size=32))
def test_what_looks_like_a_nonce_is_forged_all_the_same(raw: bytes) -> None:
    assert Nonces(b"sixteen bytes or more").check(urlsafe_b64encode(raw).decode(), 0.0, "r") is Freshness.FORGED


def test_a_nonce_from_the_future_is_not_fresh(nonces: Nonces) -> None:
    assert nonces.check(nonces.make(2000.0, "r"), 1000.0, "r") is Freshness.STALE


def test_a_nonce_has_one_spelling(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r")
    for other in (nonce + "\n", nonce[:5] + "!" + nonce[5:], nonce.rstrip("="), nonce + "=", nonce[:-3] + "x=="):
        assert nonces.check(other, 1000.0, "r") is Freshness.FORGED
        assert not nonces.accept_count(other, 1)


@given(st.text())
def test_any_text_is_a_forged_nonce(text: str) -> None:
    nonces = Nonces(b"sixteen bytes or more")
    assert nonces.check(text, 0.0, "r") is Freshness.FORGED
    assert not nonces.accept_count(text, 1)


def test_no_two_nonces_are_the_same(nonces: Nonces) -> None:
    assert len({nonces.make(1000.0, "r") for _ in range(100)}) == 100


def test_a_count_is_taken_once(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r")
    taken = [nonces.accept_count(nonce, count) for count in (1, 1, 3, 2, 2, 3, 4)]
    assert taken == [True, False, True, True, False, False, True]


def test_a_count_far_behind_is_refused(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r")
    assert nonces.accept_count(nonce, 0xFFFFFFFF)
    assert nonces.accept_count(nonce, 0xFFFFFFFF - 63)
    assert not nonces.accept_count(nonce, 0xFFFFFFFF - 64)


@given(st.lists(st.integers(0, 200)))
def test_no_count_is_ever_taken_twice(counts: list[int]) -> None:
    nonces = Nonces(b"sixteen bytes or more")
    nonce = nonces.make(1000.0, "r")
    taken = [count for count in counts if nonces.accept_count(nonce, count)]
    assert len(taken) == len(set(taken))


def test_without_a_count_a_nonce_serves_once(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r")
    assert nonces.accept_count(nonce, None)
    assert not nonces.accept_count(nonce, None)


def test_forgetting_opens_no_way_to_a_replay() -> None:
    nonces = Nonces(b"sixteen bytes or more", remembered=2)
    first, second, third, unused = (nonces.make(1000.0, "r") for _ in range(4))
    assert all(nonces.accept_count(nonce, 1) for nonce in (second, third, unused))
    assert not nonces.accept_count(second, 1)  # forgotten, and refused for that
    assert not nonces.accept_count(first, 1)  # older still
    assert not nonces.accept_count(third, 1)  # remembered
    assert nonces.accept_count(nonces.make(1000.0, "r"), 1)


def test_expired_nonces_are_forgotten_and_stay_refused(nonces: Nonces) -> None:
    old = nonces.make(1000.0, "r")
    assert nonces.accept_count(old, 1)
    new = nonces.make(1300.1, "r")
    assert not nonces.accept_count(old, 2)
    assert nonces.accept_count(new, 1)


def test_a_short_secret_is_no_secret() -> None:
    with pytest.raises(LocalProtocolError):
        Nonces(b"short")
