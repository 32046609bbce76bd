"""Every way to an outside number: a dialled call, a transfer, a forward, a click."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from callflow.agent_leg import Rung, ring
from callflow.call import Call
from callflow.router import ToTrunk, TrunkPlan
from pbx.leg import Identity, Leg
from pbx.net.transport import Flow
from pbx.outbound_leg import Destination
from pbx.sip.offer_answer import Codec
from pbx.sip.uri import SipUri


async def ring_outside(
    call: Call,
    route: ToTrunk,
    *,
    caller: Identity,
    codecs: Sequence[Codec],
    near: Leg | None,
    timeout: float,
    on_ringing: Callable[[], None],
) -> Rung:
    """Ring an outside number through its trunk."""
    return await ring(
        call,
        [_destination(route.trunk, route.number)],
        caller=caller,
        codecs=codecs,
        near=near,
        timeout=timeout,
        on_ringing=on_ringing,
        agent=None,
    )


def _destination(trunk: TrunkPlan, number: str) -> Destination:
    flow = Flow("UDP", trunk.host, trunk.port)
    return Destination(str(SipUri(scheme="sip", user=number, host=trunk.host, port=trunk.port)), flow, number)
