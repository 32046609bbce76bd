"""A leg: one SIP dialog with its media, as the rooms above see it.

They ring, answer, hang up and listen for digits; they never see a Request. A leg ends exactly once (`ended`), whoever
ends it, and `close` gives its media back. Only the task of its call touches a leg; the network reaches it through the
user agent on the same loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from pbx.endpoint import Endpoint
from pbx.leg.alignment import align
from pbx.leg.asking import Asking
from pbx.leg.cookie import Cookie
from pbx.leg.digits import DigitPath
from pbx.leg.modification import Modification
from pbx.leg.referrals import Referral, Referrals
from pbx.leg.session_watch import SessionWatch
from pbx.leg.sound import Sound
from pbx.leg.streams import Streams
from pbx.leg.successes import Successes
from pbx.leg.usage import InviteUsage
from pbx.leg.values import Ended, Identity, LegEnd
from pbx.media.client import Digit, Event, LegLost, MediaLeg, MediaSilent
from pbx.net.transport import Flow
from pbx.sip.dialog import TARGET_REFRESH, Dialog
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.multipart import session_body
from pbx.sip.offer_answer import Answer, Codec, Direction
from pbx.sip.reason import Cause, cause_of
from pbx.sip.reply import reply
from pbx.sip.secure_media import SrtpPolicy
from pbx.transactions import ServerTransaction

log = structlog.get_logger("pbx.leg")

Inside = Callable[[Request, ServerTransaction, InviteUsage], None]
"""Answers a request inside a dialog. Raises RemoteProtocolError with the status to answer."""

Proof = Callable[[Request, Response, Flow | None], tuple[str, str] | None]
"""Given a request of ours, its 401 or 407 and where that came from: the header that proves who we are, or None."""

MAX_FORWARDS = 70

# ITU-T Q.850: "temporary failure", and "recovery on timer expiry".
WORKER_LOST = Cause("Q.850", 41, "media lost")
SILENT_TOO_LONG = Cause("Q.850", 102, "no media")


class Leg:
    """Common ground of InboundLeg and OutboundLeg."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        call_id: UUID,
        leg_id: UUID,
        flow: Flow,
        remote: Identity,
        max_forwards: int = MAX_FORWARDS,
    ) -> None:
        self.endpoint = endpoint
        self.call_id = call_id
        self.leg_id = leg_id
        self._flow = flow
        self.remote = remote
        self.max_forwards = max_forwards
        """What a request that follows from this leg may still carry (RFC 7332)."""
        self.usage: InviteUsage | None = None
        self.owns_call_id = False
        self.srtp: SrtpPolicy | None = None  # of this peer; None: as is set for all
        self.proof: Proof | None = None
        self.knows_identity = False
        """Whether the other side may be told who talks to it: a phone of ours, or a trusted trunk (RFC 3325)."""
        self.media: MediaLeg | None = None
        self.sound = Sound()
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.on_hold: Callable[[bool], None] | None = None
        self.on_refer: Callable[[Referral], None] | None = None
        self.contact_user = "dzvin"
        self._first_success: int | None = None  # CSeq of the INVITE that made the dialog, when we are its UAS
        self._late_offer: int | None = None  # CSeq of the INVITE that our last 2xx with an offer answers
        self._leaving: Cause | None = None  # the BYE that may only go after the ACK
        self._byes = 0  # that have no final response yet
        self._closed = False
        self._on_released: list[Callable[[Leg], None]] = []
        self._on_gone: list[Callable[[], None]] = []
        self._on_changed: list[Callable[[Leg], None]] = []
        self._assemble()

    def _assemble(self) -> None:
        self.streams = Streams(self)
        self.successes = Successes(self)
        self.session = SessionWatch(self)
        self.changes = Modification(self)
        self.path = DigitPath(self)
        self.referrals = Referrals(self)

    def inside(self, method: str) -> Inside | None:
        """Who answers a request with that method inside the dialog; None: nobody here."""
        match method:
            case "BYE":
                return self._hung_up
            case "OPTIONS":
                return self._asked_options
            case "INVITE":
                return self.changes.reinvited
            case "UPDATE":
                return self.changes.updated
            case "INFO":
                return self.path.informed
            case "REFER":
                return self.referrals.referred
            case "NOTIFY":
                return self.referrals.notified
            case "SUBSCRIBE":
                return self.referrals.subscribed
        return None

    @property
    def flow(self) -> Flow:
        """The way to the other side, now: a phone that lost its connection is found where it has registered since."""
        self._flow = self.endpoint.follow(self._flow)
        return self._flow

    @flow.setter
    def flow(self, flow: Flow) -> None:
        self._flow = flow

    # ---- state -----------------------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        return self.ended.done()

    @property
    def is_confirmed(self) -> bool:
        return self.usage is not None and self.usage.is_confirmed

    @property
    def is_settled(self) -> bool:
        """Whether an answer of ours is sure to arrive: what went out unreliably before the end of the INVITE is not."""
        return True

    @property
    def dialog(self) -> Dialog | None:
        return self.usage.dialog if self.usage is not None else None

    @property
    def held(self) -> bool:
        """The other side has put us on hold."""
        return self.streams.held

    @property
    def negotiated(self) -> Answer | None:
        return self.streams.negotiated

    @property
    def digits(self) -> asyncio.Queue[str]:
        """Digits that the other side pressed, by RTP or by INFO; the oldest 64."""
        return self.path.digits

    @property
    def on_digit(self) -> Callable[[str], None] | None:
        """Called for every digit that the other side presses, beside `digits`."""
        return self.path.on_digit

    @on_digit.setter
    def on_digit(self, callback: Callable[[str], None] | None) -> None:
        self.path.on_digit = callback

    def on_released(self, callback: Callable[[Leg], None]) -> None:
        """Called once, when the leg is closed: nobody speaks on it any more."""
        self._on_released.append(callback)

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Called once, when the network has no business with this leg any more: later than `on_released` while the
        answer to our BYE, or the ACK before it, is still to come."""
        self._on_gone.append(callback)

    def on_changed(self, callback: Callable[[Leg], None]) -> None:
        """Called whenever what a lamp would show changes: it rings, is answered, is held or taken back, is over."""
        self._on_changed.append(callback)

    def changed(self) -> None:
        for callback in self._on_changed:
            callback(self)

    def usage_of(self, request: Request) -> InviteUsage | None:
        """The dialog that a request belongs to, by the peer's tag. Its Call-ID and our tag are known to fit."""
        usage = self.usage
        return usage if usage is not None and usage.dialog.remote_tag == (request.from_.tag or "") else None

    def has_dialog(self, remote_tag: str) -> bool:
        """Whether a dialog of this leg, early ones too, has that tag of the other side."""
        return self.usage is not None and self.usage.dialog.remote_tag == remote_tag

    # ---- the end ---------------------------------------------------------------------------------------------------

    def hang_up(self, reason: LegEnd = LegEnd.HUNG_UP, cause: Cause | None = None) -> None:
        """End the leg whatever its state. `cause`: what its Reason header shall say. The answer to our BYE is not
        waited for."""
        if self.is_over:
            return
        if self.is_confirmed:
            self._leave(cause)
        self.finish(reason)

    def finish(self, reason: LegEnd, status: int | None = None, cause: Cause | None = None) -> None:
        """The leg is over; nothing more is sent but what is under way."""
        if self.ended.done():
            return
        if self.usage is not None:
            self.usage.dialog.terminate()
        if self._leaving is None:
            self.successes.stop()
        self.session.stop()
        self.changes.stop()
        self.referrals.leg_ended()
        self.ended.set_result(Ended(reason, status, cause))
        # The call says at its end what became of it, and its facts say the rest: legs are for who looks for a fault.
        log.debug("leg ended", call_id=self.call_id, leg=self.leg_id, reason=reason, status=status)
        self.changed()

    async def close(self) -> None:
        """End the leg if it lives and give its media back. Safe to call twice."""
        self.hang_up()
        if self._closed:
            return
        self._closed = True
        self.part()
        self.on_hold = self.on_refer = self.on_digit = self.sound.on_change = None
        released, self._on_released = self._on_released, []
        for callback in released:
            callback(self)
        self._check_gone()
        if self.media is not None:
            self.media.on_event = None
            self.sound.measured(await self.media.close())
        self.sound.on_measured = None

    def _leave(self, cause: Cause | None) -> None:
        # RFC 3261 §15: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an ACK for its
        # 2xx response or until the server transaction times out."
        if self._first_success is not None and self.successes.waits(self._first_success):
            self._leaving = cause or Cause("SIP", None)
        else:
            self._send_bye(cause)

    def _send_bye(self, cause: Cause | None) -> None:
        assert self.usage is not None
        self._byes += 1
        headers = (cause.header,) if cause is not None and cause.code is not None else ()
        Asking(self, self.usage, "BYE", self._bye_answered, headers=headers)

    def _bye_answered(self, _: Response | None) -> None:
        self._byes -= 1
        self._check_gone()

    def _check_gone(self) -> None:
        if self._closed and not self._byes and self._leaving is None:
            callbacks, self._on_gone = self._on_gone, []
            for callback in callbacks:
                callback()

    def never_acknowledged(self, cause: Cause) -> None:
        """A 2xx of ours got no ACK for 64*T1."""
        if self._leaving is not None:
            self._leave_now()
        else:
            self.hang_up(LegEnd.TIMEOUT, cause)

    def _leave_now(self) -> None:
        cause, self._leaving = self._leaving, None
        self.successes.stop()
        self._send_bye(cause)

    # ---- media -----------------------------------------------------------------------------------------------------

    async def open_media(self, near: Leg | None = None) -> MediaLeg:
        """Take a port. Raises NoMedia. `near` puts both legs of a call into one worker."""
        self.media = await self.endpoint.media.open(
            call_id=self.call_id,
            address=self.endpoint.media_address,
            cookie=self.cookie(),
            near=near.media if near is not None else None,
        )
        self.media.on_event = self._media_event
        return self.media

    def is_near(self, other: Leg) -> bool:
        """Whether both are in one media worker, which alone can let them hear each other."""
        return self.media is not None and other.media is not None and self.media.worker is other.media.worker

    async def move_near(self, other: Leg) -> bool:
        """Go on in the media worker of `other`, with a new port that this leg's other side is told. False when that
        refused, or the leg ended: then all is as it was. Raises NoMedia."""
        before = self.media
        assert before is not None
        after = await self.open_media(other)
        moved = await self.renegotiate()
        self.media, left = (after, before) if moved else (before, after)
        left.on_event = None
        await left.close()
        if self._closed:
            await self.media.close()
        return moved

    def join(self, other: Leg) -> None:
        """Each hears the other, and digits go over in whatever way each side takes them."""
        assert self.media is not None
        assert other.media is not None
        self.media.bridge(other.media)
        self.path.join(other.path)

    def align(self, other: Leg) -> None:
        """Who is joined for good: where both sides share a codec and speak two, ask one of them to change."""
        align(self, other)

    def part(self) -> None:
        """Undo `join`; nothing when there was none."""
        if self.path.part() and self.media is not None and not self._closed:
            self.media.unbridge()

    def send_digits(self, digits: str, milliseconds: int = 100) -> None:
        """Press keys towards the other side: RFC 4733 where it takes that, else INFO where it allows that."""
        self.path.send(digits, milliseconds)

    def secure_entry(self, *, on: bool) -> None:
        """Let the other side press what nobody may know, such as the number of a card: while it is on, digits come to
        `digits` only, and nothing that this leg says is recorded. Traces never hold digits."""
        self.path.keep_secret(on=on)

    def _media_event(self, event: Event) -> None:
        match event:
            case Digit(digit=digit, milliseconds=milliseconds):
                self.path.heard(digit, milliseconds)
            case MediaSilent(lost=True):
                self.hang_up(LegEnd.MEDIA_LOST, SILENT_TOO_LONG)
            case LegLost():
                self.hang_up(LegEnd.MEDIA_LOST, WORKER_LOST)
            case _:
                self.sound.take(event)

    # ---- changes of the session ------------------------------------------------------------------------------------

    async def renegotiate(self, direction: Direction | None = None, codecs: Sequence[Codec] | None = None) -> bool:
        """Offer the other side a changed session: another direction (seen from us), other codecs, or our media's
        present address. False when it refused, or the leg ended: then the session is as it was."""
        return await self.changes.renegotiate(direction, codecs)

    def show(self, identity: Identity) -> None:
        """Tell the other side who is on the line now, if it may know and can be told."""
        self.changes.show(identity)

    def refer(self, uri: str, *, replaces: Leg | None = None) -> asyncio.Future[int]:
        """Ask the other side to call `uri`, in place of its dialog with `replaces` if given (REFER). The result is the
        last status that it told, or that of its refusal; 408 when it says nothing. Never raises."""
        return self.referrals.refer(uri, replaces)

    # ---- cookies ---------------------------------------------------------------------------------------------------

    def cookie(self) -> bytes:
        cookie = Cookie(str(self.call_id), str(self.leg_id), str(self.flow))
        if self.is_confirmed and self.usage is not None:
            cookie.dialog = self.usage.dialog.to_state()
        else:
            self._bake_unanswered(cookie)
        return cookie.packed()

    def _bake_unanswered(self, cookie: Cookie) -> None:
        """Add what an end before the answer needs."""

    def remember(self) -> None:
        """Let the media worker keep the dialog as it is now."""
        if self.media is not None and not self.is_over:
            self.media.set_cookie(self.cookie())

    # ---- requests of the other side --------------------------------------------------------------------------------

    def receive(self, request: Request, server: ServerTransaction) -> None:
        """A request inside a dialog of this leg. Raises RemoteProtocolError with the status to answer."""
        usage = self.usage_of(request)
        if usage is None:
            raise RemoteProtocolError("no such dialog", 481)
        usage.dialog.receive(request)
        if request.method in TARGET_REFRESH:
            _ = request.contact  # one that cannot be read is refused before anything has changed
        if self.is_over:
            # RFC 5407 §3.2: between our BYE and its answer "UAs in the Mortal state return error responses to the
            # requests that operate within a dialog or session … However, the UA shall return a 200 OK to the BYE".
            if request.method != "BYE":
                raise RemoteProtocolError("the call is over", 481)
            server.respond(reply(request, 200))
            return
        usage.peer.learn(request)
        answer = self.inside(request.method)
        if answer is None:
            self.pass_on(request, server)
        else:
            answer(request, server, usage)

    def pass_on(self, request: Request, server: ServerTransaction) -> None:
        """What is not of the call itself: another room may have said that it answers such requests."""
        elsewhere = self.endpoint.inside.get(request.method)
        if elsewhere is None:
            if "event" in request.headers:
                raise RemoteProtocolError("no such event", 489, headers=(self.endpoint.capabilities.allow_events,))
            raise RemoteProtocolError("method not allowed here", 405, headers=(self.endpoint.capabilities.allow,))
        elsewhere(self, request, server)

    def _hung_up(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        server.respond(reply(request, 200))
        self.finish(LegEnd.BYE, cause=cause_of(request))

    def _asked_options(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        server.respond(reply(request, 200, headers=self.endpoint.capabilities.of_options()))

    def acknowledged(self, ack: Request) -> None:
        """The ACK of a 2xx of ours."""
        usage = self.usage_of(ack)
        if usage is None or not self.successes.acknowledged(ack.cseq.number):
            return
        if self._leaving is not None:
            if ack.cseq.number == self._first_success:
                self._leave_now()
        elif not self.is_over and usage.negotiation.ours is not None and ack.cseq.number == self._late_offer:
            self._answered_late(usage, ack)

    def _answered_late(self, usage: InviteUsage, ack: Request) -> None:
        """RFC 3261 §13.2.1: "If the initial offer is in the first reliable non-failure message from the UAS … the
        answer MUST be in the acknowledgement for that message"."""
        first = ack.cseq.number == self._first_success
        try:
            self.streams.take_answer(usage, session_body(ack))
            self.streams.note_hold()
        except RemoteProtocolError as error:
            usage.negotiation.withdraw()
            if first:  # of a re-INVITE the old session still stands
                self.hang_up(LegEnd.REFUSED, Cause("SIP", error.status or 400, error.reason))

    def respond_success(
        self,
        request: Request,
        server: ServerTransaction,
        usage: InviteUsage,
        body: bytes,
        *,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """200 to an INVITE or UPDATE of the peer. An INVITE's is sent again until its ACK comes."""
        response = reply(
            request,
            200,
            to_tag=usage.dialog.local_tag,
            headers=(
                ("Contact", self.endpoint.contact(self.flow, self.contact_user)),
                *self.endpoint.capabilities.of_dialog(),
                *headers,
            ),
            body=body,
            content_type="application/sdp" if body else None,
        )
        server.respond(response)
        if request.method == "INVITE":
            self._late_offer = request.cseq.number if body and usage.negotiation.ours is not None else None
            self.successes.watch(response)
