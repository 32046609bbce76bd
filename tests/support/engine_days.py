"""The queue engine decides every day of an installation again as it did."""

from __future__ import annotations

from pathlib import Path

from dzvin.engine_log import FOLDER
from dzvin.engine_log_shelf import names
from dzvin.replaying_day import DayVerdict, replay_day


def days(data: Path) -> dict[str, DayVerdict]:
    return {day: replay_day(data, day) for day in sorted({name.day for name in names(data / FOLDER)})}


def decided_otherwise(data: Path) -> list[str]:
    """The days that are not the same, or damaged."""
    return [day for day, verdict in days(data).items() if not (verdict.same and verdict.sound)]
