"""Ring one extension, on all its phones, until somebody answers or there is a reason to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from uuid_utils.compat import uuid7

from callflow import facts
from callflow.call import Call
from callflow.facts import OfferEnd
from callflow.waiting import first_of
from pbx.leg import Identity, Leg, LegEnd
from pbx.media.client import NoMedia
from pbx.outbound_leg import Destination, OutboundLeg
from pbx.sip.offer_answer import Codec
from pbx.transactions import Overloaded


@dataclass(frozen=True, slots=True)
class Rung:
    """`leg` answered, or None and the reason why nobody did."""

    leg: OutboundLeg | None
    reason: OfferEnd | None = None
    status: int | None = None


async def ring_extension(
    call: Call,
    extension: str,
    *,
    caller: Identity,
    codecs: Sequence[Codec],
    near: Leg | None,
    timeout: float,
    on_ringing: Callable[[], None] = lambda: None,
) -> Rung:
    """Offer the call to an agent. The offer is withdrawn when `near` (the customer's leg) ends."""
    phones = call.exchange.user_agent.phones_of(extension)
    if not phones:
        return Rung(None, OfferEnd.UNREACHABLE, 480)
    offer = uuid7()
    call.tell(facts.CallOffered, leg=offer, extension=extension)
    told = False

    def ringing() -> None:
        nonlocal told
        if not told:
            told = True
            call.tell(facts.CallRinging, leg=offer, extension=extension)
        on_ringing()

    rung = await ring(
        call, phones, caller=caller, codecs=codecs, near=near, timeout=timeout, on_ringing=ringing, agent=extension
    )
    if rung.reason is not None:
        call.tell(facts.OfferEnded, leg=offer, extension=extension, reason=rung.reason, sip_status=rung.status)
    return rung


async def ring(
    call: Call,
    destinations: Sequence[Destination],
    *,
    caller: Identity,
    codecs: Sequence[Codec],
    near: Leg | None,
    timeout: float,
    on_ringing: Callable[[], None],
    agent: str | None,
) -> Rung:
    """All destinations at once; the first to answer wins, the others are cancelled."""
    legs: list[OutboundLeg] = []
    winner: OutboundLeg | None = None
    try:
        for destination in destinations:
            leg = call.exchange.user_agent.leg_to(destination, call_id=call.call_id, caller=caller)
            legs.append(leg)
            call.takes(leg, agent)
            leg.on_ringing = on_ringing
            await leg.open_media(near)
            leg.dial(codecs)
        winner, reason = await _first_answer(legs, near, timeout)
    except (NoMedia, Overloaded):
        return Rung(None, OfferEnd.FAILED, 503)
    finally:
        losers = [leg for leg in legs if leg is not winner]
        for leg in losers:
            leg.hang_up()
        for leg in losers:
            await leg.close()
    if winner is not None:
        return Rung(winner)
    return _why(legs, reason)


async def _first_answer(
    legs: Sequence[OutboundLeg], near: Leg | None, timeout: float
) -> tuple[OutboundLeg | None, OfferEnd | None]:
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        for leg in legs:
            if leg.answered.done() and not leg.is_over:
                return leg, None
        alive = [leg for leg in legs if not leg.is_over]
        if not alive:
            return None, None
        if near is not None and near.is_over:
            return None, OfferEnd.CANCELLED
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return None, OfferEnd.NO_ANSWER
        customer = (near.ended,) if near is not None else ()
        await first_of(*(leg.answered for leg in alive), *(leg.ended for leg in alive), *customer, timeout=left)


def _why(legs: Sequence[OutboundLeg], reason: OfferEnd | None) -> Rung:
    if reason is not None:
        return Rung(None, reason, 487 if reason is OfferEnd.CANCELLED else 480)
    ends = [leg.ended.result() for leg in legs]
    refusals = [end.status for end in ends if end.reason is LegEnd.REFUSED and end.status is not None]
    if not refusals:
        return Rung(None, OfferEnd.UNREACHABLE, 480)
    # A person's "no" outranks a device that was merely busy or absent.
    status = max(refusals, key=lambda status: (status >= 600, status in (486, 480, 487), -status))
    if status in (486, 600):
        return Rung(None, OfferEnd.BUSY, status)
    if status in (480, 487, 603, 403):
        return Rung(None, OfferEnd.REJECTED, status)
    return Rung(None, OfferEnd.FAILED, status)
