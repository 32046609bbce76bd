"""A worker's log: JSON lines on stderr, which may be gone, since a worker outlives whoever started it."""

from __future__ import annotations

import io
import sys
import time
from dataclasses import dataclass
from typing import TextIO, cast

import structlog

FAULTS_A_MINUTE = 10

log = structlog.get_logger("pbx.media")


class Stderr(io.TextIOBase):
    """Standard error; when nobody reads it any more, what is written is lost and nobody is disturbed."""

    def write(self, text: str) -> int:
        try:
            return sys.stderr.write(text)
        except (OSError, ValueError):
            return 0

    def flush(self) -> None:
        try:
            sys.stderr.flush()
        except (OSError, ValueError):
            pass


@dataclass(slots=True)
class FaultLog:
    """Logs exceptions that ended inside the engine, a few a minute: one that every packet meets fills no disk."""

    minute: int = 0
    told: int = 0

    def __call__(self, report: sys.UnraisableHookArgs) -> None:
        minute = int(time.monotonic() // 60)
        if minute != self.minute:
            self.minute, self.told = minute, 0
        self.told += 1
        if self.told <= FAULTS_A_MINUTE:
            log.error("fault in the media engine", error=repr(report.exc_value), where=repr(report.object))


def configure() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, Stderr())),
    )
    sys.unraisablehook = FaultLog()
