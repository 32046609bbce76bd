"""Days that were: made by a small world of people who wait and agents who answer, or word by word."""

from __future__ import annotations

import random

from queue_engine.inputs import Input
from queue_engine.replay import Replay
from queue_engine.whatif.chances import Chances
from queue_engine.whatif.day import Day
from queue_engine.whatif.figures import Figures, figures
from queue_engine.whatif.meter import Meter
from queue_engine.whatif.observing import Observer
from queue_engine.whatif.simulation import Simulation
from queue_engine.work import Line
from tests.queue_engine.noting import NotingEngine
from tests.queue_engine.simulated_day import Day as World


def a_world(*lines: Line, seed: int = 1, items: int = 300) -> NotingEngine:
    engine = NotingEngine(lines, 0.0, seed=seed)
    World(seed, engine, random.Random(seed)).run(items)
    return engine


def one_line(agents: int) -> Line:
    return Line("7000", tuple(str(1001 + number) for number in range(agents)), wrap_up=10.0, offer_grace=5.0)


def told(engine: NotingEngine, *given: tuple[float, Input]) -> NotingEngine:
    for at, each in given:
        engine.handle(each, at)
    return engine


def observed(engine: NotingEngine, *, ends: float | None = None, stopped: bool = False, day: Day | None = None) -> Day:
    """`ends`: when the engine's run did, if later than the last input."""
    replay = Replay(engine.beginning)
    day = day if day is not None else Day(engine.beginning.seed)
    observer = Observer(day, replay.engine, 0.0)
    observer.begin(engine.beginning.now)
    for record in engine.records:
        assert replay.step(record)
        observer.take(record)
    observer.end(ends if ends is not None else engine.records[-1].now, stopped=stopped)
    return day


def simulated(day: Day, known: Day | None = None, *, as_it_was: bool = True) -> Meter:
    """`known`: of which the chances are taken, if not of this day."""
    return Simulation(day, Chances(known or day, 1, as_it_was=as_it_was), {}).run()


def of(meter: Meter, day: Day) -> Figures:
    return figures(meter.visits, day.ends)
