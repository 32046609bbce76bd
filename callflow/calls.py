"""All live calls, each in its own task; and the commands that people give (see `callflow.control`)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from callflow.call import Call
from callflow.control import Actor, ControlRefused
from callflow.exchange import Exchange
from callflow.facts import Outcome
from callflow.flow import Result, follow
from callflow.outbound import click_to_call
from callflow.router import Refuse, Route, direction_of
from pbx.inbound_leg import InboundLeg
from pbx.leg import Identity
from pbx.media.client import NoMedia
from pbx.sip.offer_answer import NotAcceptable
from pbx.transactions import Overloaded
from queue_engine.facts import AgentDeclared, Will

log = structlog.get_logger("callflow.calls")


class Calls:
    """Use as an async context manager: leaving it ends every call that is left."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._calls: dict[UUID, Call] = {}
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
        from_trunk = arrival.trunk is not None
        if arrival.trunk:
            route = self.exchange.plan.from_trunk(arrival.dialled, arrival.trunk)
        else:
            route = self.exchange.route(arrival.dialled, by=arrival.user)
        call = Call(self.exchange, leg.call_id, direction_of(route, from_trunk=from_trunk))
        call.recorded = self.exchange.recording_rules.applies(call.direction, route)
        call.takes(leg, arrival.user)
        self._run(call, self._inbound(call, leg, route))

    async def _inbound(self, call: Call, leg: InboundLeg, route: Route) -> None:
        arrival = leg.arrival
        with structlog.contextvars.bound_contextvars(call_id=str(call.call_id)):
            result = Result(Outcome.INTERRUPTED)
            try:
                self._tell_start(call, leg, route)
                result = await follow(call, leg, route, self._caller(leg))
            except (NoMedia, Overloaded):
                result = Result(Outcome.FAILED, status=503)
            except NotAcceptable:
                result = Result(Outcome.NO_CODEC, status=488)
            finally:
                call.ended(result.outcome, result.by, result.status)
                leg.refuse(result.status or 480)
                await leg.close()
                log.debug("call over", dialled=arrival.dialled)

    def _tell_start(self, call: Call, leg: InboundLeg, route: Route) -> None:
        arrival = leg.arrival
        outward = call.direction.value == "outbound"
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

    # ---- commands (callflow.control) -----------------------------------------------------------------------------

    async def call(self, actor: Actor, number: str, *, follow_up: UUID | None = None) -> UUID:
        """Ring the actor's own phone, then `number`. Returns the call's id at once. Raises ControlRefused."""
        if actor.extension is None:
            raise ControlRefused("no_phone")
        route = self.exchange.route(number, by=actor.extension)
        if isinstance(route, Refuse):
            raise ControlRefused("forbidden" if route.outcome is Outcome.FORBIDDEN else "no_route")
        if not self.exchange.user_agent.phones_of(actor.extension):
            raise ControlRefused("phone_offline")
        if self.exchange.presence.legs_of(actor.extension):
            raise ControlRefused("busy")
        call = Call(self.exchange, uuid7(), direction_of(route, from_trunk=False))
        call.recorded = self.exchange.recording_rules.applies(call.direction, route)
        self._run(call, self._outbound(call, actor.extension, number, route))
        log.info("click to call", call_id=str(call.call_id), follow_up=str(follow_up) if follow_up else None)
        return call.call_id

    async def _outbound(self, call: Call, extension: str, number: str, route: Route) -> None:
        with structlog.contextvars.bound_contextvars(call_id=str(call.call_id)):
            result = Result(Outcome.INTERRUPTED)
            try:
                result = await click_to_call(call, extension, number, route)
            except (NoMedia, Overloaded):
                result = Result(Outcome.FAILED, status=503)
            finally:
                call.ended(result.outcome, result.by, result.status)

    async def hang_up(self, actor: Actor, call_id: UUID) -> None:
        """End a call: one's own, or any for a supervisor. Raises ControlRefused."""
        call = self._calls.get(call_id)
        if call is None:
            raise ControlRefused("unknown_call")
        if not actor.supervisor and (actor.extension is None or actor.extension not in call.extensions):
            raise ControlRefused("forbidden")
        call.hang_up()

    async def declare(self, actor: Actor, will: Will, reason: str = "") -> None:
        """The actor is ready, or paused for a reason (R-PANEL-08)."""
        self.exchange.ledger.append(
            AgentDeclared(
                id=uuid7(),
                at=self.exchange.clock.now(),
                user=actor.user_id,
                extension=actor.extension,
                will=will,
                reason=reason,
                by=actor.user_id,
            )
        )
        if actor.extension is not None:
            self.exchange.dispatcher.declare(actor.extension, will)

    # ---- tasks ---------------------------------------------------------------------------------------------------

    def _run(self, call: Call, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work, name=f"call {call.call_id}")
        self._tasks[call.call_id] = task
        self._calls[call.call_id] = call
        self._idle.clear()
        task.add_done_callback(lambda done: self._over(call.call_id, done))

    def _over(self, call_id: UUID, task: asyncio.Task[None]) -> None:
        self._tasks.pop(call_id, None)
        self._calls.pop(call_id, None)
        if not self._tasks:
            self._idle.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("call failed", call_id=str(call_id), exc_info=error)
