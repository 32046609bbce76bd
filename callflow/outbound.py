"""Click-to-call: ring the agent's own phone first, then the number."""

from __future__ import annotations

from callflow.agent_leg import ring, ring_extension
from callflow.call import Call
from callflow.facts import CallRinging, EndedBy, Outcome
from callflow.flow import Result, connect, trunk_destination
from callflow.router import Route, ToExtension, ToTrunk
from pbx.leg import CODECS, Identity
from pbx.outbound_leg import OutboundLeg


async def click_to_call(call: Call, extension: str, number: str, route: Route) -> Result:
    """`extension` places a call to `number`, which leads to `route`."""
    outward = isinstance(route, ToTrunk)
    call.started(
        Identity(number) if outward else Identity(extension, call.exchange.names.get(extension, "")),
        extension=not outward,
        caller=extension,
        dialled=None if outward else number,
        trunk=route.trunk.name if isinstance(route, ToTrunk) else None,
    )
    call.routed(route)
    own = await ring_extension(
        call, extension, caller=Identity(number), codecs=CODECS, near=None, timeout=call.exchange.ring_timeout
    )
    if own.leg is None:
        return Result(Outcome.FAILED, EndedBy.CALLER, own.status)
    try:
        return await _reach(call, own.leg, extension, number, route)
    finally:
        await own.leg.close()


async def _reach(call: Call, own: OutboundLeg, extension: str, number: str, route: Route) -> Result:
    caller = Identity(extension, call.exchange.names.get(extension, ""))
    if isinstance(route, ToExtension):
        rung = await ring_extension(
            call, route.number, caller=caller, codecs=CODECS, near=own, timeout=call.exchange.ring_timeout
        )
        return await connect(call, own, rung, route.number)
    if not isinstance(route, ToTrunk):
        return Result(Outcome.UNKNOWN_NUMBER, status=404)
    rung = await ring(
        call,
        [trunk_destination(route.trunk, number)],
        caller=caller,
        codecs=CODECS,
        near=own,
        timeout=call.exchange.ring_timeout * 3,
        on_ringing=lambda: call.tell(CallRinging, leg=own.leg_id),
        agent=None,
    )
    return await connect(call, own, rung, extension)
