"""What Prometheus hears of recordings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict
from uuid import UUID

from callflow.facts import RecordingLosesSound, RecordingReady, RecordingStarted
from dzvin.recording_alarms import RecordingAlarms


class _Common(TypedDict):
    id: UUID
    at: datetime
    call_id: UUID
    recording: UUID


WHO: _Common = {
    "id": UUID(int=1),
    "at": datetime(2030, 1, 7, tzinfo=UTC),
    "call_id": UUID(int=2),
    "recording": UUID(int=3),
}


def read(alarms: RecordingAlarms) -> tuple[int, int, int]:
    return len(alarms.running), len(alarms.losing), alarms.cut


def test_a_recording_that_loses_sound_is_counted_while_it_does_and_once_when_it_ends() -> None:
    alarms = RecordingAlarms()
    alarms.on_fact(RecordingStarted(**WHO))
    assert read(alarms) == (1, 0, 0)
    alarms.on_fact(RecordingLosesSound(**WHO, reason="disk full"))
    assert read(alarms) == (1, 1, 0)
    alarms.on_fact(RecordingLosesSound(**WHO, reason="disk full", over=True))
    assert read(alarms) == (1, 0, 0)
    alarms.on_fact(RecordingReady(**WHO, file="a.dzr", seconds=2.0, cut=True))
    assert read(alarms) == (0, 0, 1)
