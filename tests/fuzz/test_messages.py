"""A short run of the message fuzzer; the long one is `make fuzz`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import parse
from tests.fuzz import messages
from tests.fuzz.corpus import seeds
from tests.fuzz.mutation import Mutator
from tests.pbx.sip import invariant


def test_any_message_parses_or_raises_remote_protocol_error() -> None:
    outcome = messages.run(range(4000), seed=2026)
    assert outcome.finds == {}
    assert outcome.escaped == 0
    assert outcome.slowest[0] < messages.COSTLY


def test_a_seed_and_a_number_make_the_same_message_again() -> None:
    once, again, other = (Mutator(seeds(), seed) for seed in (1, 1, 2))
    numbers = range(300)
    assert [once.message(number) for number in numbers] == [again.message(number) for number in numbers]
    assert [once.message(number) for number in numbers] != [other.message(number) for number in numbers]


def test_most_messages_are_no_longer_what_they_were_and_many_still_parse() -> None:
    """A fuzzer whose messages all fail at the first line finds nothing behind it."""
    spoiled = [Mutator(seeds()).message(number) for number in range(2000)]
    assert sum(data in seeds() for data in spoiled) < 200
    parsed = 0
    for data in spoiled:
        try:
            parse(data)
            parsed += 1
        except RemoteProtocolError:
            pass
    assert 400 < parsed < 1800


def test_what_it_finds_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(data: bytes) -> None:
        if len(data) % 7 == 0:
            raise ValueError("a bug")

    monkeypatch.setattr(invariant, "check_message", broken)
    outcome = messages.run(range(100), seed=1)
    assert outcome.escaped > 3
    (kept,) = messages.keep(outcome, tmp_path)
    assert kept.read_bytes() in [Mutator(seeds()).message(number) for number in range(100)]
    assert "ValueError: a bug" in kept.with_suffix(".txt").read_text()
