"""The network between phones and a switchboard in virtual time, on which one message has an accident."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pbx.net.transport import Flow
from tests.fuzz.corpus import seeds
from tests.fuzz.mutation import Mutator

STRANGER = Flow("UDP", "198.51.100.66", 5060)
Deliver = Callable[[bytes, Flow], None]


class Accident(StrEnum):
    """What befalls a message."""

    MUTATED = "mutated"
    DROPPED = "dropped"
    DOUBLED = "doubled"
    REORDERED = "reordered"  # the next one overtakes it
    LATE = "late"  # by a few seconds, or by more than any transaction lives
    STOLEN = "stolen"  # it arrives, and comes again from a stranger's address
    FORGED = "forged"  # the same, and the stranger has changed it
    STORM = "storm"  # it arrives, and twenty spoiled copies of it


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the message with that number, both directions counted together."""

    step: int
    accident: Accident
    seed: int

    def __str__(self) -> str:
        return f"{self.accident} at {self.step}, seed {self.seed}"


class Wire:
    """`messages` counts what was put on it."""

    def __init__(self, fault: Fault | None = None) -> None:
        self._fault = fault
        self._loop = asyncio.get_running_loop()
        self._chance = random.Random(f"{fault}")
        self._mutator = Mutator(seeds())
        self._held: tuple[bytes, Flow, Deliver] | None = None
        self.messages = 0

    def carry(self, data: bytes, flow: Flow, deliver: Deliver) -> None:
        """Deliver it in a later turn of the loop, unless its number is the fault's."""
        number, self.messages = self.messages, self.messages + 1
        if self._fault is not None and number == self._fault.step:
            self._spoil(self._fault.accident, data, flow, deliver)
        else:
            self._pass(data, flow, deliver)
            self.release()

    def release(self) -> None:
        """What was held back arrives now."""
        if self._held is not None:
            held, self._held = self._held, None
            self._pass(*held)

    def _pass(self, data: bytes, flow: Flow, deliver: Deliver, after: float = 0.001) -> None:
        self._loop.call_later(after, deliver, data, flow)

    def _spoil(self, accident: Accident, data: bytes, flow: Flow, deliver: Deliver) -> None:
        match accident:
            case Accident.MUTATED:
                self._pass(self._mutated(data), flow, deliver)
            case Accident.DROPPED:
                pass
            case Accident.DOUBLED:
                self._pass(data, flow, deliver)
                self._pass(data, flow, deliver, self._chance.choice((0.001, 0.3, 10.0, 35.0)))
            case Accident.REORDERED:
                self._held = data, flow, deliver
                self._loop.call_later(2.0, self.release)
            case Accident.LATE:
                self._pass(data, flow, deliver, self._chance.choice((0.6, 3.0, 20.0, 40.0, 200.0)))
            case Accident.STOLEN:
                self._pass(data, flow, deliver)
                self._pass(data, STRANGER, deliver, self._chance.choice((0.001, 0.5, 5.0)))
            case Accident.FORGED:
                self._pass(data, flow, deliver)
                self._pass(self._mutated(data), STRANGER, deliver, self._chance.choice((0.001, 0.5, 5.0)))
            case Accident.STORM:
                self._pass(data, flow, deliver)
                for _ in range(20):
                    self._pass(self._mutated(data), flow, deliver, self._chance.random())

    def _mutated(self, data: bytes) -> bytes:
        return self._mutator.spoiled(data, self._chance)
