"""Who may be called when, and what a try means for the next one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

from crm_core.settings.working_time import BadHours, WorkingTime

UNKNOWN_ZONE = "Etc/Unknown"
STEPS = 64  # of looking for an hour that suits all zones: more than three weeks
USUAL_HOURS = "mon-fri 09:00-20:00, sat 10:00-18:00"


class Outcome(StrEnum):
    """What a try came to. The words of `callflow.callback_facts.Tried`, and three of our own."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    WRONG_NUMBER = "wrong_number"
    FAILED = "failed"
    UNSERVED = "unserved"
    AGENT_GONE = "agent_gone"
    FORBIDDEN = "forbidden"
    LEFT = "left"
    INTERRUPTED = "interrupted"  # the core ended while the party was being called
    SKIPPED = "skipped"  # an agent looked at it and left it for later
    AGAIN = "again"  # the agent says: try again


PAUSES: Mapping[str, int] = MappingProxyType(
    {
        Outcome.NO_ANSWER: 120,
        Outcome.BUSY: 15,
        Outcome.REJECTED: 24 * 60,
        Outcome.UNREACHABLE: 120,
        Outcome.FAILED: 15,
        Outcome.UNSERVED: 15,
        Outcome.AGENT_GONE: 15,
        Outcome.FORBIDDEN: 60,
        Outcome.LEFT: 15,
        Outcome.INTERRUPTED: 15,
        Outcome.SKIPPED: 60,
        Outcome.AGAIN: 240,
    }
)
"""Minutes until the next try. What is not here is not tried again."""


@dataclass(frozen=True, slots=True)
class Next:
    """`at` None: the entry is done."""

    at: datetime | None


def next_try(outcome: Outcome, tries: int, most: int, pauses: Mapping[str, int], now: datetime) -> Next:
    """After a try that came to `outcome`, the `tries`th of `most`. `pauses`: the list's own, in minutes."""
    if outcome not in PAUSES or tries >= most:
        return Next(None)
    return Next(now + timedelta(minutes=pauses.get(outcome, PAUSES[outcome])))


def check_hours(text: str) -> None:
    """Raises BadHours; also for none at all: nobody is called by night because a field was left empty."""
    if not WorkingTime.parse(text, "", ZoneInfo("UTC")).week:
        raise BadHours("no hours")


def opens(hours: str, zones: Sequence[str], now: datetime) -> datetime | None:
    """The first moment from `now` on at which it is within `hours` in each of `zones`: `now` itself, when the party may
    be called. None: no hour of three weeks suits them all."""
    local = [WorkingTime.parse(hours, "", ZoneInfo(zone)) for zone in zones]
    at = now
    for _ in range(STEPS):
        later = max((each.after(at, timedelta()) for each in local), default=at)
        if later == at:
            return at
        at = later
    return None


def zones_of(e164: str, otherwise: str) -> tuple[str, ...]:
    """All time zones in which who has that number may be, by the numbering plan; `otherwise` where it says none."""
    zones: Sequence[str] = timezone.time_zones_for_number(phonenumbers.parse(e164, None))
    return tuple(zone for zone in zones if zone != UNKNOWN_ZONE and _is_known(zone)) or (otherwise,)


def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; "." is a folder
        return False
    return True


def is_zone(text: str) -> bool:
    return bool(text) and len(text) <= 64 and _is_known(text)
