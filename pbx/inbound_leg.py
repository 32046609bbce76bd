"""A leg that somebody called us on: an INVITE that passed the door, until its dialog ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from pbx.endpoint import Endpoint, token
from pbx.leg import Cookie, Identity, InviteUsage, Leg, LegEnd
from pbx.leg.cookie import head_of
from pbx.leg.leg import Inside
from pbx.sip.dialog import Dialog
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.sip.multipart import session_body
from pbx.sip.negotiation import retry_after
from pbx.sip.offer_answer import COMFORT_NOISE, TELEPHONE_EVENT, Codec, check_family, in_common
from pbx.sip.reason import Cause, cause_of
from pbx.sip.reliable import FIRST_RSEQ, OPTION, Acknowledged, Provide, RAck, ReliableEffect, ReliableProvisionals
from pbx.sip.reply import reply
from pbx.sip.sdp import Sdp
from pbx.sip.session_timer import Agreed
from pbx.sip.success_retransmission import GiveUp, StopWaiting, Wait
from pbx.sip.transaction.effects import Send
from pbx.transactions import ServerTransaction

RING_AGAIN = 60.0  # seconds. RFC 3261 §13.3.1.1: a proxy gives up on an INVITE that is silent for three minutes
LONGEST_WAIT = 7200  # seconds of an Expires header that are taken literally


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who knocks, and for which number. replaces: the leg whose place the call shall take (RFC 3891). diverted_by: the
    number that sent the call on, as a trunk says."""

    dialled: str  # user part of the Request-URI, unescaped
    user: str | None  # the authenticated extension
    trunk: str | None  # the trunk's name, when it came through one
    replaces: Leg | None = None
    diverted_by: str | None = None
    max_forwards: int = 70


