"""What is noted of the engine so that a day can be run again: the words of the log. No file, no clock.

A record stands for one input: what was given, when, and what the engine decided. A dispatcher hands it out before the
decisions are carried out, so a process that is killed has noted all that it did, or one input more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from queue_engine.decisions import Decision
from queue_engine.inputs import Input
from queue_engine.reasons import LeaveReason
from queue_engine.work import Line, WorkItem


@dataclass(frozen=True, slots=True)
class Beginning:
    """What an engine is made of. `now`: when it was made (monotonic seconds)."""

    now: float
    seed: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """`error`: the exception, if the engine raised one; its state is anybody's guess after that."""

    now: float
    given: Input
    decisions: Sequence[Decision] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line did not let an item in: no input, but a decision."""

    now: float
    item: WorkItem
    reason: LeaveReason


Record: TypeAlias = Step | Refusal


class InputLog(Protocol):
    """No method raises, whatever a disk does: calls go on without a log. `is_off`: nothing is noted any more, though
    it should be."""

    is_off: bool

    def begins(self, beginning: Beginning) -> None: ...

    def note(self, record: Record) -> None: ...


class NothingNoted:
    is_off = False

    def begins(self, beginning: Beginning) -> None:
        pass

    def note(self, record: Record) -> None:
        pass


NOTHING_NOTED = NothingNoted()
