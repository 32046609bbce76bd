"""A phone asks for a transfer (REFER, RFC 3515): the request becomes a command to its call, which answers it.

Only our own people's phones are heard. Where the transfer leads is decided by the rules of a number that the same phone
dials (`Exchange.route`); the host of the Refer-To is not looked at, since nobody is called but through our dial plan.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from callflow.exchange import Exchange, typed
from callflow.facts import Direction
from callflow.inbox import PATIENCE, MergeWith, Refer
from pbx.leg import Leg, Referral

if TYPE_CHECKING:
    from callflow.call import Call

log = structlog.get_logger("callflow.referring")

REMAINS = (Direction.INBOUND, Direction.OUTBOUND, Direction.INTERNAL)
"""Of two calls that are merged, the one that remains: the customer's visit rather than the talk among colleagues."""


def referred(exchange: Exchange, referral: Referral) -> None:
    """Taken as soon as it comes: a BYE that follows on its heels does not overtake it."""
    call = exchange.live.owner(referral.leg)
    by = call.extension_of(referral.leg) if call is not None else None
    if call is None or by is None or referral.replaces_unknown:
        referral.refuse(603)
    elif referral.replaces is not None:
        _merge(exchange, referral, call, referral.replaces, by)
    else:
        number = typed(referral.target)
        route = exchange.route(number, by=by)
        _put(call, Refer(by=by, number=number, route=route, referral=referral))


def _merge(exchange: Exchange, referral: Referral, call: Call, replaced: Leg, by: str) -> None:
    other_call = exchange.live.owner(replaced)
    if other_call is None or other_call is call:
        referral.refuse(603)
    elif other_call.extension_of(replaced) != by:
        # RFC 3891 §3: "the UA MUST verify that the initiator of the new INVITE is authorized to replace the matched
        # dialog."
        referral.refuse(403)
    elif REMAINS.index(other_call.direction) < REMAINS.index(call.direction):
        _put(other_call, MergeWith(by=by, end=replaced, other=referral.leg, other_call=call, referral=referral))
    else:
        _put(call, MergeWith(by=by, end=referral.leg, other=replaced, other_call=other_call, referral=referral))


def _put(call: Call, command: Refer | MergeWith) -> None:
    call.inbox.put(command)
    if not command.obeyed.done():
        impatient = asyncio.get_running_loop().call_later(PATIENCE, command.refuse, "failed")
        command.obeyed.add_done_callback(lambda _: impatient.cancel())
    log.info("asked to transfer", call_id=str(call.call_id), by=command.by, attended=isinstance(command, MergeWith))
