"""Short runs of the fuzzers that need the running product. No time is judged here: see `make fuzz`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz import packets, timing
from tests.support.server import Server, running_dzvin


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_dzvin(tmp_path_factory.mktemp("fuzzed") / "data") as server:
        yield server


@pytest.mark.parametrize("source", [packets.STRANGER, packets.TRUSTED])
async def test_spoiled_packets_leave_nothing_and_a_phone_beside_them_works(server: Server, source: str) -> None:
    outcome = await packets.run(server, source=source, count=1500, rate=500, seed=2026, thorough=False)
    assert (outcome.escaped, outcome.restarts, outcome.left) == (0, 0, {})
    assert outcome.registrations
    assert outcome.calls


def test_who_exists_and_who_does_not_are_answered_alike(server: Server) -> None:
    comparisons = list(timing.run(server.sip, tries=5))
    assert len(comparisons) > 12
    assert {comparison.statuses for comparison in comparisons} == {frozenset({401}), frozenset({200})}
