"""A short run of the fuzzer of streams."""

from __future__ import annotations

import pytest

from pbx.net import framing as product
from tests.fuzz import framing


def test_a_stream_means_the_same_however_it_is_cut() -> None:
    assert framing.run(400, seed=2026) > 300


def test_a_framer_that_looks_at_pieces_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(framer: product.Framer, data: bytes) -> None:
        framer._buffer += data[:1400]

    monkeypatch.setattr(product.Framer, "feed", careless)
    with pytest.raises(AssertionError):
        framing.run(50, seed=1)
