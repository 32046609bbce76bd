"""Guessing passwords: who is locked out, for how long, and who is not harmed by it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pbx.sip.lockout import (
    FIRST_LOCKOUT,
    FORGIVEN_AFTER,
    LONGEST_LOCKOUT,
    MAX_SOURCES,
    SLOW_FROM,
    WINDOW,
    Lockouts,
)

THIEF, OFFICE, HOME = "198.51.100.66", "192.0.2.1", "203.0.113.7"


def guess(
    lockouts: Lockouts, times: int, *, source: str = THIEF, account: str = "1001", now: float = 0.0
) -> list[float]:
    """The lockouts that so many wrong passwords in a row brought."""
    told = (lockouts.failed(source, account, f"{source} {account} {now} {n}", now) for n in range(times))
    return [seconds for seconds in told if seconds is not None]


def test_five_failures_for_one_account_lock_the_source_out_for_ten_minutes() -> None:
    lockouts = Lockouts()
    assert guess(lockouts, 4) == []
    assert not lockouts.is_locked(THIEF, 0.0)
    assert guess(lockouts, 1, now=WINDOW) == [600.0]
    assert lockouts.is_locked(THIEF, WINDOW + 599.9)
    assert not lockouts.is_locked(THIEF, WINDOW + 600.0)
    assert not lockouts.is_locked(OFFICE, WINDOW)


def test_five_failures_in_more_than_ten_minutes_do_not() -> None:
    lockouts = Lockouts()
    for number in range(20):
        assert guess(lockouts, 1, now=number * 151.0) == []


def test_one_try_for_each_of_many_accounts_locks_out_too() -> None:
    lockouts = Lockouts()
    told = [seconds for number in range(20) for seconds in guess(lockouts, 1, account=f"{1000 + number}")]
    assert told == [600.0]


def test_each_lockout_is_twice_as_long_up_to_a_day() -> None:
    lockouts, now, lasted = Lockouts(), 0.0, []
    for _ in range(12):
        (seconds,) = guess(lockouts, 5, now=now)
        lasted.append(seconds)
        now += seconds
    assert lasted[:4] == [600.0, 1200.0, 2400.0, 4800.0]
    assert lasted[-1] == max(lasted) == LONGEST_LOCKOUT


def test_a_day_without_failures_and_all_is_forgotten() -> None:
    lockouts = Lockouts()
    guess(lockouts, 5)
    assert guess(lockouts, 5, now=FIRST_LOCKOUT + FORGIVEN_AFTER + 1) == [600.0]
    assert guess(lockouts, 5, now=2 * FORGIVEN_AFTER) == [1200.0]


def test_a_retransmission_is_no_other_failure() -> None:
    lockouts = Lockouts()
    assert [lockouts.failed(OFFICE, "1001", "the same", 0.0) for _ in range(50)] == [None] * 50


def test_the_right_password_ends_the_count_of_that_account() -> None:
    lockouts = Lockouts()
    for now in range(3):
        assert guess(lockouts, 4, source=OFFICE, now=float(now)) == []
        lockouts.succeeded(OFFICE, "1001", float(now))


def test_an_account_under_attack_is_slowed_and_never_locked() -> None:
    lockouts = Lockouts()
    for number in range(SLOW_FROM):
        assert lockouts.may_try(f"bot{number}", "1001", 0.0)
        guess(lockouts, 1, source=f"bot{number}")
    assert [lockouts.may_try(HOME, "1001", now) for now in (0.0, 0.5, 0.9, 1.0, 1.5, 2.0)] == [
        True, False, False, True, False, True,
    ]  # fmt: skip
    assert lockouts.may_try("anybody", "1002", 0.0)
    assert lockouts.may_try(HOME, "1001", WINDOW + 1)
    assert lockouts.may_try(HOME, "1001", WINDOW + 1)


def test_a_source_that_has_proved_the_password_is_not_slowed() -> None:
    lockouts = Lockouts()
    lockouts.succeeded(OFFICE, "1001", 0.0)
    for number in range(100):
        guess(lockouts, 1, source=f"bot{number}")
    assert all(lockouts.may_try(OFFICE, "1001", 0.0) for _ in range(100))


def test_accounts_that_do_not_exist_are_treated_alike() -> None:
    """Nothing here knows which ones do."""
    lockouts = Lockouts()
    for account in ("1001", "nobody", "x" * 5000):
        assert guess(lockouts, 5, source=f"thief of {account}", account=account) == [600.0]


def test_the_tables_are_bounded_and_those_who_are_locked_out_stay_so() -> None:
    lockouts = Lockouts(max_sources=100, max_accounts=100)
    for number in range(20):
        guess(lockouts, 5, source=f"thief {number}")
    for number in range(10_000):
        guess(lockouts, 1, source=f"passer-by {number}", account=f"account {number}", now=1.0)
    assert len(lockouts._sources) <= 100
    assert len(lockouts._accounts) <= 100
    assert lockouts.locked(2.0) == 20


def test_one_source_cannot_fill_a_table_with_names() -> None:
    lockouts = Lockouts()
    for number in range(1000):
        guess(lockouts, 1, account=f"{number}", now=number * 1000.0)
    (source,) = lockouts._sources.values()
    assert len(source.failures) <= 20


def test_a_table_full_of_locked_sources_still_takes_another() -> None:
    lockouts = Lockouts(max_sources=50)
    for number in range(200):
        guess(lockouts, 5, source=f"thief {number}")
    assert lockouts.is_locked("thief 199", 1.0)
    assert len(lockouts._sources) == 50
    assert MAX_SOURCES >= 1000


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.floats(0, 300)), max_size=60))
def test_nobody_tries_more_than_five_passwords_of_an_account_in_ten_minutes(
    tries: list[tuple[str, str, float]],
) -> None:
    lockouts, now, looked_at = Lockouts(), 0.0, []
    for number, (source, account, later) in enumerate(tries):
        now += later
        if not lockouts.is_locked(source, now) and lockouts.may_try(source, account, now):
            lockouts.failed(source, account, str(number), now)
            looked_at.append((source, account, now))
    for source, account, start in looked_at:
        same = [
            at for other, name, at in looked_at if (other, name) == (source, account) and start <= at < start + WINDOW
        ]
        assert len(same) <= 5
