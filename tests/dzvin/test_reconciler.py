"""The engine's idea of an agent against what can be observed: broken here on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dzvin.reconciler import Reconciler, Seen
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import Will
from queue_engine.work import Line


class Floor:
    """Agent 1001 of line 700, and what a look at the phone shows."""

    def __init__(self) -> None:
        self.dispatcher = Dispatcher([Line("700", ("1001",))])
        self.seen = Seen(reachable=True, legs=0)
        self.reconciler = Reconciler(self.dispatcher, lambda _: self.seen)
        self.dispatcher.declare("1001", Will.READY)
        self.dispatcher.reachable("1001", True)

    def believed(self) -> Seen:
        return Seen(*self.dispatcher.believes("1001"))


@contextmanager
def a_floor() -> Iterator[Floor]:
    floor = Floor()
    try:
        yield floor
    finally:
        floor.dispatcher.close()


async def test_a_sound_engine_has_no_ghosts() -> None:
    with a_floor() as floor:
        for _ in range(5):
            floor.reconciler.look(1.0)
        assert floor.reconciler.ghost_seconds == 0


async def test_an_agent_left_in_a_call_that_is_over_is_counted_and_freed() -> None:
    with a_floor() as floor:
        floor.dispatcher.legs("1001", 1)  # and nobody says that it ended
        floor.reconciler.look(1.0)
        assert floor.believed() == Seen(reachable=True, legs=1)  # suspected
        floor.reconciler.look(1.5)
        assert floor.reconciler.ghost_seconds == 1.5
        assert floor.believed() == floor.seen
        floor.reconciler.look(1.0)
        assert floor.reconciler.ghost_seconds == 1.5


async def test_a_phone_that_went_unnoticed_is_counted_and_taken_out() -> None:
    with a_floor() as floor:
        floor.seen = Seen(reachable=False, legs=0)
        floor.reconciler.look(1.0)
        floor.reconciler.look(1.0)
        assert floor.reconciler.ghost_seconds == 1.0
        assert not floor.believed().reachable


async def test_a_change_that_is_on_its_way_is_no_ghost() -> None:
    with a_floor() as floor:
        floor.dispatcher.legs("1001", 1)
        floor.reconciler.look(1.0)
        floor.dispatcher.legs("1001", 0)
        floor.reconciler.look(1.0)
        assert floor.reconciler.ghost_seconds == 0
