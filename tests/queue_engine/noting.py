"""An engine that notes what it is given and decides, as a dispatcher does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from queue_engine.decisions import Decision
from queue_engine.engine import NO_OWN, Engine
from queue_engine.input_log import Beginning, Record, Step
from queue_engine.inputs import Input
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
