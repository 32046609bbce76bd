"""A stranger's voice is in nobody's ear and in no recording: short runs; `make fuzz FUZZ=media` has the long ones."""

from __future__ import annotations

import pytest

from tests.fuzz import strangers
from tests.fuzz.strangers import SITUATIONS, Situation
from tests.pbx.media.rig import KINDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_nobody_hears_and_no_recording_holds_a_stranger(kind: str, situation: Situation) -> None:
    outcome = strangers.spray(kind, situation, 30)
    assert outcome.is_harmless, outcome
    assert outcome.sprayed >= 1200
    # Before the call the leg has no address: those packets wait in no queue, and are strangers' all the same.
    assert outcome.refused == outcome.sprayed


@pytest.mark.parametrize("kind", KINDS)
def test_datagrams_of_all_kinds_leave_a_call_unharmed(kind: str) -> None:
    outcome = strangers.fuzz(kind, 8_000, seed=2026)
    assert outcome.is_harmless, outcome


async def test_forged_rtcp_changes_nothing() -> None:
    assert await strangers.fuzz_rtcp(5_000, seed=2026) == 0
