"""Changes of a session inside its dialog: re-INVITE (RFC 3261 §14) and UPDATE (RFC 3311), from either side.

The peer's are answered on the spot: hold, resume, a new address. The other leg's dialog is not disturbed. Ours go one
at a time, wait out a 491 or a 500, and take a refusal for what it is: the session goes on as it was.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbx.leg.asking import Asking
from pbx.leg.part import Part
from pbx.leg.usage import InviteUsage
from pbx.leg.values import Identity, LegEnd
from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.multipart import session_body
from pbx.sip.negotiation import glare_wait, retry_after
from pbx.sip.offer_answer import Codec, Direction
from pbx.sip.reason import Cause
from pbx.sip.sdp import CONTENT_TYPE, Sdp
from pbx.transactions import ServerTransaction

if TYPE_CHECKING:
    from pbx.leg.leg import Leg

MAX_TRIES = 5
MAX_WAITING = 8
LONGEST_RETRY = 30  # seconds that a peer may ask us to wait
BUSY_WAIT = 0.5  # seconds, while the peer's own change is under way


@dataclass(slots=True, kw_only=True, eq=False)
class _Change:
    """What to ask for: `offers` a new description, or only a sign of life. `optional`: nothing depends on it."""

    told: Callable[[bool], None]
    offers: bool = True
    optional: bool = False
    direction: Direction | None = None
    codecs: Sequence[Codec] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    tries: int = field(default=0, init=False)


class Modification(Part["Leg"]):
    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self._waiting: deque[_Change] = deque()
        self._current: _Change | None = None

    # ---- the peer's ------------------------------------------------------------------------------------------------

    def reinvited(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        leg = self._leg
        later = retry_after(leg.endpoint.chance())
        usage.negotiation.invited(later)
        if not usage.is_confirmed:
            # RFC 3261 §14.2: a second INVITE before the first has its final response.
            raise RemoteProtocolError("INVITE within INVITE", 500, headers=(("Retry-After", str(later)),))
        agreed, timer = leg.session.answer(request)
        offered = session_body(request)
        if offered:
            body = leg.streams.answer_to(usage, Sdp.parse(offered))
        else:
            offer = leg.streams.offer(usage)
            usage.negotiation.offer(offer)
            body = offer.serialise()
        usage.dialog.refresh(request)
        leg.respond_success(request, server, usage, body, headers=timer)
        leg.session.agree(agreed)
        self._changed(bool(offered))

    def updated(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        leg = self._leg
        offered = session_body(request)
        if offered:
            usage.negotiation.updated(retry_after(leg.endpoint.chance()))
        agreed, timer = leg.session.answer(request) if usage.is_confirmed else (None, ())
        body = leg.streams.answer_to(usage, Sdp.parse(offered)) if offered else b""
        usage.dialog.refresh(request)
        leg.respond_success(request, server, usage, body, headers=timer)
        if usage.is_confirmed:
            leg.session.agree(agreed)
        self._changed(bool(offered))

    def _changed(self, described: bool) -> None:
        if described:
            self._leg.streams.note_hold()
        self._leg.remember()

    # ---- ours ------------------------------------------------------------------------------------------------------

    async def renegotiate(self, direction: Direction | None, codecs: Sequence[Codec] | None) -> bool:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._ask(_Change(told=lambda agreed: _settle(done, agreed), direction=direction, codecs=codecs))
        return await done

    def prefer(self, codecs: Sequence[Codec], told: Callable[[bool], None]) -> None:
        """Ask the peer to speak one of these. Whatever but an agreement comes of it, all goes on as it was."""
        self._ask(_Change(told=told, codecs=codecs, optional=True))

    def refresh(self) -> None:
        """The session timer asks for a sign of life. When it fails the timer ends the session, not this."""
        self._ask(_Change(told=_unheard, offers=False))

    def show(self, identity: Identity) -> None:
        leg = self._leg
        if leg.knows_identity and not identity.withheld:
            asserted = ("P-Asserted-Identity", identity.asserted(leg.endpoint.domain))
            self._ask(_Change(told=_unheard, offers=False, headers=(asserted,)))

    def stop(self) -> None:
        """The leg is over: nothing will be agreed any more."""
        self._leg.endpoint.timers.stop((self, "again"))
        changes = [*([self._current] if self._current else ()), *self._waiting]
        self._current = None
        self._waiting.clear()
        for change in changes:
            change.told(False)

    def _ask(self, change: _Change) -> None:
        if self._leg.is_over or len(self._waiting) >= MAX_WAITING:
            change.told(False)
            return
        self._waiting.append(change)
        if self._current is None:
            self._next()

    def _next(self) -> None:
        self._current = self._waiting.popleft() if self._waiting else None
        if self._current is not None:
            self._try()

    def _try(self) -> None:
        change, usage = self._current, self._leg.usage
        if change is None:
            return
        if usage is None or self._leg.media is None or change.tries >= MAX_TRIES:
            self._done(False)
        elif not usage.is_confirmed:
            self._try_early(change, usage)
        elif usage.negotiation.is_busy or self._leg.successes.are_waiting:
            # RFC 3261 §14.1, while an INVITE of the peer is in progress: "the TU MUST wait until the transaction
            # reaches the confirmed or terminated state before initiating the new INVITE": until the ACK is here.
            self._again(BUSY_WAIT)
        elif not change.offers and usage.peer.takes("UPDATE"):
            self._send(change, usage, "UPDATE", offers=False)
        else:
            self._send(change, usage, "INVITE", offers=True)

    def _try_early(self, change: _Change, usage: InviteUsage) -> None:
        """RFC 3311 §5.1: before the answer only an UPDATE may change a session, and only once it has one."""
        negotiation = usage.negotiation
        agreed = negotiation.local is not None and not negotiation.is_open and self._leg.is_settled
        if not agreed or not usage.peer.takes("UPDATE"):
            self._done(False)
        else:
            self._send(change, usage, "UPDATE", offers=change.offers)

    def _send(self, change: _Change, usage: InviteUsage, method: str, *, offers: bool) -> None:
        leg = self._leg
        change.tries += 1
        body = b""
        if offers:
            offer = leg.streams.offer(usage, change.codecs, change.direction)
            usage.negotiation.offer(offer)
            body = offer.serialise()
        if method == "INVITE":
            usage.negotiation.inviting = True
        else:
            usage.negotiation.updating = True
        Asking(
            leg,
            usage,
            method,
            lambda response: self._answered(change, usage, method, response),
            headers=(*leg.endpoint.capabilities.of_dialog(), *leg.session.request_headers(), *change.headers),
            body=body,
            content_type=CONTENT_TYPE if body else None,
            early=(lambda response: self._progressed(change, usage, response)) if method == "INVITE" else None,
        )
        leg.remember()

    def _progressed(self, change: _Change, usage: InviteUsage, response: Response) -> None:
        """A reliable provisional response may hold the answer already; then the 2xx need not (RFC 3262 §5)."""
        with suppress(RemoteProtocolError):  # the 2xx will show whether the two sides can agree
            if self._current is change and usage.negotiation.ours is not None and (body := session_body(response)):
                self._take_answer(change, usage, body)

    def _take_answer(self, change: _Change, usage: InviteUsage, body: bytes) -> None:
        streams = self._leg.streams
        streams.direction = change.direction or streams.direction
        streams.take_answer(usage, body)
        streams.note_hold()

    def _answered(self, change: _Change, usage: InviteUsage, method: str, response: Response | None) -> None:
        usage.negotiation.inviting = usage.negotiation.updating = False
        if self._current is not change:  # the leg has ended meanwhile; a 2xx has been acknowledged (RFC 5407 §3.2.3)
            usage.negotiation.withdraw()
        elif response is not None and response.is_success:
            self._agreed(change, usage, response)
        else:
            usage.negotiation.withdraw()
            self._refused(change, usage, method, response)

    def _agreed(self, change: _Change, usage: InviteUsage, response: Response) -> None:
        leg = self._leg
        usage.peer.learn(response)
        if usage.negotiation.ours is not None:
            try:
                self._take_answer(change, usage, session_body(response))
            except RemoteProtocolError as error:
                # Both sides now believe different things of the session, and only one way leads out.
                leg.hang_up(LegEnd.REFUSED, Cause("SIP", error.status or 400, error.reason))
                return
        if change.optional and usage.agreement is not None:
            leg.streams.prefer(usage.agreement.codec)
        if usage.is_confirmed:
            leg.session.accepted(response)
        leg.remember()
        self._done(True)

    def _refused(self, change: _Change, usage: InviteUsage, method: str, response: Response | None) -> None:
        leg = self._leg
        status = response.status if response is not None else 408
        if status == 408 and change.optional:
            self._done(False)  # §12.2.1.2 below says SHOULD: a talk is not ended for something that it does not need
        elif status in (408, 481):
            # RFC 3261 §12.2.1.2: "If the response for a request within a dialog is a 481 … or a 408 …, the UAC SHOULD
            # terminate the dialog. A UAC SHOULD also terminate a dialog if no response at all is received".
            leg.hang_up(LegEnd.TIMEOUT, Cause("SIP", status))
        elif status == 491:
            self._again(glare_wait(owns_call_id=leg.owns_call_id, chance=leg.endpoint.chance()))
        elif response is not None and (seconds := _asked_to_wait(response)) is not None:
            self._again(seconds)
        elif status == 422 and response is not None and leg.session.raise_minimum(response):
            self._try()
        elif method == "UPDATE" and status in (405, 501) and usage.is_confirmed:
            usage.peer.methods -= {"UPDATE"}  # it said otherwise in Allow
            self._try()
        else:
            self._done(False)

    def _again(self, seconds: float) -> None:
        self._leg.endpoint.timers.start((self, "again"), seconds, self._try)

    def _done(self, agreed: bool) -> None:
        change, self._current = self._current, None
        if change is not None:
            change.told(agreed)
        if self._current is None:
            self._next()


def _asked_to_wait(response: Response) -> float | None:
    """RFC 3261 §21.5.1: "If the condition is temporary, the server MAY indicate when the client may retry"."""
    text = (response.headers.get("retry-after") or "").partition(";")[0].partition("(")[0].strip()
    if response.status not in (500, 503) or not text:
        return None
    try:
        return float(lexical.integer(text, LONGEST_RETRY, "Retry-After"))
    except RemoteProtocolError:
        return None


def _settle(done: asyncio.Future[bool], agreed: bool) -> None:
    if not done.done():
        done.set_result(agreed)


def _unheard(_: bool) -> None:
    """Nobody waits to hear whether the peer agreed."""
