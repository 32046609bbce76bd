"""Ends the dialogs of a core that died: the media worker kept them, each as a cookie.

The audio of such a call ran on meanwhile. A later version may carry the call on; this one says BYE to both sides, so
that nobody is left talking into a call that no longer exists. A phone's connection has ended with that core: it gets
its BYE when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import structlog

from pbx.endpoint import Endpoint
from pbx.leg import Cookie
from pbx.media.client import AdoptedLeg
from pbx.net.transport import Flow
from pbx.sip.dialog import Dialog
from pbx.sip.errors import SipError
from pbx.sip.message import Request, Response, parse
from pbx.sip.reply import reply

log = structlog.get_logger("pbx.orphans")

RETURN_WITHIN = 40.0
"""Seconds that a phone has to register over another connection, and be told that its call is over."""
LOOK_EVERY = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Orphans:
    """What was found: the calls, and which recording belongs to which."""

    calls: frozenset[UUID]
    recordings: dict[UUID, UUID]  # recording -> call


async def end_orphans(endpoint: Endpoint, adopted: Iterable[AdoptedLeg]) -> Orphans:
    """Take down every leg that an earlier core left behind. Never raises for one bad cookie."""
    legs = list(adopted)
    found = Orphans(
        frozenset(leg.call_id for leg in legs),
        {leg.recording_id: leg.call_id for leg in legs if leg.recording_id is not None},
    )
    for leg in legs:
        try:
            _end(endpoint, Cookie.unpacked(leg.cookie))
        except (SipError, ValueError, KeyError) as error:
            log.warning("cookie not understood", call_id=str(leg.call_id), error=str(error))
        await leg.leg.close()
    return found


def _end(endpoint: Endpoint, cookie: Cookie) -> None:
    if not cookie.flow:
        return
    flow = Flow.parse(cookie.flow)
    if cookie.dialog is not None:
        _hang_up(endpoint, Dialog.from_state(cookie.dialog), flow, endpoint.timers.now() + RETURN_WITHIN)
    elif cookie.invite:
        invite = parse(cookie.invite.encode("utf-8", "surrogateescape"))
        if isinstance(invite, Request):
            _end_ringing(endpoint, invite, flow, cookie)
    log.info("orphan ended", call_id=cookie.call_id, leg=cookie.leg)


def _hang_up(endpoint: Endpoint, dialog: Dialog, flow: Flow, until: float) -> None:
    there = endpoint.follow(flow)
    if endpoint.transports.is_open(there):
        bye = dialog.request("BYE", via=endpoint.via(there))
        endpoint.transactions.request(bye, there, on_response=_unheard, on_end=_unheard)
    elif endpoint.timers.now() < until:
        who = "orphan", dialog.sip_call_id, dialog.local_tag
        endpoint.timers.start(who, LOOK_EVERY, lambda: _hang_up(endpoint, dialog, flow, until))
    else:
        log.info("orphan did not come back", flow=str(flow))


def _end_ringing(endpoint: Endpoint, invite: Request, flow: Flow, cookie: Cookie) -> None:
    if not cookie.outbound:
        server = endpoint.transactions.accept(invite, flow)
        server.respond(reply(invite, 503, to_tag=cookie.tag or None, headers=(("Retry-After", "5"),)))
        return

    def responded(response: Response) -> None:
        if response.is_success:
            # It was answered while nobody was there: acknowledge, then hang up.
            dialog = Dialog.from_uac(invite, response)
            dialog.local_cseq = max(invite.cseq.number, cookie.cseq)  # PRACKs of its early dialog took numbers
            endpoint.transactions.send_stateless(dialog.ack(invite.cseq.number, via=endpoint.via(flow)), flow)
            bye = dialog.request("BYE", via=endpoint.via(flow))
            endpoint.transactions.request(bye, flow, on_response=_unheard, on_end=_unheard)

    ringing = endpoint.transactions.resume_invite(invite, flow, on_response=responded, on_end=_unheard)
    endpoint.transactions.cancel(ringing)


def _unheard(_: object) -> None:
    """The answer changes nothing: the leg is over."""
