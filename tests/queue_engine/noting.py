"""What an engine is given and decides, noted in memory: by itself, or by its dispatcher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dzvin.engine_log_file import as_record, as_written
from queue_engine.decisions import Decision
from queue_engine.dispatcher import strategies_of_ones_own
from queue_engine.engine import NO_OWN, Engine
from queue_engine.input_log import Beginning, Record, Step
from queue_engine.inputs import Input
from queue_engine.replay import Difference, Replay
from queue_engine.strategy import Strategy
from queue_engine.work import Line


class NotingEngine(Engine):
    def __init__(
        self, lines: Iterable[Line], now: float, *, seed: int = 0, own: Mapping[str, Strategy] = NO_OWN
    ) -> None:
        self.beginning = Beginning(now, seed, tuple(lines))
        self.records: list[Record] = []
        super().__init__(self.beginning.lines, now, seed=seed, own=own)

    def handle(self, given: Input, now: float) -> Sequence[Decision]:
        decisions = super().handle(given, now)
        self.records.append(Step(now, given, decisions))
        return decisions


class MemoryLog:
    """Keeps records as a file would. Everything that a test's engine decided, it must decide again."""

    is_off = False

    def __init__(self) -> None:
        self._beginning: Beginning | None = None
        self._written: list[bytes] = []

    def begins(self, beginning: Beginning) -> None:
        self._beginning = beginning

    def note(self, record: Record) -> None:
        self._written.append(as_written(record))

    def difference(self) -> Difference | None:
        assert self._beginning is not None
        own = strategies_of_ones_own(self._beginning.lines)
        return Replay(self._beginning, own).run(map(as_record, self._written))
