"""Wait in a line: what the engine decides is carried out here, and what the caller does is told to the engine.

Each agent whom the engine names is rung in a task of their own. The first to answer wins; the others ring until the
bridge stands (`callflow.service`), so that nobody is let go for an answer that came to nothing: then the wait goes on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from callflow.agent_leg import Rung, ring_extension
from callflow.announcing import announce, tell_once
from callflow.arriving import work_item
from callflow.facts import CallQueued, EndedBy, OfferEnd, OfferEnded, Outcome
from callflow.line_facts import CallLeftLine, LineEnd
from callflow.promising import Promising
from callflow.router import LinePlan, Refuse, ToLine
from callflow.service import Service
from callflow.side import Side
from callflow.stages import PROMISED, Result
from callflow.waiting import first_of
from pbx.inbound_leg import InboundLeg
from pbx.leg import LegEnd
from pbx.sip.reason import ANSWERED_ELSEWHERE
from queue_engine.dispatcher import NotAdmitted, Place
from queue_engine.reasons import LeaveReason, RefusalCause

if TYPE_CHECKING:
    from callflow.search import Search

REFUSALS = {
    OfferEnd.BUSY: RefusalCause.BUSY,
    OfferEnd.REJECTED: RefusalCause.REJECTED,
    OfferEnd.UNREACHABLE: RefusalCause.UNREACHABLE,
    OfferEnd.FAILED: RefusalCause.UNREACHABLE,
}
"""What an offer came to, in the engine's words; all else is no answer."""
RESULTS = {
    LeaveReason.FULL: Result(Outcome.FAILED, status=503),
    LeaveReason.NO_AGENTS: Result(Outcome.UNREACHABLE, status=480),
    LeaveReason.LEFT_EMPTY: Result(Outcome.UNREACHABLE, status=480),
    LeaveReason.CALLBACK: replace(PROMISED, by=EndedBy.SYSTEM),
}
ASKED_FOR = 60.0
"""Seconds: who is being asked for the number to call back is not sent away meanwhile."""
NOT_SERVED = Result(Outcome.NO_ANSWER, status=480)


@dataclass(frozen=True, slots=True)
class Gone:
    """The wait ended without an agent. `to`: the number that the caller goes on to; "": none. `key`: that said so.
    `message`: a prompt that comes first. `place`: that is kept in the line `to`. `ordered`: a supervisor says so."""

    reason: LeaveReason
    to: str = ""
    key: str = ""
    message: str = ""
    place: Place | None = None
    ordered: bool = False


async def wait_in_line(search: Search, line: LinePlan) -> Side | Result:
    """Until an agent answers or the wait ends; a line that overflows into another takes the joining time along."""
    kept = search.call.keeps
    joined_at = kept.joined_at if kept is not None else asyncio.get_running_loop().time()
    search.call.waits_since = stands_since = min(search.call.waits_since or joined_at, joined_at)
    been: set[str] = set()
    place: Place | None = None
    while True:
        been.add(line.number)
        lining = Lining(search, line, joined_at, place, stands_since)
        try:
            found = await lining.run()
        except BaseException:
            lining.leave()
            raise
        if isinstance(found, Side):
            search.call.waits_since = None  # who waits again after that has another need
            return found
        search.call.waits_since = stands_since = lining.stands_since
        place, ended = found.place, RESULTS.get(found.reason, NOT_SERVED)
        if found.message:
            await tell_once(search, found.message)
        if found.ordered:
            been.clear()
        if not found.to:
            return ended
        route = search.call.exchange.plan.inside(found.to)
        if isinstance(route, Refuse) or (isinstance(route, ToLine) and route.line.number in been):
            lining.leave()
            return ended  # a chain that comes back to where it began serves nobody
        search.call.routed(route)
        if not isinstance(route, ToLine):
            return await search.go_on(route)
        line = route.line


