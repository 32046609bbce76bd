"""What a call and a registration cost, counted instead of timed: the counts are the same on every machine.

When one of them grows for a good reason, grow the number here with it; when it grows for none, that is the finding.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import structlog

from callflow import facts
from pbx.net.transport import Flow
from pbx.sip.message import Response, parse
from pbx.timers import Timers
from tests.fuzz.office import Office
from tests.fuzz.plays import PLAYS, Stage
from tests.fuzz.wire import Wire
from tests.support.virtual_time import virtual_time

PRODUCT = Path(facts.__file__).parents[1]
ROOMS = tuple(f"{PRODUCT / room}/" for room in ("pbx", "callflow", "queue_engine"))
# A tenth above what they are.
CALL_FUNCTIONS = 2150
REGISTRATION_FUNCTIONS = 580
OVER = 40  # seconds after which nothing of a call is left


class Costs:
    """What the switchboard did between two moments. The phones' own doing does not count."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._sent: list[bytes] = []
        self.tasks = 0
        self.timers = 0
        self.functions = 0  # of the product, entered while it handled messages
        self.lines = 0
        self.office = Office(self._send)
        self.stage = Stage(self.office, Wire())
        self._monkeypatch = monkeypatch

    @property
    def sent(self) -> Counter[str]:
        messages = map(parse, self._sent)
        return Counter(str(message.status) if isinstance(message, Response) else message.method for message in messages)

    @property
    def facts(self) -> list[str]:
        return [type(fact).__name__ for fact in self.office.facts]

    @property
    def media_commands(self) -> Counter[str]:
        return Counter(command for leg in self.office.media.legs for command, _ in leg.told)

    @contextmanager
    def counted(self) -> Iterator[None]:
        self._sent.clear()
        self.office.facts.clear()
        start, hears = Timers.start, self.office.hears

        def started(
            timers: Timers, key: object, after: float, callback: Callable[[], None], *, patient: bool = False
        ) -> None:
            self.timers += 1
            start(timers, key, after, callback, patient=patient)

        def heard(*given: Any) -> None:
            sys.setprofile(self._entered)
            try:
                hears(*given)
            finally:
                sys.setprofile(None)

        self._monkeypatch.setattr(Timers, "start", started)
        self._monkeypatch.setattr(self.office, "hears", heard)
        asyncio.get_running_loop().set_task_factory(self._task)
        with structlog.testing.capture_logs() as lines:
            yield
        self.lines = len(lines)

    def _send(self, data: bytes, flow: Flow) -> None:
        self._sent.append(data)
        self.stage.carries(data, flow)

    def _task(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        self.tasks += inspect.iscoroutine(work) and work.cr_code.co_filename.startswith(ROOMS)
        return asyncio.Task(work, loop=loop, **options)

    def _entered(self, frame: FrameType, event: str, _: object) -> None:
        self.functions += event == "call" and frame.f_code.co_filename.startswith(ROOMS)


@virtual_time
async def test_what_a_call_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = Costs(monkeypatch)
    caller, callee = await costs.stage.phone("1001"), await costs.stage.phone("1002")
    with costs.counted():
        talk = await caller.dial("1002")
        await callee.rings()
        await asyncio.sleep(5)
        await caller.hang_up(talk)
        await asyncio.sleep(OVER)
    assert costs.sent == {"401": 1, "100": 1, "INVITE": 1, "180": 1, "ACK": 1, "200": 2, "BYE": 1}
    assert costs.facts == [
        "PartyIntroduced", "CallStarted", "CallRouted", "CallOffered", "CallRinging", "CallAnswered",
        "RecordingStarted", "SegmentEnded", "RecordingReady", "CallEnded",
    ]  # fmt: skip
    assert costs.media_commands == {"update": 2, "stop_playing": 2, "bridge": 1}
    assert costs.tasks == 5  # of the call, of its search, of its recording, and one for each leg that is given back
    assert costs.timers == 10
    assert costs.lines == 3  # each leg's end, and the call's
    assert costs.functions <= CALL_FUNCTIONS


@virtual_time
async def test_what_a_registration_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = Costs(monkeypatch)
    phone = await costs.stage.phone("1001", registered=False)
    with costs.counted():
        await phone.register()
    assert costs.sent == {"401": 1, "200": 1}
    assert costs.facts == ["PhoneOnline"]
    assert costs.tasks == 0
    assert costs.timers == 2  # the binding's expiry, and how long the REGISTER may come again
    assert costs.lines == 0
    assert costs.functions <= REGISTRATION_FUNCTIONS


@pytest.mark.parametrize(
    "name", ["register", "call", "hold", "cancel", "outside", "blind_transfer", "abandoned_in_line"]
)
@virtual_time
async def test_what_is_over_does_not_wait_for_the_garbage_collector(name: str) -> None:
    """What a call held, some hundred kilobytes, is memory for the next one. Else thirty calls would lie about until a
    look of the collector, which takes the longer the more there is."""
    office = Office(lambda data, flow: stage.carries(data, flow))
    stage = Stage(office, Wire())
    with collecting() as garbage:
        await PLAYS[name](stage)
        await asyncio.sleep(200)
        for leg in office.media.legs:
            leg.recordings.clear()  # they name their legs, which is this file's affair
        gc.collect()
        # Messages are left out: the phones of this file read and keep some too.
        left = Counter(
            kind.__qualname__
            for kind in map(type, garbage)
            if kind.__module__.startswith(("pbx.", "callflow.")) and not kind.__module__.startswith("pbx.sip.")
        )
    assert left == {}


@contextmanager
def collecting() -> Iterator[list[object]]:
    """What the collector finds goes into the list."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield gc.garbage
    finally:
        gc.set_debug(0)
        gc.enable()
        gc.garbage.clear()
