"""Decisions of the queue engine for each second of processor: `python -m tests.bench.engine`.

10,000 items wait in 8 lines while 500 agents serve them, each agent in two lines; every item that is taken is followed
by a new one, so that the lines stay as long as they are. A decision is an offer; its inputs are the answer, the end of
the service before it, the end of wrap-up and the arrival.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import deque
from uuid import UUID

from queue_engine.decisions import Offer
from queue_engine.engine import Engine
from queue_engine.inputs import (
    AgentReachable,
    AgentSkills,
    Input,
    ItemArrived,
    OfferTaken,
    ServiceEnded,
    WrapUpEnded,
)
from queue_engine.strategy import STRATEGIES
from queue_engine.work import Line, Relaxation, Tier, WorkItem

LINES = 8


def lines(agents: int, strategy: str) -> tuple[Line, ...]:
    everybody = tuple(str(1001 + number) for number in range(agents))
    return tuple(
        Line(
            str(7000 + number),
            (*everybody[number::LINES], *everybody[(number + 1) % LINES :: LINES]),
            strategy=strategy,
            tiers=(Tier(everybody[(number + 1) % LINES :: LINES], 30.0),),
            relaxations=(Relaxation(60.0, {"english": 1}), Relaxation(120.0, {"english": 0})),
            wrap_up=10.0,
            aging=0.01,
        )
        for number in range(LINES)
    )


class Bench:
    def __init__(self, waiting: int, agents: int, strategy: str) -> None:
        self.engine = Engine(lines(agents, strategy), 0.0, seed=1)
        self.chance = random.Random(1)
        self.now = 0.0
        self.inputs = self.number = 0
        self.open: deque[Offer] = deque()
        for extension in self.engine.agents:
            self.give(AgentSkills(extension, {"english": self.chance.randrange(3)}))
        for _ in range(waiting):
            self.arrive()

    def give(self, given: Input) -> None:
        self.now += 0.001
        self.inputs += 1
        self.open.extend(decision for decision in self.engine.handle(given, self.now) if isinstance(decision, Offer))

    def arrive(self) -> None:
        self.number += 1
        skills = {"english": self.chance.randrange(1, 3)} if self.chance.random() < 0.3 else {}
        priority = float(self.chance.randrange(3))
        line = str(7000 + self.number % LINES)
        self.give(ItemArrived(WorkItem(UUID(int=self.number), line, self.now, priority=priority, skills=skills)))

    def run(self, offers: int) -> None:
        for extension in self.engine.agents:
            self.give(AgentReachable(extension, True))
        for _ in range(offers):
            offer = self.open.popleft()
            self.give(OfferTaken(offer.item_id, offer.extension))
            self.give(ServiceEnded(offer.item_id, offer.extension))
            self.give(WrapUpEnded(offer.extension))
            self.arrive()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, default=10_000)
    parser.add_argument("--agents", type=int, default=500)
    parser.add_argument("--offers", type=int, default=20_000)
    parser.add_argument("--strategy", choices=sorted(STRATEGIES), default="longest_idle")
    given = parser.parse_args()
    bench = Bench(given.waiting, given.agents, given.strategy)
    bench.inputs, began = 0, time.process_time()
    bench.run(given.offers)
    seconds = time.process_time() - began
    figures = {
        "waiting": len(bench.engine.waiting),
        "agents": given.agents,
        "strategy": given.strategy,
        "offers_a_second": round(given.offers / seconds),
        "inputs_a_second": round(bench.inputs / seconds),
        "processor_seconds": round(seconds, 2),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
