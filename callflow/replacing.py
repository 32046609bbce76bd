"""A call that takes the place of another (RFC 3891): somebody goes on talking on another of their own phones."""

from __future__ import annotations

from types import MappingProxyType

from callflow.control import ControlRefused
from callflow.exchange import Exchange
from callflow.inbox import Substitute
from callflow.side import Side
from pbx.inbound_leg import InboundLeg
from pbx.leg import Leg
from pbx.media.client import NoMedia

STATUSES = MappingProxyType({"forbidden": 403, "no_codec": 488, "unknown_call": 603})
"""By reason of the refusal; else 480. RFC 3891 §3: "If the Replaces header field matches a dialog which has already
terminated, the UA SHOULD decline the request with a 603 Declined response"."""


async def take_over(exchange: Exchange, leg: InboundLeg, out: Leg) -> None:
    """A task of its own, until the leg is over or is part of the call. `out`: an answered leg."""
    try:
        await _take_over(exchange, leg, out)
    except ControlRefused as refused:
        leg.refuse(STATUSES.get(refused.reason, 480))
    except NoMedia:
        leg.refuse(503)
    finally:
        if exchange.live.owner(leg) is None:
            await leg.close()


async def _take_over(exchange: Exchange, leg: InboundLeg, out: Leg) -> None:
    user, call = leg.arrival.user, exchange.live.owner(out)
    if call is None:
        raise ControlRefused("unknown_call")
    # RFC 3891 §3: "the UA MUST verify that the initiator of the new INVITE is authorized to replace the matched
    # dialog."
    if user is None or call.extension_of(out) != user:
        raise ControlRefused("forbidden")
    if not leg.codecs():
        raise ControlRefused("no_codec")
    exchange.presence.enters(user, leg)
    await leg.open_media(out)
    if not leg.is_over:
        await call.inbox.ask(Substitute(out=out, side=Side(leg, user, exchange.identity(user)), by=user))
