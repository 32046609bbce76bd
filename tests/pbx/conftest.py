"""What holds for every test of the telephony room: each call that a Switch has seen replays from its trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pbx.trace.file import decode
from pbx.trace.mask import masked
from pbx.trace.replay import replay
from tests.pbx.switch import Switch


@pytest.fixture(autouse=True)
def every_call_replays() -> Iterator[None]:
    """What no trace may tell has been taken out first: replay needs none of it."""
    Switch.made.clear()
    yield
    for switch in Switch.made:
        switch.tap.close()
        for encoded in switch.traces:
            trace = masked(decode(encoded))
            difference = replay(trace).difference
            assert difference is None, (difference, trace.records[: difference.record + 1])
    Switch.made.clear()
