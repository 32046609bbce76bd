"""What happens to a call that arrived: straight-line code, one function for each kind of target.

Each returns how the call ended. The caller may be gone at any `await`; every function notices.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from callflow.agent_leg import Rung, ring, ring_extension
from callflow.call import Call
from callflow.facts import CallQueued, CallRinging, Direction, EndedBy, OfferEnd, Outcome
from callflow.menu import play_menu
from callflow.router import LinePlan, MenuPlan, Refuse, Route, ToExtension, ToLine, ToMenu, ToTrunk, TrunkPlan
from callflow.waiting import first_of
from pbx.inbound_leg import InboundLeg
from pbx.leg import Identity, Leg, LegEnd
from pbx.net.transport import Flow
from pbx.outbound_leg import Destination, OutboundLeg
from pbx.sip.uri import SipUri
from queue_engine.dispatcher import LineFull, Place


@dataclass(frozen=True, slots=True)
class Result:
    outcome: Outcome
    by: EndedBy = EndedBy.SYSTEM
    status: int | None = None


ABANDONED = Result(Outcome.ABANDONED, EndedBy.CALLER, 487)

_OUTCOMES = {
    OfferEnd.NO_ANSWER: Outcome.NO_ANSWER,
    OfferEnd.REJECTED: Outcome.REJECTED,
    OfferEnd.BUSY: Outcome.BUSY,
    OfferEnd.UNREACHABLE: Outcome.UNREACHABLE,
    OfferEnd.CANCELLED: Outcome.ABANDONED,
    OfferEnd.FAILED: Outcome.FAILED,
}


async def follow(call: Call, leg: InboundLeg, route: Route, caller: Identity) -> Result:
    """Take the caller where the number leads."""
    if not leg.codecs():
        return Result(Outcome.NO_CODEC, status=488)
    match route:
        case ToExtension(number):
            return await to_extension(call, leg, number, caller)
        case ToLine(line):
            return await to_line(call, leg, line, caller)
        case ToMenu(menu):
            return await to_menu(call, leg, menu, caller)
        case ToTrunk(trunk, number):
            return await to_trunk(call, leg, trunk, number, caller)
        case Refuse(outcome, status):
            return Result(outcome, status=status)


async def to_extension(call: Call, leg: InboundLeg, number: str, caller: Identity) -> Result:
    await leg.open_media()
    rung = await ring_extension(
        call,
        number,
        caller=caller,
        codecs=leg.codecs(),
        near=leg,
        timeout=call.exchange.ring_timeout,
        on_ringing=leg.ring,
    )
    return await connect(call, leg, rung, number)


async def to_trunk(call: Call, leg: InboundLeg, trunk: TrunkPlan, number: str, caller: Identity) -> Result:
    await leg.open_media()
    told = False

    def ringing() -> None:
        nonlocal told
        if not told:
            told = True
            call.tell(CallRinging, leg=leg.leg_id)
        leg.ring()

    rung = await ring(
        call,
        [trunk_destination(trunk, number)],
        caller=caller,
        codecs=leg.codecs(),
        near=leg,
        timeout=call.exchange.ring_timeout * 3,
        on_ringing=ringing,
        agent=None,
    )
    result = await connect(call, leg, rung, leg.arrival.user or "")
    if result.outcome in (Outcome.UNREACHABLE, Outcome.FAILED):
        return Result(Outcome.ALL_TRUNKS_BUSY, EndedBy.SYSTEM, 503)
    return result


def trunk_destination(trunk: TrunkPlan, number: str) -> Destination:
    flow = Flow("UDP", trunk.host, trunk.port)
    return Destination(str(SipUri(scheme="sip", user=number, host=trunk.host, port=trunk.port)), flow, number)


async def to_menu(call: Call, leg: InboundLeg, menu: MenuPlan, caller: Identity) -> Result:
    if not await _pick_up(leg):
        return ABANDONED
    chosen = await play_menu(leg, menu, call.exchange.prompts)
    if leg.is_over:
        return ABANDONED
    if chosen is None:
        return Result(Outcome.NO_ANSWER)
    route = call.exchange.plan.inside(chosen)
    call.routed(route)
    if isinstance(route, ToExtension):
        return await to_extension_answered(call, leg, route.number, caller)
    return await follow(call, leg, route, caller)


async def to_extension_answered(call: Call, leg: InboundLeg, number: str, caller: Identity) -> Result:
    """Ring an extension for a caller whom we have already answered: music instead of a ringing tone."""
    _music(call, leg)
    rung = await ring_extension(
        call, number, caller=caller, codecs=leg.codecs(), near=leg, timeout=call.exchange.ring_timeout
    )
    return await connect(call, leg, rung, number)


async def to_line(call: Call, leg: InboundLeg, line: LinePlan, caller: Identity) -> Result:
    """Wait in line until an agent answers, the caller gives up, or the line's patience ends."""
    if leg.media is None:
        await leg.open_media()
    call.tell(CallQueued, line=line.number)
    if line.music and not await _pick_up(leg):
        return ABANDONED
    if leg.is_answered:
        _music(call, leg)
    else:
        leg.ring()
    try:
        place = call.exchange.dispatcher.enter(call.call_id, line.number)
    except LineFull:
        return Result(Outcome.FAILED, status=503)
    try:
        return await _wait_and_serve(call, leg, line, caller, place)
    finally:
        place.leave()


