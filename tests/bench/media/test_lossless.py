"""A small run of the bench: nothing is lost while the core computes. The full one is `make bench-media`."""

from __future__ import annotations

import pytest

from pbx.media.loading import is_compiled
from tests.bench.media import lossless


@pytest.mark.skipif(not is_compiled(), reason="the engine is not compiled here")
async def test_no_packet_of_recorded_calls_is_lost_while_the_core_computes() -> None:
    outcome = await lossless.run(calls=20, seconds=2.0)
    assert outcome.sent == 2 * 20 * 100
    assert outcome.lost == 0
    assert outcome.cut == 0
    assert outcome.shortest > 1.5
