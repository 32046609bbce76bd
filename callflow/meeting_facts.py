"""What happened at conference numbers. By the rules of `callflow.facts`.

Each member's visit is a call of its own, so most of these are facts of that call; what concerns all who meet at a
number is told of the number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from callflow.facts import CallFact, Fact


class MeetingLeave(StrEnum):
    """Why somebody is in a conference no more."""

    GONE = "gone"  # hung up, or went on elsewhere
    REMOVED = "removed"  # by a moderator
    ENDED = "ended"  # for all, by a moderator
    LOST = "lost"  # its media worker died


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingJoined(CallFact):
    """From now on this call hears, and is heard, at `conference` (its number). `visit` is the id of its stay, which is
    a segment. `extension`: whose phone it is; None: an outside number, which is the party of the call."""

    conference: str
    visit: UUID
    extension: str | None = None
    moderator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingMuted(CallFact):
    """Nobody hears that one, or all do again. `by`: an extension; None: a supervisor."""

    conference: str
    on: bool
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingLeft(CallFact):
    conference: str
    visit: UUID
    reason: MeetingLeave


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingLocked(Fact):
    """Nobody more may come in at that number, or everybody may again. `by`: the user."""

    conference: str
    on: bool
    by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingRecorded(CallFact):
    """The recording of what is said at that number begins (`RecordingStarted` tells its file), or ends. It belongs to
    this call, whoever else is in it."""

    conference: str
    on: bool


KINDS: Mapping[str, type[Fact]] = MappingProxyType(
    {kind.__name__: kind for kind in (MeetingJoined, MeetingMuted, MeetingLeft, MeetingLocked, MeetingRecorded)}
)
"""Fact kinds by name, beside those of `callflow.facts`."""
