"""What supervisors say of those who wait and of lines, as facts. The rules of `callflow.facts` hold here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from callflow.facts import CallFact, Fact


class WaitOrder(StrEnum):
    MOVED = "moved"  # to another line, with the time of joining
    PRIORITISED = "prioritised"
    ASSIGNED = "assigned"  # to one agent, as long as that one is at work
    UNASSIGNED = "unassigned"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOrdered(CallFact):
    """`line`: where it waits. `to`: the line or number that it goes on to; "" after `withdrawn`: the call ends."""

    user: UUID
    order: WaitOrder
    line: str
    to: str = ""
    agent: str = ""
    points: float = 0.0  # of priority, after `prioritised`
    message: str = ""  # a prompt that is played first


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSwitched(Fact):
    """The line is open or closed from now on, and tells `message` (a prompt; "": none)."""

    line: str
    is_open: bool
    message: str
    user: UUID


KINDS: Mapping[str, type[Fact]] = MappingProxyType({kind.__name__: kind for kind in (WaitOrdered, LineSwitched)})
