"""Call somebody for whom nobody waits on the telephone: a callback, a call out of a list.

The item waits with the dispatcher like a caller. When the engine offers it, a call begins: the agent is rung first and
hears the party's phone ring, or the party is called first, and waits on as a caller at its place once it has answered
(music and a word at once, so it is never left in silence). One try is one call, however many agents were asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from uuid import UUID

from uuid_utils.compat import uuid7

from callflow.agent_leg import Rung, ring_extension
from callflow.call import Call
from callflow.callback_facts import Tried
from callflow.calls import Calls
from callflow.facts import EndedBy, OfferEnd, OfferEnded, Outcome
from callflow.flow import run
from callflow.inbox import Decline
from callflow.lining import REFUSALS
from callflow.party_leg import ring_party
from callflow.router import LinePlan, Order, Refuse, ToExtension, ToLine, ToTrunk
from callflow.search import OUTCOMES
from callflow.service import Service
from callflow.side import Side
from callflow.stages import Result, Seek
from callflow.waiting import first_of
from pbx.leg import Identity
from pbx.sip.reason import ANSWERED_ELSEWHERE
from queue_engine.reasons import LeaveReason, RefusalCause
from queue_engine.work import ItemKind, WorkItem


async def _nobody_minds(extension: str) -> bool:
    return True


async def _nobody_objects(call: Call, extension: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """`item` is of kind CALLBACK or PLANNED. `number` leads where it would lead if `payer` dialled it. `name`: whom it
    is for, on the agent's phone. Times in seconds; `party_timeout`: of ringing."""

    item: WorkItem
    number: str
    payer: str | None
    name: str = ""
    order: Order = Order.AGENT_FIRST
    party_timeout: float = 40.0
    caller_id: str = ""  # that an outside party sees; "": as in all our calls
    follow_up: UUID | None = None  # the missed contact that the call is to make good
    begun: Callable[[Call], None] = lambda call: None  # hears of the call once it has begun
    prepares: float = 0.0  # that `offered` may take
    offered: Callable[[str], Awaitable[bool]] = _nobody_minds
    """Asked when there is an agent, who is kept for it meanwhile; False: nobody is called."""
    dials: Callable[[Call, str], Awaitable[bool]] = _nobody_objects
    """Asked when the party is dialled in the next moment, with the agent who has it; False: it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`call_id` None: no call began. `extension`: the agent who had it, or was asked last; "" nobody. `item`: as it was
    at the end: supervisors move it and give it points."""

    tried: Tried
    item: WorkItem
    call_id: UUID | None = None
    extension: str = ""


__all__ = ["Attempt", "Order", "Planned", "Tried", "call_planned"]

RESULTS: Mapping[Outcome, Tried] = MappingProxyType(
    {
        Outcome.NO_ANSWER: Tried.NO_ANSWER,
        Outcome.BUSY: Tried.BUSY,
        Outcome.REJECTED: Tried.REJECTED,
        Outcome.UNREACHABLE: Tried.UNREACHABLE,
        Outcome.UNKNOWN_NUMBER: Tried.WRONG_NUMBER,
        Outcome.FORBIDDEN: Tried.FORBIDDEN,
    }
)
NO_SUCH_NUMBER = frozenset({404, 410, 484, 604})
"""RFC 3261 §21: "Not Found", "Gone", "Address Incomplete", "Does Not Exist Anywhere"."""
TAKEN_OUT = Result(Outcome.ABANDONED, EndedBy.SYSTEM, 487)


def what_it_came_to(result: Result) -> Tried:
    """Of a call to the party that nobody answered."""
    return Tried.WRONG_NUMBER if result.status in NO_SUCH_NUMBER else RESULTS.get(result.outcome, Tried.FAILED)


async def call_planned(calls: Calls, planned: Planned) -> Attempt:
    """Wait for an agent and call; returns when the call is over, or when there is none. Cancelled, it leaves the line
    and stops whatever rings; people who talk already go on. Raises LineFull, KeyError: no such line."""
    return await _Try(calls, planned).run()


