"""A verdict takes some signs in a row."""

from __future__ import annotations

from pbx.trunks.health import DOWN_AFTER, EVERY, SUSPICIOUS, TRIED_AGAIN, UP_AFTER, Health


def test_it_takes_some_silences_in_a_row_to_be_down() -> None:
    health = Health()
    for _ in range(5):
        for _ in range(DOWN_AFTER - 1):
            assert not health.silent(1.0)
        assert not health.heard(1.0)
    assert health.up
    assert [health.silent(2.0) for _ in range(DOWN_AFTER)] == [False] * (DOWN_AFTER - 1) + [True]
    assert (health.up, health.since) == (False, 2.0)


def test_it_takes_some_answers_in_a_row_to_be_up_again() -> None:
    health = Health(up=False)
    health.heard(1.0)
    health.silent(2.0)
    assert [health.heard(3.0) for _ in range(UP_AFTER)] == [False] * (UP_AFTER - 1) + [True]
    assert health.up


def test_doubt_makes_the_probes_come_faster() -> None:
    health = Health()
    assert health.probe_after() == EVERY
    health.silent(1.0)
    assert health.probe_after() == SUSPICIOUS
    health.heard(1.0)
    assert health.probe_after() == EVERY
    assert Health(up=False).probe_after() == SUSPICIOUS


def test_calls_try_what_nobody_probes_after_a_while() -> None:
    health = Health()
    for _ in range(DOWN_AFTER):
        health.silent(100.0)
    assert not health.is_promising(101.0, probed=False)
    assert health.is_promising(100.0 + TRIED_AGAIN, probed=False)
    assert not health.is_promising(100.0 + TRIED_AGAIN, probed=True)
    health.silent(100.0 + TRIED_AGAIN)
    assert not health.is_promising(101.0 + TRIED_AGAIN, probed=False)
