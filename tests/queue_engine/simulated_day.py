"""A whole day of a call centre in virtual time: `python -m tests.queue_engine.simulated_day`.

10,000 items come to 8 lines of 40 agents in twelve hours, busier at noon than in the morning. People wait, give up,
are answered or not, talk, and agents take breaks. What comes out are the engine's own decisions; the same seed gives
the same day.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from uuid import UUID

from queue_engine.decisions import Leave, Offer, WakeAt, Withdraw
from queue_engine.engine import Engine
from queue_engine.facts import Will
from queue_engine.inputs import (
    AgentReachable,
    AgentWill,
    Input,
    ItemArrived,
    ItemLeft,
    OfferRefused,
    OfferTaken,
    ServiceEnded,
    TimePassed,
)
from queue_engine.reasons import LeaveReason
from queue_engine.strategy import STRATEGIES
from queue_engine.work import Line, Tier, WorkItem

DAY = 12 * 3600.0
PATIENCE, TALK = 180.0, 120.0  # seconds, on average


def lines(agents: int) -> tuple[Line, ...]:
    """Eight lines of eight strategies; each agent serves two of them, and the next line's as the second tier."""
    everybody = tuple(str(1001 + number) for number in range(agents))
    named = sorted(set(STRATEGIES) - {"ring_all"})
    found = []
    for number, strategy in enumerate(named[:8]):
        own, helpers = everybody[number::8], everybody[(number + 1) % 8 :: 8]
        found.append(
            Line(
                str(7000 + number),
                (*own, *helpers),
                strategy=strategy,
                tiers=(Tier(helpers, 20.0),),
                wrap_up=10.0,
                aging=0.01,
                max_wait=900.0,
                resume_window=600.0,
                offer_grace=5.0,
            )
        )
    return tuple(found)


@dataclass
class Day:
    seed: int
    engine: Engine
    chance: random.Random
    events: list[tuple[float, int, Input]] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    joined: dict[UUID, float] = field(default_factory=dict)
    ringing: dict[UUID, set[str]] = field(default_factory=dict)
    inputs: int = 0
    decisions: int = 0
    trace: str = ""

    def run(self, items: int) -> None:
        order, digest, wake = count(), hashlib.sha256(), None
        self._plan(items, order)
        while self.events or wake is not None:
            now = self.events[0][0] if self.events else float("inf")
            given: Input = TimePassed()
            if wake is not None and wake <= now:
                now = wake
            else:
                _, _, given = heappop(self.events)
            if not self._happens(given, now):
                continue
            self.inputs += 1
            wake = None
            for decision in self.engine.handle(given, now):
                self.decisions += 1
                digest.update(repr(decision).encode())
                match decision:
                    case WakeAt(at):
                        wake = at
                    case Offer(item_id, _, extension):
                        self.ringing.setdefault(item_id, set()).add(extension)
                        self._rings(item_id, extension, now, order)
                    case Withdraw(item_id, extension):
                        self.ringing[item_id].discard(extension)
                    case Leave(item_id, _, reason):
                        self._ends(item_id, reason)
                    case _:
                        pass
        self.trace = digest.hexdigest()

    def _plan(self, items: int, order: count[int]) -> None:
        for extension in self.engine.agents:
            heappush(self.events, (0.0, next(order), AgentReachable(extension, True)))
            for _ in range(3):
                begins = self.chance.uniform(0, DAY)
                heappush(self.events, (begins, next(order), AgentWill(extension, Will.PAUSED)))
                heappush(self.events, (begins + 600.0, next(order), AgentWill(extension, Will.READY)))
        numbers = sorted(self.engine.lines)
        for number in range(items):
            at = self.chance.triangular(0, DAY, DAY / 2)
            key = f"+38044{self.chance.randrange(items // 2):07d}"
            priority = self.chance.choice((0.0, 0.0, 0.0, 1.0))
            item = WorkItem(UUID(int=number + 1), self.chance.choice(numbers), at, priority=priority, key=key)
            heappush(self.events, (at, next(order), ItemArrived(item)))
            heappush(self.events, (at + self.chance.expovariate(1 / PATIENCE) + 5, next(order), ItemLeft(item.item_id)))

    def _rings(self, item_id: UUID, extension: str, now: float, order: count[int]) -> None:
        """Nine of ten answer, after a few seconds."""
        if self.chance.random() < 0.9:
            answered = now + self.chance.uniform(1.0, 8.0)
            heappush(self.events, (answered, next(order), OfferTaken(item_id, extension)))
            ended = answered + self.chance.expovariate(1 / TALK)
            heappush(self.events, (ended, next(order), ServiceEnded(item_id, extension)))
        else:
            heappush(self.events, (now + 20.0, next(order), OfferRefused(item_id, extension)))

    def _happens(self, given: Input, now: float) -> bool:
        """Whether it comes to that: nobody gives up who is being served, and nobody answers who rings no more."""
        match given:
            case ItemArrived(item):
                self.joined[item.item_id] = now
            case ItemLeft(item_id, reason):
                if item_id not in self.joined:
                    return False
                self._ends(item_id, reason)
            case OfferTaken(item_id, extension):
                if extension not in self.ringing.get(item_id, ()):
                    return False
                self.waits.append(now - self.joined[item_id])
                self._ends(item_id, LeaveReason.ANSWERED)
            case OfferRefused(item_id, extension):
                if extension not in self.ringing.get(item_id, ()):
                    return False
                self.ringing[item_id].discard(extension)
            case _:
                pass
        return True

    def _ends(self, item_id: UUID, reason: LeaveReason) -> None:
        del self.joined[item_id]  # an item ends once, or this raises
        self.ringing.pop(item_id, None) if reason is not LeaveReason.ANSWERED else None
        self.ends[reason.value] += 1


def simulate(items: int, agents: int, seed: int) -> Day:
    day = Day(seed, Engine(lines(agents), 0.0, seed=seed), random.Random(seed))
    day.run(items)
    return day


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--agents", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.process_time()
    day = simulate(given.items, given.agents, given.seed)
    seconds = time.process_time() - began
    waits = sorted(day.waits)
    print(
        json.dumps(
            {
                "items": given.items,
                "agents": given.agents,
                "lines": len(day.engine.lines),
                "processor_seconds": round(seconds, 2),
                "inputs": day.inputs,
                "decisions": day.decisions,
                "ends": dict(day.ends),
                "median_wait": round(waits[len(waits) // 2], 1),
                "p95_wait": round(waits[int(len(waits) * 0.95)], 1),
                "trace": day.trace,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