class Lining:
    """One wait in one line."""

    def __init__(
        self, search: Search, line: LinePlan, joined_at: float, place: Place | None, stands_since: float
    ) -> None:
        """`place`: that was had in another line, and is kept. `stands_since`: by which one stands in the line, earlier
        than `joined_at` for who waited in this call before, or in one that was given up a short while ago."""
        self._search = search
        self._call = search.call
        self._line = line
        self._joined_at = joined_at
        self.stands_since = stands_since
        self._place = place
        self._position: int | None = None
        self._told: asyncio.Task[None] | None = None
        self._keys: asyncio.Task[Gone] | None = None
        self._deadline = float("inf")
        self._rings: dict[str, asyncio.Task[Rung]] = {}
        self._withdrawn: dict[str, OfferEnd] = {}  # why somebody rings no more
        self._loop = asyncio.get_running_loop()

    async def run(self) -> Side | Gone:
        """Raises NoMedia, Overloaded, NotAcceptable; nobody rings then."""
        self._call.tell(CallQueued, line=self._line.number)
        try:
            place = self._place = self._place or await self._take_place()
        except NotAdmitted as refused:
            return self._gone(refused.reason)
        self._entertain(place)
        found: Side | Gone | None = None
        reason = LeaveReason.TECHNICAL
        try:
            found = await self._served(place)
            return found
        except asyncio.CancelledError:
            reason = self._stopped()
            raise
        finally:
            self._leave_alone()
            if isinstance(found, Gone) and found.place is not None:
                self._tell_left(found.reason, found.to)
                await self._let_go(OfferEnd.CANCELLED)
            elif not isinstance(found, Side):
                self._position = self._call.exchange.dispatcher.position(place.item.item_id)
                place.leave(found.reason if found is not None else reason)
                await self._let_go(self._search.withdrawn())
                if found is None:
                    self._tell_left(reason)
                else:
                    self._tell_left(found.reason, found.to, found.key)

    def leave(self) -> None:
        """Whatever has happened, nobody waits here any more. Safe when nobody does."""
        if self._place is not None:
            self._place.leave()

    async def _take_place(self) -> Place:
        item = await work_item(self._call, self._search.waiting, self._line, self.stands_since)
        place = self._call.exchange.dispatcher.put(item)
        self.stands_since = place.item.joined_at
        return place

    @property
    def _speaks(self) -> bool:
        return self._search.waiting.is_answered or self._line.tells

    def _heard(self) -> None:
        leg = self._search.waiting.leg
        message = self._call.exchange.lines.switch(self._line.number).message
        if isinstance(leg, InboundLeg) and (self._line.music or self._line.tells or self._line.keys or message):
            leg.answer()
        if self._search.waiting.is_answered:
            self._call.music(leg)
        else:
            self._call.ringing_tone(self._search.waiting)

    def _entertain(self, place: Place) -> None:
        """What the caller hears and may press while nobody has answered."""
        self._heard()
        if self._line.keys:
            self._keys = self._loop.create_task(self._pressed(place))
        self._tell(place)

    def _leave_alone(self) -> None:
        for task in (self._keys, self._told):
            if task is not None:
                task.cancel()
        self._keys = self._told = None

    async def _served(self, place: Place) -> Side | Gone:
        self._deadline = self._loop.time() + self._line.max_wait
        while True:
            if place.item.line != self._line.number:
                return Gone(LeaveReason.TRANSFERRED, place.item.line, place=place, ordered=True)
            self._ring_whom(place)
            if place.left.done():
                return self._sent_away(place)
            pressed = () if self._keys is None else (self._keys,)
            awaited = (place.changed, place.left, *self._rings.values(), *pressed)
            await first_of(*awaited, timeout=max(0.0, self._deadline - self._loop.time()))
            if place.item.line != self._line.number:
                continue
            if (side := self._answered(place)) is not None:
                if await self._bridged(place, side):
                    return side
                if self._search.waiting.is_over:
                    return Gone(LeaveReason.ABANDONED)
                continue
            if self._keys is not None and self._keys.done():
                return self._keys.result()
            if self._loop.time() >= self._deadline and not place.left.done():
                return self._too_long()

    def _too_long(self) -> Gone:
        return Gone(LeaveReason.OVERFLOWED if self._line.overflow else LeaveReason.TIMEOUT, self._line.overflow)

    def _sent_away(self, place: Place) -> Gone:
        """By a rule of the line, or by a supervisor."""
        reason, ordered = place.left.result(), place.to is not None
        to = self._line.overflow if place.to is None else place.to
        return Gone(reason, to, message=place.message or self._message(reason), ordered=ordered)

    def _gone(self, reason: LeaveReason) -> Gone:
        """Was not let in."""
        self._tell_left(reason, self._line.overflow)
        return Gone(reason, self._line.overflow, message=self._message(reason))

    def _message(self, reason: LeaveReason) -> str:
        """What the line tells is why it is closed."""
        return self._call.exchange.lines.switch(self._line.number).message if reason is LeaveReason.CLOSED else ""

    # ---- agents ----------------------------------------------------------------------------------------------------

    def _ring_whom(self, place: Place) -> None:
        """Whom the engine names, and nobody else."""
        offers = place.seen()
        for extension in self._rings.keys() - offers.keys():
            self._withdrawn[extension] = OfferEnd.CANCELLED if place.left.done() else OfferEnd.ANSWERED_ELSEWHERE
            self._call.chore(self._end(self._rings.pop(extension), extension))
        for extension in offers.keys() - self._rings.keys():
            self._withdrawn.pop(extension, None)
            self._rings[extension] = self._loop.create_task(self._ring(extension))

    async def _ring(self, extension: str) -> Rung:
        waiting = self._search.waiting
        return await ring_extension(
            self._call,
            extension,
            caller=waiting.shown,
            codecs=waiting.codecs(),
            near=waiting.leg,
            timeout=self._line.ring_timeout,
            withdrawn=lambda: self._withdrawn.get(extension, self._search.withdrawn()),
        )

    def _answered(self, place: Place) -> Side | None:
        for extension, task in tuple(self._rings.items()):
            if not task.done():
                continue
            rung = task.result()
            del self._rings[extension]
            if rung.leg is None:
                assert rung.reason is not None
                place.refused(extension, REFUSALS.get(rung.reason, RefusalCause.NO_ANSWER))
                continue
            return rung.side(extension, self._call.exchange.identity(extension))
        return None

    async def _bridged(self, place: Place, side: Side) -> bool:
        """Whether the agent who has answered and the caller come to hear each other. Else it goes on as before."""
        self._leave_alone()
        service = Service(side, place, partial(self._taken, side), partial(self._dropped, place, side))
        if await self._search.tries(service):
            return True
        self._entertain(place)
        return False

    def _taken(self, side: Side) -> None:
        self._tell_left(LeaveReason.ANSWERED, extension=side.extension or "")
        self._call.chore(self._let_go(OfferEnd.ANSWERED_ELSEWHERE))

    def _dropped(self, place: Place, side: Side) -> None:
        """The answer came to nothing. One that crosses the caller's good-bye is no refusal: the wait is over."""
        extension, why = side.extension or "", OfferEnd.FAILED
        if self._search.waiting.is_over:
            why = OfferEnd.CANCELLED
        elif side.is_over and side.leg.ended.result().reason is not LegEnd.HUNG_UP:
            why = OfferEnd.REJECTED
        self._call.tell(OfferEnded, leg=side.offer, extension=extension, reason=why)
        if why is OfferEnd.CANCELLED:
            place.leave(LeaveReason.ABANDONED)
        else:
            place.refused(extension, REFUSALS[why])
        self._search.goes_on()

    async def _let_go(self, why: OfferEnd) -> None:
        """Nobody rings for this wait any more when this returns."""
        rings, self._rings = self._rings, {}
        self._withdrawn.update(dict.fromkeys(rings, why))
        await asyncio.gather(*(self._end(task, extension) for extension, task in rings.items()))

    async def _end(self, task: asyncio.Task[Rung], extension: str) -> None:
        """Who has answered in the same moment is hung up."""
        task.cancel()
        await asyncio.wait([task])
        if task.cancelled() or task.exception() is not None:
            return
        rung = task.result()
        if rung.leg is not None:
            self._call.lets_go(rung.leg, ANSWERED_ELSEWHERE)
            self._call.tell(OfferEnded, leg=rung.offer, extension=extension, reason=OfferEnd.ANSWERED_ELSEWHERE)

    # ---- the caller ------------------------------------------------------------------------------------------------

    def _tell(self, place: Place) -> None:
        if self._speaks:
            self._told = self._loop.create_task(announce(self._search, self._line, place, self._joined_at))

    async def _pressed(self, place: Place) -> Gone:
        """The first key that leads somewhere."""
        while True:
            key = await self._search.waiting.leg.digits.get()
            if key in self._line.exit_keys:
                return Gone(LeaveReason.EXIT_KEY, self._line.exit_keys[key], key)
            if self._offers_callback(key) and await self._asks_for_callback(place):
                return Gone(LeaveReason.CALLBACK, key=key, message="callback_promised")

    def _offers_callback(self, key: str) -> bool:
        plan = self._line.callback
        if plan is None or key != plan.key or self._call.exchange.promises.is_full:
            return False
        return self._loop.time() - self._joined_at >= plan.after

    async def _asks_for_callback(self, place: Place) -> bool:
        assert self._line.callback is not None
        if self._told is not None:
            self._told.cancel()
        self._deadline = max(self._deadline, self._loop.time() + ASKED_FOR)
        if await Promising(self._search, self._line, self._line.callback, self.stands_since).ask():
            return True
        self._call.music(self._search.waiting.leg)
        self._tell(place)
        return False

    def _stopped(self) -> LeaveReason:
        """Why a wait ends that neither the line nor an agent has ended."""
        if self._search.waiting.is_over:
            return LeaveReason.ABANDONED
        somebody_else = self._search.withdrawn() is not OfferEnd.CANCELLED
        return LeaveReason.TRANSFERRED if somebody_else else LeaveReason.TECHNICAL

    def _tell_left(self, reason: LeaveReason, to: str = "", key: str = "", extension: str = "") -> None:
        self._call.tell(
            CallLeftLine,
            line=self._line.number,
            reason=LineEnd(reason.value),
            position=self._position,
            waited=round(self._loop.time() - self._joined_at, 3),
            to=to,
            key=key,
            extension=extension,
        )
