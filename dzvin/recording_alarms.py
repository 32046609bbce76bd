"""What the recordings of the running core are up to, for Prometheus: read off the facts that calls tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from callflow.facts import Fact, RecordingLosesSound, RecordingReady, RecordingStarted
from queue_engine.facts import QueueFact


@dataclass(slots=True)
class RecordingAlarms:
    running: set[UUID] = field(default_factory=set)
    losing: set[UUID] = field(default_factory=set)
    cut: int = 0  # recordings of this core that lost sound, or ended before they should have

    def on_fact(self, fact: Fact | QueueFact) -> None:
        match fact:
            case RecordingStarted():
                self.running.add(fact.recording)
            case RecordingLosesSound():
                (self.losing.discard if fact.over else self.losing.add)(fact.recording)
            case RecordingReady():
                self.running.discard(fact.recording)
                self.losing.discard(fact.recording)
                self.cut += fact.cut
            case _:
                pass
