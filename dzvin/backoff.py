"""How long to wait before something that died is started again."""

from __future__ import annotations

from dataclasses import dataclass

DELAYS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # seconds; the last one repeats
STEADY = 10.0  # seconds; who lived that long has not failed to start: a core is ready in five


@dataclass(slots=True)
class Backoff:
    """At once the first time, then later and later while deaths follow each other."""

    failures: int = 0

    def after(self, lived: float) -> float:
        """The delay in seconds before the next start of something that died after `lived` seconds."""
        self.failures = 1 if lived >= STEADY else self.failures + 1
        return DELAYS[min(self.failures, len(DELAYS)) - 1]
