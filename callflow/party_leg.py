"""Ring the party of a planned call while nobody waits for it yet."""

from __future__ import annotations

from callflow.agent_leg import Rung, ring_extension, telling
from callflow.call import Call
from callflow.facts import CallRinging, OfferEnd
from callflow.outside import Outward, charge, ring_outside
from callflow.permissions import NotPermitted
from callflow.router import ToExtension, ToTrunk
from pbx.leg import Identity, Leg

FORBIDDEN = Rung(None, OfferEnd.REJECTED, 403)
NO_TRUNK = Rung(None, OfferEnd.FAILED, 503)


async def ring_party(call: Call, route: ToExtension | ToTrunk, payer: str | None, timeout: float) -> Rung:
    """At most `timeout` seconds, on the account of `payer`; an outside party sees the number of the call's line."""
    caller = Identity(call.for_line or "")
    if isinstance(route, ToExtension):
        return await ring_extension(call, route.number, caller=caller, codecs=(), near=None, timeout=timeout)
    exchange = call.exchange
    try:
        permit = exchange.permissions.begin(payer, route, exchange.clock.now())
    except NotPermitted:
        return FORBIDDEN
    outward = Outward(
        near=None,
        shown=caller,
        extension=call.for_line,
        codecs=(),
        timeout=timeout,
        on_ringing=telling(lambda: call.tell(CallRinging, leg=call.call_id), lambda: None),
        on_early_media=_unheard,
    )
    leg: Leg | None = None
    try:
        rung = await ring_outside(call, route, outward)
        leg = rung.leg if rung is not None else None
    finally:
        if leg is None:
            permit.end(exchange.clock.now())
    if leg is not None:
        charge(call, leg, permit)
    return rung or NO_TRUNK


def _unheard(leg: Leg) -> None:
    """What a party sends before it answers: nobody is there to hear it."""