class InboundLeg(Leg):
    def __init__(
        self,
        endpoint: Endpoint,
        *,
        call_id: UUID,
        leg_id: UUID,
        server: ServerTransaction,
        remote: Identity,
        arrival: Arrival,
        offered: Sdp | None,
        session: tuple[Agreed | None, Sequence[tuple[str, str]]] = (None, ()),
    ) -> None:
        """`session`: what the 200 will say of the session timer."""
        hops = max(arrival.max_forwards - 1, 0)
        super().__init__(endpoint, call_id=call_id, leg_id=leg_id, flow=server.flow, remote=remote, max_forwards=hops)
        request = server.request
        self.arrival = arrival
        self.offered = offered
        self._codecs: tuple[Codec, ...] | None = None  # in common with the caller, once somebody has asked
        self.local_tag = token()
        self.knows_identity = arrival.user is not None
        self.contact_user = arrival.dialled if arrival.dialled.isalnum() else "dzvin"
        self._server = server
        self._agreed, self._timer_headers = session
        self._is_reliable = OPTION in request.supported or OPTION in request.require
        self._must_be_reliable = OPTION in request.require
        self._reliable = ReliableProvisionals(1 + int(endpoint.chance() * (FIRST_RSEQ - 1)))
        self._rung: set[tuple[int, bool]] = set()  # status, with a description
        self._ringing: Response | None = None
        self._description = b""  # ours, once it was made: the 200 repeats that of the 183 …
        self._is_described = False  # … unless that went out reliably
        self._was_early = False
        self._answered = False
        self._answer_waits = False  # for a PRACK
        self._expire(request)

    def inside(self, method: str) -> Inside | None:
        match method:
            case "PRACK":
                return self._pracked
            case "UPDATE":
                return self._updated
        return super().inside(method)

    @property
    def sip_call_id(self) -> str:
        return self._server.request.sip_call_id

    @property
    def is_answered(self) -> bool:
        return self._answered

    @property
    def is_settled(self) -> bool:
        return self._answered or self._is_described or not self._description

    def codecs(self) -> tuple[Codec, ...]:
        """What the caller can be joined with: codecs of the offer that we know, in the caller's order, then G.711,
        then all others of ours. Empty when there is no speech codec in common, or its secrecy is not to be had.
        Telephone-event is always among them: a caller without it may send its digits by INFO, and they go over in the
        way that the other side takes. Comfort noise only where the caller knows it."""
        if self._codecs is None:
            ours = self.endpoint.codecs_for(self.flow)
            common = ours if self.offered is None else in_common(self.offered, ours)
            if self.offered is not None and not self.streams.secrecy.can_answer(self.offered):
                common = ()
            speech = [codec for codec in common if codec.name != TELEPHONE_EVENT.name]
            noise = in_common(self.offered, (COMFORT_NOISE,)) if self.offered is not None else ()
            self._codecs = (*self.endpoint.joinable(speech), *noise) if speech else ()
        return self._codecs

    # ---- before the answer -----------------------------------------------------------------------------------------

    def ring(self, early_media: bool = False) -> None:
        """180: the caller's phone makes its own ringing tone. `early_media`: 183 with a description of ours, so that
        the caller hears what this leg plays or is joined with; `open_media` comes first. Raises NotAcceptable.

        A caller who made no offer, and cannot be sent ours before the answer (no 100rel), gets a plain 180 either way.
        """
        if self.is_over or self._answered:
            return
        if early_media and not self._description and (self.offered is not None or self._is_reliable):
            self._describe()
        status = 183 if early_media and self._description else 180
        if (status, bool(self._description)) in self._rung:
            return
        self._rung.add((status, bool(self._description)))
        self._provide(status)

    def _describe(self) -> None:
        usage = self._early_usage()
        if self.offered is not None:
            self._description = self.streams.answer_to(usage, self.offered)
        else:
            # RFC 3261 §13.2.1: the offer may be in a reliable provisional response; its answer comes in the PRACK.
            offer = self.streams.offer(usage)
            usage.negotiation.offer(offer)
            self._description = offer.serialise()

    def _provide(self, status: int) -> None:
        # Reliably when the caller insists, or when a description must not be lost and the caller can.
        reliable = self._must_be_reliable or (self._is_reliable and bool(self._description))
        body = self._description
        if reliable:
            # RFC 3262 §5: once a description went out reliably, it is the answer; it is not sent twice.
            body = b"" if self._is_described else self._description
            self._is_described = self._is_described or bool(body)
        response = self._response(status, body=body)
        self._early_usage()
        if reliable:
            self._perform(self._reliable.send(response))
        else:
            self._server.respond(response)
        rings, self._ringing = self._ringing is None, response
        self._ring_again()
        if rings:
            self.changed()

    def _ring_again(self) -> None:
        # RFC 3261 §13.3.1.1: "the UAS … MUST send a non-100 provisional response at every minute, to handle the
        # possibility of lost provisional responses." A reliable one is not lost; RFC 3262 §3 asks for a new one each
        # 2.5 minutes, and a plain repetition is as good to the proxies that wait.
        self.endpoint.timers.start((self, "ringing"), RING_AGAIN, self._repeat_ringing)

    def _repeat_ringing(self) -> None:
        if self._ringing is not None and not self.is_over and not self._answered:
            if self._must_be_reliable:
                self._perform(self._reliable.send(self._response(self._ringing.status)))
            else:
                self._server.respond(self._response(self._ringing.status))
            self._ring_again()

    def _expire(self, request: Request) -> None:
        # RFC 3261 §13.3.1: "If the request is an INVITE that contains an Expires header field, the UAS core sets a
        # timer for the number of seconds indicated in the header field value."
        if request.expires is not None and request.expires <= LONGEST_WAIT:
            self.endpoint.timers.start((self, "expires"), request.expires, self._expired)

    def _expired(self) -> None:
        if not self.is_over and not self._answered:
            self._final(487)
            self.finish(LegEnd.CANCEL, 487)

    def _early_usage(self) -> InviteUsage:
        if self.usage is None:
            request = self._server.request
            self.usage = InviteUsage(dialog=Dialog.from_uas(request, reply(request, 180, to_tag=self.local_tag)))
            self.usage.peer.learn(request)
            if self.offered is not None:
                self.usage.negotiation.offered(self.offered)
        return self.usage

    # ---- the answer ------------------------------------------------------------------------------------------------

    def answer(self, speaking: Codec | None = None) -> None:
        """Take the call: 200 with our answer, or with an offer of ours when the INVITE had none. While the caller's
        PRACK of a description is under way the 200 waits for it. `speaking`: the codec of the leg that this one will
        be joined with, which is chosen where the caller offers it.

        Raises NotAcceptable when no codec fits: then `refuse(488)`.
        """
        if self.is_over or self._answered:
            return
        usage = self._early_usage()
        self._was_early = bool(self._description)
        if not self._was_early:
            self.streams.preferred = speaking
            self._describe()
        self._answered = True
        # RFC 3262 §3: "unless the final response is 2xx and any of the unacknowledged reliable provisional responses
        # contained a session description. In that case, it MUST NOT send a final response until those … are
        # acknowledged."
        if self._reliable.waits_for_session:
            self._answer_waits = True
        else:
            self._send_answer(usage)

    def _send_answer(self, usage: InviteUsage) -> None:
        self._answer_waits = False
        self._over_ringing()
        request = self._server.request
        usage.dialog.confirm()
        self._first_success = request.cseq.number
        body = b"" if self._is_described else self._description
        self.remember()  # before they know that they are connected
        self.respond_success(request, self._server, usage, body, headers=self._timer_headers)
        if self._was_early and usage.agreement is not None:
            self.streams.use(usage)  # now the other side begins to speak
        self.session.agree(self._agreed)
        self.changed()

    def refuse(self, status: int, *, headers: Iterable[tuple[str, str]] = (), cause: Cause | None = None) -> None:
        """A final failure response. Nothing if the caller was answered or has gone."""
        if self.is_over or self._answered:
            return
        self._final(status, (*headers, *([cause.header] if cause is not None else ())))
        self.finish(LegEnd.REFUSED, status)

    def hang_up(self, reason: LegEnd = LegEnd.HUNG_UP, cause: Cause | None = None) -> None:
        if self.is_over:
            return
        if not self._answered:
            self.refuse(480, cause=cause)
        elif self._answer_waits:
            self._final(480)
            self.finish(reason)
        else:
            super().hang_up(reason, cause)

    def finish(self, reason: LegEnd, status: int | None = None, cause: Cause | None = None) -> None:
        self._over_ringing()
        super().finish(reason, status, cause)

    def cancelled(self, cancel: ServerTransaction) -> None:
        """RFC 3261 §9.2: the CANCEL gets 200; the INVITE, if still unanswered, 487."""
        cancel.respond(reply(cancel.request, 200, to_tag=self.local_tag))
        if not self.is_over and (not self._answered or self._answer_waits):
            self._final(487)
            self.finish(LegEnd.CANCEL, 487, cause_of(cancel.request))

    def _hung_up(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        unanswered = not self._answered or self._answer_waits
        super()._hung_up(request, server, usage)
        if unanswered:
            # §15.1.2, a BYE in the early dialog: "The UAS MUST still respond to any pending requests received for that
            # dialog. It is RECOMMENDED that a 487 (Request Terminated) response be generated to those pending
            # requests."
            self._final(487)

    def _final(self, status: int, headers: Iterable[tuple[str, str]] = ()) -> None:
        self._over_ringing()
        self._server.respond(reply(self._server.request, status, to_tag=self.local_tag, headers=headers))

    def _over_ringing(self) -> None:
        self._perform(self._reliable.answered())
        self.endpoint.timers.stop((self, "ringing"))
        self.endpoint.timers.stop((self, "expires"))

    def _response(self, status: int, *, body: bytes = b"") -> Response:
        contact = ("Contact", self.endpoint.contact(self.flow, self.contact_user))
        return reply(
            self._server.request,
            status,
            to_tag=self.local_tag,
            headers=(contact, self.endpoint.capabilities.allow, self.endpoint.capabilities.supported),
            body=body,
            content_type="application/sdp" if body else None,
        )

    # ---- PRACK -----------------------------------------------------------------------------------------------------

    def _pracked(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        """RFC 3262 §3 and §5: a PRACK may carry the answer to our offer, or an offer of its own."""
        rack = RAck.of(request)
        body = session_body(request)
        provisional = self._reliable.expects(rack)
        if provisional is not None and provisional.body and usage.negotiation.ours is not None:
            self.streams.take_answer(usage, body)
            body = b""
        effects = self._reliable.acknowledged(rack)
        server.respond(self._prack_response(request, usage, body))
        self._perform(effects)

    def _prack_response(self, request: Request, usage: InviteUsage, offered: bytes) -> Response:
        """The response that the PRACK acknowledges has arrived, even if the offer beside it cannot be taken."""
        if not offered:
            return reply(request, 200)
        try:
            usage.negotiation.updated(retry_after(self.endpoint.chance()))
            answer = self.streams.answer_to(usage, Sdp.parse(offered))
        except RemoteProtocolError as error:
            return reply(request, error.status or 400, headers=error.headers)
        return reply(request, 200, body=answer, content_type="application/sdp")

    def _updated(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        # RFC 6337 §2.1: an answer in an unreliable response is only a preview, so the INVITE's offer is still open and
        # RFC 3311 §5.2 holds.
        if request.body and not self.is_settled:
            later = (("Retry-After", str(retry_after(self.endpoint.chance()))),)
            raise RemoteProtocolError("our answer may not have arrived", 500, headers=later)
        self.changes.updated(request, server, usage)

    def _perform(self, effects: Sequence[ReliableEffect]) -> None:
        timers = self.endpoint.timers
        for effect in effects:
            match effect:
                case Provide(response):
                    self._server.respond(response)
                case Send(message):
                    self.endpoint.transactions.send_stateless(message, self.flow)
                case Wait(seconds):
                    timers.start((self, "reliable"), seconds, lambda: self._perform(self._reliable.fired()))
                case StopWaiting():
                    timers.stop((self, "reliable"))
                case Acknowledged() if self._answer_waits and not self._reliable.waits_for_session:
                    if self.usage is not None and not self.is_over:
                        self._send_answer(self.usage)
                case Acknowledged():
                    pass
                case GiveUp():
                    self._never_pracked()

    def _never_pracked(self) -> None:
        """RFC 3262 §3: "the UAS SHOULD reject the original request with a 5xx response"."""
        if not self.is_over and (not self._answered or self._answer_waits):
            self._final(504)
            self.finish(LegEnd.TIMEOUT, 504)

    # ---- cookies ---------------------------------------------------------------------------------------------------

    def _bake_unanswered(self, cookie: Cookie) -> None:
        cookie.invite = head_of(self._server.request)
        cookie.tag = self.local_tag


def offered_sdp(request: Request) -> Sdp | None:
    """The offer in an INVITE, or None when it makes none (a late offer).

    Raises RemoteProtocolError: 415 for a body we cannot read, 400 for broken SDP, 488 for IPv6 alone.
    """
    body = session_body(request)
    if not body:
        return None
    offered = Sdp.parse(body)
    check_family(offered)
    return offered
