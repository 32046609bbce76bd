"""State fuzzing: each play again and again, with an accident to one message of it.

However it goes, no exception escapes, each call ends once, and when all phones are dead and time has passed nothing is
left: no leg, transaction, timer, media port, subscription, registration.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

import structlog

from pbx.sip.errors import SipError
from tests.fuzz.office import Office
from tests.fuzz.phones import GaveUp
from tests.fuzz.plays import PLAYS, Stage
from tests.fuzz.wire import Accident, Fault, Wire
from tests.support.virtual_time import VirtualTimeLoop

LONGEST = 600.0  # seconds of a play
AFTERWARDS = 4000.0  # seconds: every registration, subscription and session that nobody renews has ended


@dataclass(slots=True)
class Performance:
    """`completed`: the phones got what they wanted. `troubles`: what must never be, whatever befell the message."""

    messages: int = 0
    completed: bool = False
    troubles: list[str] = field(default_factory=list)


def perform(name: str, fault: Fault | None = None) -> Performance:
    """One play with at most one accident."""
    performance = Performance()
    with structlog.testing.capture_logs() as logs, asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.get_loop().set_exception_handler(
            lambda _, context: performance.troubles.append(f"escaped: {context.get('exception') or context}")
        )
        runner.run(_perform(name, fault, performance))
    for line in logs:
        if line["log_level"] in ("error", "critical"):
            performance.troubles.append(f"{line['event']}: {line.get('exc_info') or line.get('error') or ''}")
    return performance


async def _perform(name: str, fault: Fault | None, performance: Performance) -> None:
    wire = Wire(fault)
    office = Office(lambda data, flow: stage.carries(data, flow))
    stage = Stage(office, wire)
    with suppress(GaveUp, SipError, TimeoutError, ValueError):
        async with asyncio.timeout(LONGEST):
            await PLAYS[name](stage)
            performance.completed = True
    performance.messages = wire.messages
    await asyncio.sleep(40)
    for phone in stage.phones.values():
        phone.dies()
    await asyncio.sleep(60)
    office.silent.falls_silent()
    await asyncio.sleep(AFTERWARDS)
    office.silent.falls_silent()
    await asyncio.sleep(60)
    performance.troubles += [f"{count} {what} left" for what, count in office.leftovers().items()]
    performance.troubles += [f"the end of {call} was not told once" for call in office.ended_twice()]
    office.subscriptions.close()
    await office.calls_in_progress.close()
    office.dispatcher.close()
    office.timers.close()


def faults(messages: int, seeds: Sequence[int]) -> Iterator[Fault]:
    """Every accident to every message, for each seed; what knows no chance once only."""
    for accident in Accident:
        certain = accident in (Accident.DROPPED, Accident.REORDERED)
        for seed in seeds[:1] if certain else seeds:
            for step in range(messages):
                yield Fault(step, accident, seed)


def run(name: str, seeds: Sequence[int], most: int | None = None, every: int = 1) -> tuple[int, list[str]]:
    """All of a play's accidents, or each so-manieth of them: how many there were, and what went wrong."""
    logging.disable(logging.CRITICAL)  # structlog's lines are looked at one by one
    try:
        return _run(name, seeds, most, every)
    finally:
        logging.disable(logging.NOTSET)


def _run(name: str, seeds: Sequence[int], most: int | None, every: int) -> tuple[int, list[str]]:
    plain = perform(name)
    wrong = [f"{name}: {trouble}" for trouble in plain.troubles]
    if not plain.completed:
        wrong.append(f"{name}: not played to its end though nothing happened")
    number = 0
    for fault in islice(faults(plain.messages, seeds), 0, most, every):
        number += 1
        wrong += [f"{name}, {fault}: {trouble}" for trouble in perform(name, fault).troubles]
    return number, wrong
