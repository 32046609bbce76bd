"""What the engine is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from queue_engine.facts import Will
from queue_engine.reasons import LeaveReason, RefusalCause
from queue_engine.work import Line, WorkItem


@dataclass(frozen=True, slots=True)
class ItemArrived:
    item: WorkItem


@dataclass(frozen=True, slots=True)
class ItemLeft:
    """The item is gone, whatever it was doing: abandoned, sent elsewhere, or its service ended."""

    item_id: UUID
    reason: LeaveReason = LeaveReason.ABANDONED


@dataclass(frozen=True, slots=True)
class ItemChanged:
    """A supervisor's word. None leaves as it is; `assigned` "" undoes an assignment."""

    item_id: UUID
    priority: float | None = None
    line: str | None = None
    assigned: str | None = None


@dataclass(frozen=True, slots=True)
class OfferRefused:
    item_id: UUID
    extension: str
    cause: RefusalCause = RefusalCause.NO_ANSWER


@dataclass(frozen=True, slots=True)
class OfferTaken:
    """The bridge between item and agent stands; whoever else rings for it is let go now and not before."""

    item_id: UUID
    extension: str


@dataclass(frozen=True, slots=True)
class ServiceEnded:
    """The agent's part with the item is over: wrap-up begins."""

    item_id: UUID
    extension: str


@dataclass(frozen=True, slots=True)
class WrapUpEnded:
    extension: str


@dataclass(frozen=True, slots=True)
class WrapUpExtended:
    """The deadline is `until` now (monotonic seconds): by the agent's wish, or as it was before a restart."""

    extension: str
    until: float


@dataclass(frozen=True, slots=True)
class AgentReachable:
    extension: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class AgentLegs:
    extension: str
    legs: int


@dataclass(frozen=True, slots=True)
class AgentWill:
    extension: str
    will: Will


@dataclass(frozen=True, slots=True)
class AgentAtWindow:
    """A hall ticket is open at the agent's window, or no more."""

    extension: str
    at_window: bool


@dataclass(frozen=True, slots=True)
class AgentSkills:
    extension: str
    skills: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AgentLines:
    """The agent serves these lines and no others; in a line that is new to them they come last."""

    extension: str
    lines: frozenset[str]


@dataclass(frozen=True, slots=True)
class LineChanged:
    """New settings, or a new line."""

    line: Line


@dataclass(frozen=True, slots=True)
class LineOpened:
    """Opened, or closed: then nobody comes in any more."""

    number: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class TimePassed:
    pass


Input: TypeAlias = (
    ItemArrived | ItemLeft | ItemChanged | OfferRefused | OfferTaken | ServiceEnded | WrapUpEnded | WrapUpExtended
    | AgentReachable | AgentLegs | AgentWill | AgentAtWindow | AgentSkills | AgentLines | LineChanged | LineOpened
    | TimePassed
)  # fmt: skip
