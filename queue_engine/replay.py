"""Runs a log's inputs through a fresh engine, and says where it decides otherwise than it did. Pure.

The state of an engine follows from its beginning and its inputs, so the first difference is the only one that says
anything: whoever compares stops there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from queue_engine.decisions import Decision, StrategyFailed
from queue_engine.engine import NO_OWN, Engine
from queue_engine.input_log import Beginning, Record, Refusal, Step
from queue_engine.strategy import Strategy

CONTEXT = 5
"""Records before a difference that are told with it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`noted` and `replayed`: decisions, or the words of an exception or a refusal. `before`: the records that led
    there, oldest first."""

    record: Record
    noted: tuple[str, ...]
    replayed: tuple[str, ...]
    before: tuple[Record, ...]


@dataclass(slots=True)
class Replay:
    """`own`: strategies of one's own by name. Raises ValueError for one that is missing."""

    beginning: Beginning
    own: Mapping[str, Strategy] = field(default_factory=lambda: NO_OWN)
    inputs: int = 0
    decisions: int = 0
    refusals: int = 0
    difference: Difference | None = None
    engine: Engine = field(init=False)
    _before: deque[Record] = field(default_factory=lambda: deque(maxlen=CONTEXT), init=False)

    def __post_init__(self) -> None:
        begun = self.beginning
        self.engine = Engine(begun.lines, begun.now, seed=begun.seed, own=self.own)

    def run(self, records: Iterable[Record]) -> Difference | None:
        """Until the first difference, or the end. May be called again with what comes next."""
        for record in records:
            if self.difference is not None or not self.step(record):
                break
        return self.difference

    def step(self, record: Record) -> bool:
        """Whether the engine decides as it did."""
        noted, replayed = self._refusal(record) if isinstance(record, Refusal) else self._step(record)
        if noted != replayed:
            self.difference = Difference(record, noted, replayed, tuple(self._before))
            return False
        self._before.append(record)
        return True

    def _step(self, record: Step) -> tuple[tuple[str, ...], tuple[str, ...]]:
        self.inputs += 1
        try:
            decisions = self.engine.handle(record.given, record.now)
        except Exception as failure:
            return (kind_of(record.error),), (kind_of(repr(failure)),)
        self.decisions += len(decisions)
        if record.error:
            return (kind_of(record.error),), _comparable(decisions)
        if list(record.decisions) == decisions:
            return (), ()
        return _comparable(record.decisions), _comparable(decisions)

    def _refusal(self, record: Refusal) -> tuple[tuple[str, ...], tuple[str, ...]]:
        self.refusals += 1
        admission = self.engine.admission(record.item.line, record.now)
        return (record.reason.value,), ("let in" if admission is None else admission.value,)


def kind_of(error: str) -> str:
    """Of an exception's `repr`: what is in it may hold addresses of memory, which are others each time."""
    return error.partition("(")[0] or "decides"


def _comparable(decisions: Sequence[Decision]) -> tuple[str, ...]:
    return tuple(
        repr(StrategyFailed(decision.line, decision.strategy, kind_of(decision.error)))
        if isinstance(decision, StrategyFailed)
        else repr(decision)
        for decision in decisions
    )
