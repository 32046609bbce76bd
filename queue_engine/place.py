"""An item's place in a line, as the one who waits with it sees it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from queue_engine.decisions import Leave, Offer, Withdraw
from queue_engine.inputs import ItemLeft, OfferRefused, ServiceEnded
from queue_engine.reasons import LeaveReason, RefusalCause
from queue_engine.work import WorkItem

if TYPE_CHECKING:
    from queue_engine.dispatcher import Dispatcher


class Place:
    """Who is to be rung, and whether the wait has ended.

    `offer` holds the first agent of a round of ringing, `offers` all who are to be rung now. `changed` is done when
    `offers` or `left` changed since the last `seen`. `left` holds the reason when the engine ends the wait: the place
    is given up then, and no `leave` is needed.

    What was said of one agent (`refused`, `taken`, `ended`) may be said again or too late: it changes nothing then.
    """

    def __init__(self, dispatcher: Dispatcher, item: WorkItem) -> None:
        self.item = item
        self.answered = False  # an agent has answered: a supervisor's word comes too late, unless that comes to nothing
        self.to: str | None = None  # where a supervisor sends who is withdrawn; None: where the line says
        self.message = ""  # a prompt that is played first
        self.offers: dict[str, Offer] = {}
        self._dispatcher = dispatcher
        self._loop = asyncio.get_running_loop()
        self._taken = False
        self.offer: asyncio.Future[Offer] = self._loop.create_future()
        self.changed: asyncio.Future[None] = self._loop.create_future()
        self.left: asyncio.Future[LeaveReason] = self._loop.create_future()

    def seen(self) -> dict[str, Offer]:
        """Who is to be rung now; `changed` tells of the next change."""
        if self.changed.done():
            self.changed = self._loop.create_future()
        return dict(self.offers)

    def refused(self, extension: str, cause: RefusalCause = RefusalCause.NO_ANSWER) -> None:
        """The agent did not take it: wait for the next offer, the place kept."""
        self._gone(extension)
        self._dispatcher.give(OfferRefused(self.item.item_id, extension, cause))

    def taken(self, extension: str) -> None:
        """The bridge with that agent stands. Whoever else rings is taken out of `offers` now. From here on the item
        is over with `ended`, and `leave` does nothing."""
        if extension in self.offers:
            self._taken = True
            self._dispatcher.taken(self.item.item_id, extension)

    def ended(self, extension: str) -> None:
        """The agent's part is over: wrap-up begins. Said by the agent's last leg too, if nobody says it before."""
        self._dispatcher.give(ServiceEnded(self.item.item_id, extension))

    def leave(self, reason: LeaveReason = LeaveReason.ABANDONED) -> None:
        """The item is over: served, abandoned or sent elsewhere. Safe to call twice."""
        if not self._taken:
            self._dispatcher.over(self.item.item_id, ItemLeft(self.item.item_id, reason))

    def decided(self, decision: Offer | Withdraw | Leave) -> None:
        """The engine's word, by the dispatcher only."""
        match decision:
            case Offer():
                self.offers[decision.extension] = decision
                if not self.offer.done():
                    self.offer.set_result(decision)
            case Withdraw():
                self._gone(decision.extension)
            case Leave():
                self.offers.clear()
                if not self.left.done():
                    self.left.set_result(decision.reason)
        if not self.changed.done():
            self.changed.set_result(None)

    def ordered(self, item: WorkItem) -> None:
        """A supervisor has changed the item, by the dispatcher only: it may wait in another line."""
        self.item = item
        if not self.changed.done():
            self.changed.set_result(None)

    def _gone(self, extension: str) -> None:
        self.offers.pop(extension, None)
        if not self.offers and self.offer.done():
            self.offer = self._loop.create_future()
