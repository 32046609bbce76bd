"""Limits in virtual time."""

from __future__ import annotations

import pytest

from web_panel.rate_limit import RateLimit, TooMany, TrustedAddresses


def test_as_many_as_allowed_pass_and_the_next_is_told_when_to_come_back() -> None:
    limit = RateLimit(3, 60)
    for second in range(3):
        limit.take("a", float(second))
    with pytest.raises(TooMany) as refused:
        limit.take("a", 10.0)
    assert 50 <= refused.value.retry_after <= 51
    limit.take("a", 10.0 + refused.value.retry_after)


def test_keys_do_not_touch_each_other() -> None:
    limit = RateLimit(1, 60)
    limit.take("a", 0.0)
    limit.take("b", 0.0)


def test_a_refused_attempt_does_not_prolong_the_wait() -> None:
    limit = RateLimit(1, 60)
    limit.take("a", 0.0)
    for second in range(1, 60):
        with pytest.raises(TooMany):
            limit.take("a", float(second))
    limit.take("a", 60.0)


def test_the_table_is_bounded_and_forgets_who_was_seen_longest_ago() -> None:
    limit = RateLimit(1, 60, max_keys=2)
    for key in ("a", "b", "c"):
        limit.take(key, 0.0)
    limit.take("a", 1.0)
    with pytest.raises(TooMany):
        limit.take("c", 1.0)


def test_a_success_forgets_the_failures() -> None:
    limit = RateLimit(1, 60)
    limit.hit("a", 0.0)
    limit.forget("a")
    limit.check("a", 0.0)


def test_trusted_are_addresses_and_networks_of_both_families() -> None:
    trusted = TrustedAddresses(["127.0.0.1", "10.1.0.0/16", "::1"])
    assert [address in trusted for address in ("127.0.0.1", "10.1.2.3", "::1")] == [True, True, True]
    assert [address in trusted for address in ("127.0.0.2", "10.2.0.1", "::2", "", "unix:")] == [False] * 5
