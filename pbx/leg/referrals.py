"""REFER on a leg, both roles: a phone asks us to transfer its call, or we ask a phone to call somebody (RFC 3515)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from pbx.leg.asking import Asking
from pbx.leg.part import Part
from pbx.leg.usage import InviteUsage
from pbx.sip import refer
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.refer import ReferTo
from pbx.sip.replaces import Replaces
from pbx.sip.reply import reply
from pbx.sip.uri import SipUri
from pbx.transactions import ServerTransaction

if TYPE_CHECKING:
    from pbx.leg.leg import Leg

log = structlog.get_logger("pbx.leg")

MAX_REFERRALS = 8  # of one leg at a time
UNDECIDED = 20.0  # seconds: a REFER that nobody took or refused is refused before its transaction times out
MAX_UNSENT = 16


class Referral:
    """A REFER of the other side, for the room above: `accept` or `refuse` it, then tell the `progress` of the new call.

    target: the number that shall be called, "" when Refer-To names none. replaces: the leg of ours whose place the new
    call shall take; None without a Replaces header, and when it names no dialog of ours (`replaces_unknown`).
    """

    def __init__(
        self,
        leg: Leg,
        usage: InviteUsage,
        request: Request,
        server: ServerTransaction,
        refer_to: ReferTo,
        event_id: str,
    ) -> None:
        self.leg = leg
        self.uri: SipUri = refer_to.uri
        self.target = refer_to.number
        self.replaces = leg.endpoint.find_leg(refer_to.replaces) if refer_to.replaces is not None else None
        self.replaces_unknown = refer_to.replaces is not None and self.replaces is None
        self.referred_by = refer.referred_by(request)
        self._usage, self._request, self._server = usage, request, server
        self._event = f"refer;id={event_id}" if event_id else "refer"
        self._subscribed = refer.wants_subscription(request)
        self._decided = False
        self._over = False
        self._last = 0
        self._unsent: list[tuple[int, str, bool]] = []
        self._ended_why = "noresource"
        self._notifying = False
        leg.endpoint.timers.start((self, "undecided"), UNDECIDED, lambda: self.refuse(603))

    @property
    def event_id(self) -> str:
        return str(self._request.cseq.number)

    @property
    def is_over(self) -> bool:
        """Refused, told to its end, or the other side does not want to hear more."""
        return self._over

    def accept(self) -> None:
        """202, and a NOTIFY that says 100. Nothing if it was decided already."""
        if not self._decide():
            return
        leg = self.leg
        headers = [("Contact", leg.endpoint.contact(leg.flow, leg.contact_user)), leg.endpoint.capabilities.supported]
        if not self._subscribed:
            headers.append(("Refer-Sub", "false"))  # RFC 4488 §4
        self._server.respond(reply(self._request, 202, headers=headers))
        if self._subscribed:
            leg.endpoint.timers.start((self, "life"), refer.LIFE, self._expire)
            # RFC 3515 §2.4.4: the agent "MUST immediately send a NOTIFY".
            self.progress(100)

    def refuse(self, status: int) -> None:
        """Nothing if it was decided already."""
        if self._decide():
            self._over = True
            self._server.respond(reply(self._request, status))
            self.leg.referrals.forget(self)

    def progress(self, status: int, reason: str = "") -> None:
        """How the new call goes; a final status ends the subscription. It works after the call's BYE too (RFC 5057
        §4)."""
        if not self._decided or self._over or status == self._last:
            return
        self._last = status
        over = status >= 200
        if over:
            self._end()
        if self._subscribed:
            self._unsent = [*self._unsent[-MAX_UNSENT:], (status, reason, over)]
            self._notify()

    def leg_ended(self) -> None:
        if not self._decided:
            self.refuse(481)

    def unsubscribe(self) -> None:
        """The other side wants to hear no more (RFC 3515 §2.4.7): one last NOTIFY."""
        if not self._over:
            self._end()
            self._unsent = [(self._last or 100, "", True)]
            self._ended_why = "timeout"
            self._notify()

    def _expire(self) -> None:
        self.unsubscribe()

    def _decide(self) -> bool:
        decided, self._decided = self._decided, True
        self.leg.endpoint.timers.stop((self, "undecided"))
        return not decided

    def _end(self) -> None:
        self._over = True
        self.leg.endpoint.timers.stop((self, "life"))
        self.leg.referrals.forget(self)

    def _notify(self) -> None:
        """One at a time: over UDP two could change places."""
        if self._notifying or not self._unsent:
            return
        status, reason, over = self._unsent.pop(0)
        self._notifying = True
        headers = (("Event", self._event), refer.subscription_state(over=over, reason=self._ended_why))
        body = refer.fragment(status, reason)
        Asking(self.leg, self._usage, "NOTIFY", self._notified, headers=headers, body=body, content_type=refer.SIPFRAG)

    def _notified(self, response: Response | None) -> None:
        self._notifying = False
        if response is None or not response.is_success:
            # RFC 6665 §4.2.2: a NOTIFY that fails ends the subscription. The transfer itself goes on.
            self._unsent.clear()
            if not self._over:
                self._end()
            return
        self._notify()


class _Request:
    """A REFER of ours, and what was told of it."""

    def __init__(self, told: asyncio.Future[int]) -> None:
        self.told = told
        self.last = 100
        self.event_id = ""

    def settle(self, status: int) -> None:
        if not self.told.done():
            self.told.set_result(status)


class Referrals(Part["Leg"]):
    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self._theirs: list[Referral] = []
        self._ours: list[_Request] = []
        self._heard = 0

    # ---- the other side asks us ------------------------------------------------------------------------------------

    def referred(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        leg = self._leg
        refer_to = ReferTo.of(request)
        if leg.on_refer is None or not usage.is_confirmed:
            raise RemoteProtocolError("nobody transfers this call", 603)
        if refer_to.method != "INVITE":
            raise RemoteProtocolError("only calls are placed here", 405, headers=(leg.endpoint.capabilities.allow,))
        if len(self._theirs) >= MAX_REFERRALS:
            raise RemoteProtocolError("too many at once", 500, headers=(("Retry-After", "10"),))
        usage.dialog.refresh(request)
        self._heard += 1
        # RFC 3515 §2.4.6: the second and later REFERs of a dialog are told apart by their CSeq.
        event_id = str(request.cseq.number) if self._heard > 1 else ""
        referral = Referral(leg, usage, request, server, refer_to, event_id)
        self._theirs.append(referral)
        log.info(
            "asked to transfer", call_id=str(leg.call_id), leg=str(leg.leg_id), replaces=referral.replaces is not None
        )
        leg.on_refer(referral)

    def forget(self, referral: Referral) -> None:
        if referral in self._theirs:
            self._theirs.remove(referral)

    def subscribed(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        """RFC 3515 §2.4.7: a SUBSCRIBE inside the dialog renews the implicit subscription, or ends it."""
        package, event_id = refer.event_of(request)
        if package != refer.EVENT:
            self._leg.pass_on(request, server)
            return
        found = [it for it in self._theirs if event_id is None or it.event_id == event_id]
        if not found:
            raise RemoteProtocolError("no such subscription", 481)
        expires = refer.LIFE if request.expires is None else min(request.expires, refer.LIFE)
        server.respond(reply(request, 200, headers=(("Expires", str(expires)),)))
        if expires == 0:
            found[-1].unsubscribe()

    # ---- we ask the other side -------------------------------------------------------------------------------------

    def refer(self, uri: str, replaces: Leg | None) -> asyncio.Future[int]:
        leg, usage = self._leg, self._leg.usage
        asked = _Request(asyncio.get_running_loop().create_future())
        if leg.is_over or usage is None or not usage.is_confirmed:
            asked.settle(481)
            return asked.told
        dialog = replaces.dialog if replaces is not None else None
        # To whoever gets the new call, our remote tag there is its own tag.
        named = (
            Replaces(sip_call_id=dialog.sip_call_id, to_tag=dialog.remote_tag, from_tag=dialog.local_tag)
            if dialog is not None
            else None
        )
        refer_to = ReferTo(uri=SipUri.parse(uri), replaces=named)
        headers = (
            ("Refer-To", str(refer_to)),
            ("Referred-By", f"<{usage.dialog.local_uri}>"),
            leg.endpoint.capabilities.supported,
        )
        self._ours.append(asked)
        Asking(leg, usage, "REFER", lambda response: self._answered(asked, response), headers=headers)
        asked.event_id = str(usage.dialog.local_cseq)
        return asked.told

    def _answered(self, asked: _Request, response: Response | None) -> None:
        if response is None or not response.is_success:
            self._settle(asked, response.status if response is not None else 408)
        elif (response.headers.get("refer-sub") or "").strip().lower().startswith("false"):
            self._settle(asked, response.status)  # RFC 4488: no NOTIFY will come

    def notified(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        package, event_id = refer.event_of(request)
        if package != refer.EVENT:
            self._leg.pass_on(request, server)
            return
        asked = self._asked(event_id)
        if asked is None:
            raise RemoteProtocolError("no such subscription", 481)
        asked.last = refer.status_of(request.body) if request.body else asked.last
        server.respond(reply(request, 200))
        if asked.last >= 200 or refer.is_terminated(request):
            self._settle(asked, asked.last)

    def _asked(self, event_id: str | None) -> _Request | None:
        if event_id is None:
            return self._ours[0] if self._ours else None
        return next((asked for asked in self._ours if asked.event_id == event_id), None)

    def _settle(self, asked: _Request, status: int) -> None:
        if asked in self._ours:
            self._ours.remove(asked)
        asked.settle(status)

    # ---- the end ---------------------------------------------------------------------------------------------------

    def leg_ended(self) -> None:
        for referral in list(self._theirs):
            referral.leg_ended()
        for asked in list(self._ours):
            self._settle(asked, asked.last)
