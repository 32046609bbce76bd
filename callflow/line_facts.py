"""What happened to calls in waiting lines, beside `CallQueued`. The rules of `callflow.facts` hold here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from callflow.facts import CallFact, Fact


class LineEnd(StrEnum):
    """How a wait in a line ended: each ends in exactly one of these. The same words as the queue engine's."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    SHORT_ABANDONED = "short_abandoned"
    TIMEOUT = "timeout"
    EXIT_KEY = "exit_key"
    NO_AGENTS = "no_agents"
    LEFT_EMPTY = "left_empty"
    FULL = "full"
    EXPECTED_WAIT = "expected_wait"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    OVERFLOWED = "overflowed"
    CALLBACK = "callback"
    TRANSFERRED = "transferred"
    AGENT_DUMP = "agent_dump"  # not told any more: who waits keeps the place
    TECHNICAL = "technical"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLeftLine(CallFact):
    """The wait that `CallQueued` began is over; with `full`, `closed`, `no_agents` and `expected_wait` the line has not
    taken the caller at all. `answered`: the two hear each other."""

    line: str
    reason: LineEnd
    position: int | None = None  # at the end; None: was not let in, or was being offered
    waited: float = 0.0  # seconds, since the caller joined the first line of an overflow chain
    to: str = ""  # the number to which the caller goes on
    key: str = ""  # that was pressed, for `exit_key`
    extension: str = ""  # the agent who has answered


KINDS: Mapping[str, type[Fact]] = MappingProxyType({kind.__name__: kind for kind in (CallLeftLine,)})