async def _wait_and_serve(call: Call, leg: InboundLeg, line: LinePlan, caller: Identity, place: Place) -> Result:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + line.max_wait
    while True:
        await first_of(place.offer, leg.ended, timeout=max(0.0, deadline - loop.time()))
        if leg.is_over:
            return ABANDONED
        if not place.offer.done():
            return Result(Outcome.NO_ANSWER, status=480)
        extension = place.offer.result().extension
        rung = await ring_extension(
            call,
            extension,
            caller=caller,
            codecs=leg.codecs(),
            near=leg,
            timeout=min(line.ring_timeout, max(1.0, deadline - loop.time())),
        )
        if rung.leg is not None:
            return await connect(call, leg, rung, extension)
        if rung.reason is OfferEnd.CANCELLED:
            return ABANDONED
        place.refused(extension)


async def connect(call: Call, caller: InboundLeg | OutboundLeg, rung: Rung, extension: str) -> Result:
    """Join the caller and whoever answered, or say why nobody did. `extension` is the agent of the two."""
    if rung.leg is None:
        assert rung.reason is not None
        if caller.is_over:
            return ABANDONED
        by = EndedBy.CALLEE if rung.reason is OfferEnd.REJECTED else EndedBy.SYSTEM
        return Result(_OUTCOMES[rung.reason], by, rung.status)
    try:
        return await talk(call, caller, rung.leg, extension)
    finally:
        await rung.leg.close()


async def talk(call: Call, caller: InboundLeg | OutboundLeg, callee: OutboundLeg, extension: str) -> Result:
    """Two people are on the line until one of them hangs up."""
    if caller.is_over:
        return ABANDONED
    assert caller.media is not None
    assert callee.media is not None
    caller.media.stop_playing()
    customer, agent = (callee, caller) if call.direction is Direction.OUTBOUND else (caller, callee)
    call.joined(customer, agent, extension)
    try:
        if isinstance(caller, InboundLeg):
            caller.answer()
        caller.media.bridge(callee.media)
        if call.recorded:
            call.record(customer, agent)
        await first_of(caller.ended, callee.ended)
    finally:
        call.parted()
        ended_by = _who(caller, callee)
        # The one who stays must not wait until a file is closed.
        caller.hang_up()
        callee.hang_up()
        await call.stop_recording()
    return Result(Outcome.ANSWERED, ended_by)


def _who(caller: Leg, callee: Leg) -> EndedBy:
    for leg, by in ((caller, EndedBy.CALLER), (callee, EndedBy.CALLEE)):
        if leg.is_over and leg.ended.result().reason is LegEnd.BYE:
            return by
    return EndedBy.SYSTEM


async def _pick_up(leg: InboundLeg) -> bool:
    """Answer the caller ourselves. False when the caller is gone."""
    if leg.media is None:
        await leg.open_media()
    leg.answer()
    return not leg.is_over


def _music(call: Call, leg: InboundLeg) -> None:
    music = call.exchange.prompts.path("music/hold")
    if music is not None and leg.media is not None:
        leg.media.play([str(music)], loop=True)
