"""How the figures of the media bench are made, and that rtpengine is asked in its own words."""

from __future__ import annotations

import pytest

from tests.bench.media.beside import figures_of, table
from tests.bench.media.generator import Load
from tests.bench.media.rtpengine import bencoded


def load(**changed: float) -> Load:
    figures = {"sent": 1000, "heard": 1000, "gaps": 0, "p50_us": 50.0, "p99_us": 900.0, "server_seconds": 0.01}
    return Load(**(figures | {"seconds": 2.0, "others": 5.0} | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("phase", "figure"), [("relay", 10.0), ("relay+rec", 10.0), ("latency", 50.0), ("conf", pytest.approx(0.1))]
)
def test_each_phase_has_its_figure(phase: str, figure: float) -> None:
    assert figures_of(phase, [load()], members=50)[1] == [figure]


def test_the_table_says_what_was_lost_and_what_else_ran() -> None:
    text = table({("relay", "dzvin"): [load(), load(heard=990), load()]}, members=50)
    assert "| relay, µs a packet | dzvin | 10.00 | 10.00 | 10.10 | 1.000 % | 5 % |" in text


def test_commands_are_bencoded_with_sorted_keys() -> None:
    assert (
        bencoded({"sdp": "v=0", "call-id": "ї", "replace": ["a"]}) == b"d7:call-id2:\xd1\x977:replacel1:ae3:sdp3:v=0e"
    )
