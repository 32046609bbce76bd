"""A short run of the STUN fuzzer."""

from __future__ import annotations

from tests.fuzz import stun_messages


def test_any_octets_are_a_stun_message_or_none_and_no_answer_is_much_longer() -> None:
    answered = stun_messages.run(5000, seed=2026)
    assert 200 < answered < 4500
