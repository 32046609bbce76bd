"""Take somebody where a number leads, until somebody else answers: ring, follow forwards, wait in a line, play a menu.

A search runs in a task of its own beside the call's, so that the call can listen to people meanwhile. `stop` ends it
and leaves no phone ringing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from uuid_utils.compat import uuid7

from callflow.agent_leg import Rung, ring_extension, telling
from callflow.call import Call
from callflow.facts import CallForwarded, CallRinging, EndedBy, ForwardKind, OfferEnd, OfferEnded, Outcome
from callflow.feature_codes import ToFeature
from callflow.flows.live import visit_flow
from callflow.lining import wait_in_line
from callflow.menu import play_menu
from callflow.outside import Outward, charge, ring_outside
from callflow.permissions import NotPermitted
from callflow.promising import Promising
from callflow.router import (
    CallbackPlan,
    ConferencePlan,
    MenuPlan,
    Refuse,
    Route,
    ToConference,
    ToExtension,
    ToFlow,
    ToLine,
    ToMenu,
    ToTrunk,
)
from callflow.service import Service
from callflow.side import Side
from callflow.stages import ABANDONED, Result
from pbx.inbound_leg import InboundLeg
from pbx.leg import Diversion, Identity, Leg
from pbx.media.client import NoMedia
from pbx.sip.offer_answer import NotAcceptable
from pbx.transactions import Overloaded

log = structlog.get_logger("callflow.search")

MOST_FORWARDS = 5  # of one call, one after the other

OUTCOMES = {
    OfferEnd.NO_ANSWER: Outcome.NO_ANSWER,
    OfferEnd.REJECTED: Outcome.REJECTED,
    OfferEnd.BUSY: Outcome.BUSY,
    OfferEnd.UNREACHABLE: Outcome.UNREACHABLE,
    OfferEnd.CANCELLED: Outcome.ABANDONED,
    OfferEnd.FAILED: Outcome.FAILED,
}
FORWARDED_WHEN = {
    OfferEnd.BUSY: ForwardKind.BUSY,
    OfferEnd.REJECTED: ForwardKind.BUSY,  # "user determined busy"
    OfferEnd.NO_ANSWER: ForwardKind.NO_ANSWER,
    OfferEnd.UNREACHABLE: ForwardKind.NO_ANSWER,
}

DIVERSIONS = {
    ForwardKind.ALWAYS: "unconditional",
    ForwardKind.BUSY: "user-busy",
    ForwardKind.NO_ANSWER: "no-answer",
    ForwardKind.REDIRECTED: "deflection",
    ForwardKind.DEFLECTED: "deflection",
}
"""How RFC 5806 calls why a call went on."""


class Search:
    """`waiting` may be exchanged while the search runs: who waits from then on hears how it goes on."""

    def __init__(
        self,
        call: Call,
        waiting: Side,
        route: Route,
        *,
        payer: str | None = None,
        forwards: bool = True,
        timeout: float | None = None,
        auto_answer: bool = False,
        on_ringing: Callable[[], None] = lambda: None,
        aside: bool = False,
        diverted_by: Diversion | None = None,
    ) -> None:
        """`payer`: on whose account outside numbers are called. `forwards`: follow the called one's wishes.
        `timeout`: seconds of ringing, if not as usual. `auto_answer`: that person's phones may take it by
        themselves. `aside`: whoever `waiting` is talks on meanwhile, and hears nothing of it. `diverted_by`: who sent
        the call on to there."""
        self.call = call
        self.waiting = waiting
        self.on_ringing = on_ringing
        self.conference: ConferencePlan | None = None  # where it has led: nobody answers, whoever waits may enter
        self._payer = payer
        self._forwards = forwards
        self._timeout = timeout
        self._auto_answer = auto_answer
        self._aside = aside
        self._diverted_by = diverted_by
        self._visited: list[str] = []
        self._withdrawn = OfferEnd.CANCELLED
        self._taken = self._kept = False
        self.found: asyncio.Future[Side | Result] = asyncio.get_running_loop().create_future()
        self._running = asyncio.get_running_loop().create_task(self._run(route))
        self._running.add_done_callback(self._finished)

    def take(self) -> Side | Result:
        """Who answered, or why nobody did."""
        self._taken = True
        return self.found.result()

    def keep(self) -> Search:
        """The next `stop` is not meant: the search goes on in another stage."""
        self._kept = True
        return self

    async def stop(self, reason: OfferEnd = OfferEnd.CANCELLED) -> None:
        """No phone rings any more when this returns, and who answered without being taken is hung up."""
        if self._taken or self._kept:
            self._kept = False
            return
        self._taken = True
        if not self._running.done():
            self._withdrawn = reason
            self._running.cancel()
            await asyncio.wait([self._running])
        if self._running.cancelled():
            # The error names the frames that it came through, and they name us: taken out of the task, it goes with
            # us and does not wait for the garbage collector.
            with suppress(asyncio.CancelledError):
                self._running.result()
        if self.found.done() and not self.found.cancelled() and self.found.exception() is None:
            found = self.found.result()
            if isinstance(found, Side):
                self.call.lets_go(found.leg)
                self.call.end_service()

    async def tries(self, service: Service) -> bool:
        """Hand over who has answered while others ring on for the same wait. False: it came to nothing, and the search
        goes on."""
        self.call.serves(service)
        self.found.set_result(service.side)
        return await asyncio.shield(service.stood)

    @property
    def is_undecided(self) -> bool:
        """Whether it may go on after somebody was found: no bridge stands yet."""
        return not self._running.done()

    def goes_on(self) -> None:
        """Who was handed over is none: somebody is sought as before."""
        self._taken = False
        self.found = asyncio.get_running_loop().create_future()

    def _finished(self, running: asyncio.Task[Side | Result]) -> None:
        if self.found.done():  # handed over before
            return
        if running.cancelled():
            self.found.cancel()
        elif (error := running.exception()) is not None:
            self.found.set_exception(error)
        else:
            self.found.set_result(running.result())

    @property
    def shown(self) -> Identity:
        return self.waiting.shown

    def withdrawn(self) -> OfferEnd:
        """Why those who ring for it are let go, should it end now."""
        return self._withdrawn

    # ---- one function for each kind of target ----------------------------------------------------------------------

    async def _run(self, route: Route) -> Side | Result:
        try:
            return await self._go(route)
        except (NoMedia, Overloaded):
            return Result(Outcome.FAILED, status=503)
        except NotAcceptable:
            return Result(Outcome.NO_CODEC, status=488)

    async def _go(self, route: Route) -> Side | Result:
        if self.waiting.leg.media is None and not isinstance(route, Refuse | ToConference):
            await self.waiting.leg.open_media(self.call.exchange.presence.a_leg_of(self.waiting.extension))
        match route:
            case ToExtension(number):
                return await self._extension(number)
            case ToLine() | ToMenu() | ToFlow() if self._aside:  # a forward led there: nobody comes out by themselves
                return Result(Outcome.UNREACHABLE, status=480)
            case ToLine(line):
                return await wait_in_line(self, line)
            case ToMenu(menu):
                return await self._menu(menu)
            case ToFlow(number):
                return await visit_flow(self, number)
            case ToConference(conference):
                self.conference = conference
                return Result(Outcome.UNREACHABLE, status=480)
            case ToTrunk():
                return await self._trunk(route)
            case Refuse(outcome, status):
                return Result(outcome, status=status)
            case _:
                return Result(Outcome.UNKNOWN_NUMBER, status=404)

    async def _extension(self, number: str) -> Side | Result:
        exchange = self.call.exchange
        wishes = exchange.wishes.of(number)
        self._visited.append(number)
        if self._forwards and (target := wishes.forward(ForwardKind.ALWAYS)):
            return await self._forward(number, target, ForwardKind.ALWAYS)
        # R-PHONE-62: busy while all lines are taken. Who asked for this call is rung though nobody shall disturb.
        disturbs = self._forwards and wishes.do_not_disturb
        if disturbs or wishes.is_full(exchange.presence.lines_taken(number)):
            rung = self._busy(number)
        else:
            rung = await self._ring(number, self._timeout or wishes.ring_seconds or exchange.ring_timeout)
        if rung.leg is not None:
            return rung.side(number, exchange.identity(number))
        assert rung.reason is not None
        if self._forwards and rung.redirected and exchange.rules.redirects:
            return await self._forward(number, rung.redirected[0], ForwardKind.REDIRECTED, instead=_nobody(rung))
        kind = FORWARDED_WHEN.get(rung.reason)
        if self._forwards and kind and (target := wishes.forward(kind)):
            return await self._forward(number, target, kind, instead=_nobody(rung))
        return _nobody(rung)

    async def _ring(self, extension: str, timeout: float) -> Rung:
        return await ring_extension(
            self.call,
            extension,
            caller=self.shown,
            codecs=self.waiting.codecs(),
            near=self.waiting.leg,
            timeout=timeout,
            on_ringing=self._ringing,
            withdrawn=lambda: self._withdrawn,
            auto_answer=self._auto_answer,
            diverted_by=self._diverted_by,
        )

    def _ringing(self) -> None:
        if not self._aside:
            self.call.ringing_tone(self.waiting)
        self.on_ringing()

    def _busy(self, extension: str) -> Rung:
        """Not rung at all, and yet a call that this person missed."""
        self.call.tell(OfferEnded, leg=uuid7(), extension=extension, reason=OfferEnd.BUSY, sip_status=486)
        return Rung(None, OfferEnd.BUSY, 486)

    async def _forward(self, by: str, number: str, kind: ForwardKind, instead: Result | None = None) -> Side | Result:
        """On to another number, by the same rules as if `by` had dialled it (R-CALL-11). `instead`: what the call came
        to, where it cannot go on."""
        route = self.call.exchange.route(number, by=by)
        if isinstance(route, Refuse | ToFeature):
            log.warning("forward refused", call_id=str(self.call.call_id), by=by, kind=kind.value)
            return instead or Result(Outcome.UNREACHABLE, status=480)
        if len(self._visited) > MOST_FORWARDS or (isinstance(route, ToExtension) and route.number in self._visited):
            log.warning("forward loop", call_id=str(self.call.call_id), by=by)
            return instead or Result(Outcome.FAILED, status=482)
        self.call.tell(CallForwarded, kind=kind, by=by, original=by, **self.call.goal(number, route))
        self.call.routed(route)
        self._payer = by
        self._diverted_by = Diversion(self.call.exchange.identity(by), DIVERSIONS[kind])
        return await self._go(route)

    async def _trunk(self, route: ToTrunk) -> Side | Result:
        exchange = self.call.exchange
        try:
            permit = exchange.permissions.begin(self._payer, route, exchange.clock.now())
        except NotPermitted as refused:
            return Result(refused.refusal.outcome, status=refused.refusal.status)
        leg: Leg | None = None
        try:
            rung = await self._ring_outside(route)
            if rung is None:
                return Result(Outcome.ALL_TRUNKS_BUSY, EndedBy.SYSTEM, 503)
            leg = rung.leg
        finally:
            if leg is None:
                permit.end(exchange.clock.now())
        if leg is not None:
            charge(self.call, leg, permit)
            return rung.side(None, Identity(route.number))
        return _nobody(rung)

    async def _ring_outside(self, route: ToTrunk) -> Rung | None:
        leg = self.waiting.leg
        outward = Outward(
            near=leg,
            shown=self.waiting.shown,
            extension=self.waiting.extension,
            codecs=self.waiting.codecs(),
            timeout=self.call.rings_outside or self.call.exchange.ring_timeout * 3,
            on_ringing=telling(lambda: self.call.tell(CallRinging, leg=leg.leg_id), self._ringing),
            on_early_media=self._early,
        )
        return await ring_outside(self.call, route, outward)

    def _early(self, leg: Leg) -> None:
        """What the other side sends before it answers (its ringing, an announcement) is for who waits."""
        waiting = self.waiting.leg
        if self._aside:
            return
        if isinstance(waiting, InboundLeg) and not waiting.is_answered:
            try:
                waiting.ring(early_media=True)
            except NotAcceptable:
                return  # the answer will tell it the reason
        if waiting.media is not None and leg.media is not None:
            waiting.media.stop_playing()
            waiting.join(leg)
        self.on_ringing()

    async def _menu(self, menu: MenuPlan) -> Side | Result:
        self._pick_up()
        chosen = await play_menu(self.waiting.leg, menu, self.call.exchange.prompts)
        if self.waiting.is_over:
            return ABANDONED
        if chosen is None:
            return Result(Outcome.NO_ANSWER)
        route = self.call.exchange.plan.inside(chosen)
        self.call.routed(route)
        if isinstance(route, ToExtension):
            self.call.music(self.waiting.leg)
        return await self._go(route)

    # ---- what a flow asks for --------------------------------------------------------------------------------------

    async def go_on(self, route: Route) -> Side | Result:
        """Where a key or the overflow of a line leads."""
        return await self._go(route)

    async def enqueue(self, number: str) -> Side | Result:
        line = self.call.exchange.line(number)
        if line is None:
            return Result(Outcome.UNKNOWN_NUMBER, status=404)
        self.call.routed(ToLine(line))
        return await wait_in_line(self, line)

    async def promise(self, number: str) -> bool:
        """Ask the caller for the number, and promise a call out of that line: at the place of who has waited before in
        this call, else as who comes now."""
        line = self.call.exchange.line(number)
        if line is None:
            return False
        plan = line.callback or CallbackPlan()
        return await Promising(self, line, plan, self.call.waits_since or asyncio.get_running_loop().time()).ask()

    async def dial(self, number: str, seconds: float) -> Side | Result:
        """An extension or an outside number, on the account of whoever called the flow."""
        route = self.call.exchange.route(number, by=self._payer)
        if not isinstance(route, ToExtension | ToTrunk):
            return Result(Outcome.UNKNOWN_NUMBER, status=404)
        self.call.routed(route)
        usual, self._timeout = self._timeout, seconds
        try:
            async with asyncio.timeout(None if isinstance(route, ToExtension) else seconds):
                return await self._go(route)
        except TimeoutError:
            return Result(Outcome.NO_ANSWER, status=480)
        finally:
            self._timeout = usual

    def _pick_up(self) -> None:
        """Answer the caller ourselves."""
        if isinstance(self.waiting.leg, InboundLeg):
            self.waiting.leg.answer()


def _nobody(rung: Rung) -> Result:
    assert rung.reason is not None
    by = EndedBy.CALLEE if rung.reason is OfferEnd.REJECTED else EndedBy.SYSTEM
    return Result(OUTCOMES[rung.reason], by, rung.status)