class _Try:
    def __init__(self, calls: Calls, planned: Planned) -> None:
        self._calls = calls
        self._exchange = calls.exchange
        self._planned = planned
        prepares = planned.prepares + (planned.party_timeout if planned.order is Order.PARTY_FIRST else 0.0)
        self._place = self._exchange.dispatcher.put(replace(planned.item, prepares=prepares))
        self._tried = Tried.FAILED
        self._extension = ""
        self._willing: set[str] = set()  # agents who were asked
        self._call: Call | None = None

    @property
    def _line(self) -> LinePlan:
        """Where it waits now."""
        return self._exchange.plan.lines[self._place.item.line]

    async def run(self) -> Attempt:
        try:
            if not await self._agreed():
                return Attempt(tried=Tried.LEFT, item=self._place.item)
            route = self._exchange.route(self._planned.number, by=self._planned.payer)
            if not isinstance(route, ToExtension | ToTrunk):
                return Attempt(tried=_why_not(route), item=self._place.item)
            return await self._in_a_call(route)
        finally:
            self._place.leave(LeaveReason.TRANSFERRED)

    async def _agreed(self) -> bool:
        """Whether the call begins: for an agent who has it still once they were asked."""
        while (extension := await self._offered()) is not None:
            agreed = await self._asked(extension)
            if agreed is not None:
                return agreed
        return False

    async def _asked(self, extension: str) -> bool | None:
        """None: the engine has taken the offer back meanwhile."""
        if extension in self._willing:
            return True
        asking = asyncio.ensure_future(self._planned.offered(extension))
        try:
            while not asking.done() and extension in self._place.seen():
                await first_of(asking, self._place.changed, self._place.left)
            agreed = asking.result() if asking.done() else None
        finally:
            if not asking.done():
                asking.cancel()
                await asyncio.wait([asking])
        if agreed:
            self._willing.add(extension)
        return agreed

    async def _in_a_call(self, route: ToExtension | ToTrunk) -> Attempt:
        call_id = uuid7()
        task = self._calls.begin(call_id, route, lambda call: self._work(call, route))
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            if self._call is None or not self._call.was_answered:
                task.cancel()
                await asyncio.wait([task])
            raise
        return Attempt(tried=self._tried, item=self._place.item, call_id=call_id, extension=self._extension)

    async def _work(self, call: Call, route: ToExtension | ToTrunk) -> Result:
        self._call, planned = call, self._planned
        call.for_line, call.rings_outside = self._line.number, planned.party_timeout
        call.shows = planned.caller_id
        self._extension = next(iter(self._place.offers), "")
        outward = isinstance(route, ToTrunk)
        call.started(
            Identity(planned.number, planned.name) if outward else self._exchange.identity(self._extension),
            extension=not outward,
            caller=self._extension or None,
            dialled=None if outward else planned.number,
            trunk=route.trunk.name if isinstance(route, ToTrunk) else None,
            follow_up=planned.follow_up,
        )
        planned.begun(call)
        call.routed(route)
        call.recording.automatic = call.recording.automatic or self._line.record
        first = self._agent_first if planned.order is Order.AGENT_FIRST else self._party_first
        result = await first(call, route)
        if call.was_answered:
            self._tried = Tried.REACHED
        return result

    # ---- the agent first -------------------------------------------------------------------------------------------

    async def _agent_first(self, call: Call, route: ToExtension | ToTrunk) -> Result:
        agent = await self._agent(call)
        if agent is None or not await self._planned.dials(call, self._extension):
            self._tried = Tried.LEFT
            return TAKEN_OUT
        call.placed_by = agent.leg
        service = Service(agent, self._place)
        call.serves(service)
        service.stands(agent)  # theirs from here on, and not from the bridge on: they hear how the party is called
        result = await run(call, Seek(waiting=agent, route=route, payer=self._planned.payer))
        self._tried = Tried.AGENT_GONE if result.outcome is Outcome.ABANDONED else what_it_came_to(result)
        return result

    async def _agent(self, call: Call) -> Side | None:
        """The first whom the engine names and who answers. None: the item waits no more."""
        while (extension := await self._offered()) is not None:
            self._extension = extension
            agreed = await self._asked(extension)
            if agreed is None:
                continue
            if not agreed:
                return None
            rung = await self._ring(call, extension)
            if rung is None:
                continue
            if rung.leg is None:
                assert rung.reason is not None
                self._place.refused(extension, REFUSALS.get(rung.reason, RefusalCause.NO_ANSWER))
            elif extension in self._place.offers:
                return rung.side(extension, self._exchange.identity(extension))
            else:  # answered in the moment in which the offer was taken back
                call.lets_go(rung.leg, ANSWERED_ELSEWHERE)
                call.tell(OfferEnded, leg=rung.offer, extension=extension, reason=OfferEnd.CANCELLED)
        return None

    async def _offered(self) -> str | None:
        """Whom the engine asks; None: it asks nobody any more."""
        while not self._place.left.done():
            if offers := self._place.seen():
                return next(iter(offers))
            await first_of(self._place.changed, self._place.left)
        return None

    async def _ring(self, call: Call, extension: str) -> Rung | None:
        """None: the engine has taken the offer back."""
        ringing = asyncio.get_running_loop().create_task(
            ring_extension(
                call,
                extension,
                caller=Identity(self._planned.number, self._planned.name),
                codecs=(),
                near=None,
                timeout=self._line.ring_timeout,
                auto_answer=self._exchange.wishes.of(extension).auto_answer,
            )
        )
        try:
            while not ringing.done() and extension in self._place.seen():
                await first_of(ringing, self._place.changed, self._place.left, call.inbox.ready)
                _obey(call)
            return ringing.result() if ringing.done() else None
        finally:
            if not ringing.done():
                ringing.cancel()
                await asyncio.wait([ringing])

    # ---- the party first -------------------------------------------------------------------------------------------

    async def _party_first(self, call: Call, route: ToExtension | ToTrunk) -> Result:
        dials = await self._planned.dials(call, self._extension)
        rung = await self._party(call, route) if dials else None
        if rung is None:
            self._tried = Tried.LEFT
            return TAKEN_OUT
        if rung.leg is None:
            result = _nobody(rung)
            self._tried = what_it_came_to(result)
            return result
        number = self._planned.number
        own = number if isinstance(route, ToExtension) else None
        party = rung.side(own, self._exchange.identity(number) if own else Identity(number, self._planned.name))
        call.keeps = replace(self._place.item, kind=ItemKind.CALL, not_before=float("-inf"), prepares=0.0)
        self._tried = Tried.UNSERVED
        return await run(call, Seek(waiting=party, route=ToLine(greeting(self._line))))

    async def _party(self, call: Call, route: ToExtension | ToTrunk) -> Rung | None:
        """None: somebody took the item out of the line."""
        timeout = self._planned.party_timeout
        ringing = asyncio.get_running_loop().create_task(ring_party(call, route, self._planned.payer, timeout))
        try:
            while not ringing.done() and not self._place.left.done():
                await first_of(ringing, self._place.left, call.inbox.ready)
                _obey(call)
            return ringing.result() if ringing.done() else None
        finally:
            if not ringing.done():
                ringing.cancel()
                await asyncio.wait([ringing])


def greeting(line: LinePlan) -> LinePlan:
    """What the line tells whom it has called: who calls, at once, then music until the agent is there."""
    return replace(
        line,
        music=True,
        position=False,
        expected_wait=False,
        messages=("callback_calling",),
        exit_keys={},
        callback=None,
    )


def _obey(call: Call) -> None:
    """Whoever is rung may decline; all else has to wait until two talk."""
    while (command := call.inbox.take()) is not None:
        if isinstance(command, Decline) and command.by in call.exchange.presence.rung_for(call.call_id):
            call.declined(command.by)
            command.done()
        else:
            command.refuse("not_now")


def _nobody(rung: Rung) -> Result:
    assert rung.reason is not None
    by = EndedBy.CALLEE if rung.reason is OfferEnd.REJECTED else EndedBy.SYSTEM
    return Result(OUTCOMES[rung.reason], by, rung.status)


def _why_not(route: object) -> Tried:
    forbidden = isinstance(route, Refuse) and route.outcome is Outcome.FORBIDDEN
    return Tried.FORBIDDEN if forbidden else Tried.WRONG_NUMBER
