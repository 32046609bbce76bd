"""All live calls, each in its own task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from uuid import UUID

import structlog

from callflow.call import Call
from callflow.exchange import Exchange
from callflow.facts import Direction, Outcome
from callflow.feature_codes import ToFeature
from callflow.features import Features
from callflow.flow import run
from callflow.numbers import translate
from callflow.outbound import Click, click_to_call
from callflow.replacing import take_over
from callflow.router import Refuse, Route, direction_of
from callflow.side import Side
from callflow.stages import Result, Seek
from pbx.inbound_leg import InboundLeg
from pbx.leg import Identity, Leg
from pbx.media.client import NoMedia
from pbx.sip.offer_answer import NotAcceptable
from pbx.transactions import Overloaded

log = structlog.get_logger("callflow.calls")

TRUNK_FULL = Refuse(Outcome.BUSY, 486)


class Calls:
    """Use as an async context manager: leaving it ends every call that is left."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.features = Features(exchange)
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._tasks)

    async def drained(self) -> None:
        """Returns when no call is left."""
        await self._idle.wait()

    async def close(self) -> None:
        """End every call: BYE to whoever talks, a refusal to whoever waits."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- calls that arrive -------------------------------------------------------------------------------------

    def arrived(self, leg: InboundLeg) -> None:
        """The user agent's new call. From here its task owns it."""
        arrival = leg.arrival
        if arrival.replaces is not None:
            self._start(leg.call_id, self._replacing(leg, arrival.replaces))
            return
        route = self._from_trunk(leg, arrival.trunk) if arrival.trunk else self._from_phone(leg)
        from_trunk = arrival.trunk is not None
        if isinstance(route, ToFeature):
            self._start(leg.call_id, self.features.dialled(leg, route))
            return
        call = self._new(leg.call_id, direction_of(route, from_trunk=from_trunk), route)
        call.placed_by = leg
        call.takes(leg, arrival.user)
        self._start(call.call_id, self._until_over(call, self._inbound(call, leg, route)))

    def _replacing(self, leg: InboundLeg, replaced: Leg) -> Coroutine[object, object, None]:
        if replaced.is_confirmed:
            return take_over(self.exchange, leg, replaced)
        return self.features.replaces(leg, replaced)

    def _from_phone(self, leg: InboundLeg) -> Route:
        return self.exchange.route(leg.arrival.dialled, by=leg.arrival.user)

    def _from_trunk(self, leg: InboundLeg, name: str) -> Route:
        """Numbers as this trunk brings them become ours. Beyond its channels it is busy, and the call a missed one."""
        plan, trunk = self.exchange.plan.trunks[name], self.exchange.trunks[name]
        leg.arrival = replace(leg.arrival, dialled=translate(plan.called_in, leg.arrival.dialled))
        leg.remote = replace(leg.remote, number=translate(plan.caller_in, leg.remote.number))
        has_room = trunk.has_room_in
        trunk.carries(leg, inward=True)
        return self.exchange.plan.from_trunk(leg.arrival.dialled, name) if has_room else TRUNK_FULL

    async def _inbound(self, call: Call, leg: InboundLeg, route: Route) -> Result:
        self._tell_start(call, leg, route)
        if not leg.codecs():
            return Result(Outcome.NO_CODEC, status=488)
        user = leg.arrival.user
        return await run(call, Seek(waiting=Side(leg, user, self._caller(leg)), route=route, payer=user))

    async def _until_over(self, call: Call, work: Coroutine[object, object, Result]) -> None:
        """The call's task: whatever happens, everybody is hung up and the end is told."""
        with structlog.contextvars.bound_contextvars(call_id=str(call.call_id)):
            result = Result(Outcome.INTERRUPTED)
            try:
                result = await work
            except (NoMedia, Overloaded):
                result = Result(Outcome.FAILED, status=503)
            except NotAcceptable:
                result = Result(Outcome.NO_CODEC, status=488)
            finally:
                await call.wind_up(result.outcome, result.by, result.status)

    def _tell_start(self, call: Call, leg: InboundLeg, route: Route) -> None:
        arrival = leg.arrival
        outward = call.direction is Direction.OUTBOUND
        inside = arrival.user is not None
        call.started(
            Identity(arrival.dialled) if outward else leg.remote,
            extension=inside and not outward,
            caller=arrival.user,
            dialled=None if outward else arrival.dialled,
            trunk=arrival.trunk,
            sip_call_id=leg.sip_call_id,
        )
        if not isinstance(route, Refuse):
            call.routed(route)

    def _caller(self, leg: InboundLeg) -> Identity:
        """Who the callee sees: our own people under their own names, outsiders as they came."""
        user = leg.arrival.user
        return leg.remote if user is None else Identity(user, self.exchange.names.get(user, leg.remote.name))

    # ---- calls that people place -------------------------------------------------------------------------------

    def place(self, call_id: UUID, click: Click) -> None:
        """Ring the person's own phone, then the number."""
        self.begin(call_id, click.route, lambda call: click_to_call(call, click))

    def begin(
        self, call_id: UUID, route: Route, work: Callable[[Call], Coroutine[object, object, Result]]
    ) -> asyncio.Task[None]:
        """A call that comes from within, to where `route` leads. The task is done when it is over."""
        call = self._new(call_id, direction_of(route, from_trunk=False), route)
        return self._start(call_id, self._until_over(call, work(call)))

    # ---- tasks ---------------------------------------------------------------------------------------------------

    def _new(self, call_id: UUID, direction: Direction, route: Route, trunk: str | None = None) -> Call:
        call = Call(self.exchange, call_id, direction)
        call.recording.automatic = self.exchange.recording_rules.applies(direction, route, trunk)
        self.exchange.live.add(call)
        return call

    def _start(self, call_id: UUID, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"call {call_id}")
        self._tasks[call_id] = task
        self._idle.clear()
        task.add_done_callback(lambda done: self._over(call_id, done))
        return task

    def _over(self, call_id: UUID, task: asyncio.Task[None]) -> None:
        self._tasks.pop(call_id, None)
        self.exchange.live.remove(call_id)
        if not self._tasks:
            self._idle.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("call failed", call_id=str(call_id), exc_info=error)
