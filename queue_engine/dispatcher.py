"""The engine's owner: its clock, its subscribers. Nobody else touches the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from uuid import UUID

import structlog

from queue_engine.engine import (
    AgentLegs,
    AgentReachable,
    AgentWill,
    Engine,
    Input,
    ItemArrived,
    ItemLeft,
    Offer,
    OfferRefused,
    TimePassed,
    WakeAt,
)
from queue_engine.facts import Will
from queue_engine.work import Line, WorkItem

log = structlog.get_logger("queue_engine.dispatcher")

MAX_WAITING = 10_000


class LineFull(Exception):
    """The dispatcher holds as many items as it may."""


class Place:
    """An item's place in its line. `offer` holds the agent whom it is offered to, once there is one."""

    def __init__(self, dispatcher: Dispatcher, item: WorkItem) -> None:
        self.item = item
        self._dispatcher = dispatcher
        self.offer: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()

    def refused(self, extension: str) -> None:
        """The agent did not take it: wait for the next offer, the place kept."""
        self.offer = asyncio.get_running_loop().create_future()
        self._dispatcher.give(OfferRefused(self.item.item_id, extension))

    def leave(self) -> None:
        """The item is over: served, abandoned or sent elsewhere. Safe to call twice."""
        self._dispatcher.left(self.item.item_id)


class Dispatcher:
    def __init__(self, lines: Iterable[Line]) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = Engine(lines, self._loop.time())
        self._places: dict[UUID, Place] = {}
        self._wake: asyncio.TimerHandle | None = None
        self._wills: dict[str, Will] = {}

    def __len__(self) -> int:
        return len(self._places)

    def enter(self, item_id: UUID, line: str) -> Place:
        """Take a place at the end of the line. Raises LineFull."""
        if len(self._places) >= MAX_WAITING:
            raise LineFull(line)
        place = Place(self, WorkItem(item_id, line, self._loop.time()))
        self._places[item_id] = place
        self.give(ItemArrived(place.item))
        return place

    def left(self, item_id: UUID) -> None:
        if self._places.pop(item_id, None) is not None:
            self.give(ItemLeft(item_id))

    def reachable(self, extension: str, reachable: bool) -> None:
        self._observed(extension, AgentReachable(extension, reachable))

    def legs(self, extension: str, legs: int) -> None:
        self._observed(extension, AgentLegs(extension, legs))

    def declare(self, extension: str, will: Will) -> None:
        self._wills[extension] = will
        self._observed(extension, AgentWill(extension, will))

    def _observed(self, extension: str, given: Input) -> None:
        """Most phones serve no line, and what they do gives nobody in a line an agent."""
        if extension in self._engine.agents:
            self.give(given)

    def will(self, extension: str) -> Will:
        return self._wills.get(extension, Will.READY)

    def position(self, item_id: UUID) -> int | None:
        return self._engine.position(item_id)

    def close(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    def give(self, given: Input) -> None:
        """One input to the engine; its decisions are carried out before the next."""
        self.close()
        for decision in self._engine.handle(given, self._loop.time()):
            match decision:
                case Offer(item_id, line, extension):
                    log.info("offer", item=str(item_id), line=line, extension=extension)
                    place = self._places.get(item_id)
                    if place is not None and not place.offer.done():
                        place.offer.set_result(decision)
                case WakeAt(at):
                    self._wake = self._loop.call_at(at, self.give, TimePassed())
