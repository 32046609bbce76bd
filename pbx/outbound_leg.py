"""A leg that we place: an INVITE of ours to a phone or a trunk, until its dialog ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

import structlog

from pbx.endpoint import Endpoint, token
from pbx.leg import Cookie, Diversion, Identity, InviteUsage, Leg, LegEnd, Proof
from pbx.leg.asking import MAX_PROOFS, Asking
from pbx.leg.cookie import head_of
from pbx.leg.leg import MAX_FORWARDS
from pbx.net.transport import Flow
from pbx.outbound_invite import Invitation
from pbx.sip.dialog import Dialog
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.lexical import readable
from pbx.sip.message import Request, Response
from pbx.sip.multipart import session_body
from pbx.sip.negotiation import Negotiation
from pbx.sip.offer_answer import Codec
from pbx.sip.reason import ANSWERED_ELSEWHERE, Cause, cause_of
from pbx.sip.reliable import rseq_of
from pbx.sip.reply import reply
from pbx.sip.secure_media import SrtpPolicy
from pbx.sip.transaction.effects import Reason
from pbx.transactions import ClientTransaction, ServerTransaction

log = structlog.get_logger("pbx.outbound_leg")

MAX_FORKS = 32  # early dialogs of one INVITE
SOUND_REFUSED = (488, 606)  # RFC 3261 §21.4.26, §21.6.4: the description is what is not acceptable
MAX_TRIES = 4  # of the INVITE: with a password, with a longer session


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an INVITE goes: the Request-URI, and the flow that leads there.

    trusted: may know who calls though From hides it (RFC 3325). phone: a phone of ours. proof: see `Proof`. routes:
    values of Route headers, for an outbound proxy. dress: rewrites who calls and who is called as a provider wants it.
    contact_user: in our Contact, in place of the caller's number. srtp: None: as is set for all.
    """

    uri: str
    flow: Flow
    number: str  # user part of our To
    trusted: bool = False
    phone: bool = False
    proof: Proof | None = None
    routes: tuple[str, ...] = ()
    dress: Callable[[Headers, Identity, str], None] | None = None
    contact_user: str | None = None
    srtp: SrtpPolicy | None = None


class _Stage(Enum):
    IDLE = auto()
    CALLING = auto()
    PROCEEDING = auto()  # a provisional response came: a CANCEL may be sent (RFC 3261 §9.1)
    GIVEN_UP = auto()  # we want to cancel, but must wait for a provisional response
    CANCELLED = auto()
    DONE = auto()


class OutboundLeg(Leg):
    """`answered` is set when the other side took the call; `ended` when it is over, answered or not."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        call_id: UUID,
        leg_id: UUID,
        destination: Destination,
        caller: Identity,
        auto_answer: bool = False,
        diverted_by: Diversion | None = None,
        max_forwards: int = MAX_FORWARDS,
    ) -> None:
        flow, called = destination.flow, Identity(destination.number)
        super().__init__(endpoint, call_id=call_id, leg_id=leg_id, flow=flow, remote=called, max_forwards=max_forwards)
        self.destination = destination
        self.caller = caller
        self.local_tag = token()
        self.sip_call_id = endpoint.sip_call_id()
        self.owns_call_id = True
        self.proof = destination.proof
        self.knows_identity = destination.trusted or destination.phone
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_ringing: Callable[[], None] | None = None
        self.on_early_media: Callable[[], None] | None = None
        """The other side sends sound before it answers, and `media` takes it. May be called again: for another fork."""
        self.redirected: tuple[str, ...] = ()
        """After a 3xx: the numbers that it names, the preferred first (RFC 3261 §8.1.3.4). Whether to follow is not
        ours."""
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done with the first sign of life from the other side, whatever it says."""
        self.contact_user = destination.contact_user or _contact_user(caller)
        self._invitation = Invitation(self, auto_answer=auto_answer, diverted_by=diverted_by)
        self.rang = False
        """Whether anybody was reached: a provisional response above 100 came."""
        self._stage = _Stage.IDLE
        self._start()

    def _start(self) -> None:
        self._invite: Request | None = None
        self._transaction: ClientTransaction | None = None
        self._forks: dict[str, InviteUsage] = {}  # early dialogs by the peer's tag
        self._negotiation = Negotiation(inviting=True)
        self._acks: dict[str, Request] = {}
        self._tries = 0
        self._proofs: tuple[tuple[str, str], ...] = ()
        self._cancel_cause: Cause | None = None

    @property
    def early(self) -> bool:
        """Whether sound from before the answer is to be had."""
        return self.usage is not None and not self.usage.is_confirmed and self.usage.agreement is not None

    # ---- placing the call ------------------------------------------------------------------------------------------

    def dial(self, codecs: Sequence[Codec] = ()) -> None:
        """Send the INVITE; without `codecs` with all of ours. `open_media` comes first. Raises Overloaded."""
        self.streams.codecs = codecs or self.endpoint.codecs
        self._negotiation.offer(self.streams.offer(None))
        self._send_invite()

    def _send_invite(self, last_cseq: int = 0) -> None:
        offered = self._negotiation.ours
        assert offered is not None
        self._tries += 1
        # One number above all that this Call-ID has seen from us, PRACKs of early dialogs too.
        number = 1 + max(self._invite.cseq.number if self._invite is not None else 0, last_cseq)
        self._invite = self._invitation.make(number, offered.serialise(), self._proofs[-1:])
        self._stage = _Stage.CALLING
        invite = self._invite

        def responded(response: Response) -> None:
            self._responded(invite, response)

        self.remember()  # before it rings: whoever comes after us must be able to end that
        self._transaction = self.endpoint.transactions.request(
            invite, self.flow, on_response=responded, on_end=lambda reason: self._transaction_over(invite, reason)
        )

    def hang_up(self, reason: LegEnd = LegEnd.HUNG_UP, cause: Cause | None = None) -> None:
        if self.is_over:
            return
        self._cancel_cause = cause
        if self._stage is _Stage.PROCEEDING:
            self._cancel(cause)
        elif self._stage is _Stage.CALLING:
            # §9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent".
            self._stage = _Stage.GIVEN_UP
        super().hang_up(reason, cause)

    def forsake(self) -> None:
        """Nobody gave a sign of life, and the call goes elsewhere now: end the leg and send its INVITE no more. Whoever
        had it all the same and answers late is told CANCEL, or BYE."""
        if self._stage is _Stage.CALLING and self._transaction is not None:
            self.endpoint.transactions.forsake(self._transaction)
        self.hang_up()

    def _cancel(self, cause: Cause | None) -> None:
        assert self._transaction is not None
        self._stage = _Stage.CANCELLED
        self.endpoint.transactions.cancel(self._transaction, (cause.header,) if cause is not None else ())

    # ---- responses to the INVITE -----------------------------------------------------------------------------------

    def _responded(self, invite: Request, response: Response) -> None:
        if not self.heard.done():
            self.heard.set_result(None)
        if response.is_success:
            self.succeeded(response)
        elif invite is not self._invite:
            return  # of an INVITE that was sent again
        elif response.is_provisional:
            self._provisional(response)
        else:
            self._failed(invite, response)

    def _provisional(self, response: Response) -> None:
        if self._stage is _Stage.GIVEN_UP:
            self._cancel(self._cancel_cause)
        elif self._stage in (_Stage.CALLING, _Stage.PROCEEDING):
            self._stage = _Stage.PROCEEDING
            if response.status > 100:
                self._progressed(response)

    def _progressed(self, response: Response) -> None:
        tag = response.to.tag or ""
        if response.status == 199:  # RFC 6228: that fork will not answer
            self._drop_fork(tag)
            return
        usage = self._fork(tag, response)
        rseq = rseq_of(response)
        if usage is not None and rseq is not None:
            rack = usage.order.take(response)
            if rack is None:
                return
            Asking(self, usage, "PRACK", _unheard, headers=(("RAck", str(rack)),))
            self.remember()
        self._ring(usage)
        if usage is not None and self._hears(usage, response, reliable=rseq is not None):
            self.usage = usage
            if self.on_early_media is not None:
                self.on_early_media()
            if response.status != 180:
                return
        if self.on_ringing is not None:
            self.on_ringing()

    def _ring(self, usage: InviteUsage | None) -> None:
        """Somebody is there. The dialog that is shown is that of the fork that is heard, else of the latest."""
        rings, self.rang = not self.rang, True
        if usage is not None and not self.early:
            self.usage = usage
        if rings:
            self.changed()

    def _fork(self, tag: str, response: Response) -> InviteUsage | None:
        """The early dialog of that tag. RFC 3261 §12.1: only a response with a tag makes one."""
        usage = self._forks.get(tag)
        if usage is None and tag and len(self._forks) < MAX_FORKS:
            assert self._invite is not None
            try:
                dialog = Dialog.from_uac(self._invite, response)
            except RemoteProtocolError:
                return None  # its Contact or its routes cannot be read; somebody is there all the same
            usage = self._forks[tag] = InviteUsage(dialog=dialog, negotiation=self._negotiation.forked())
        if usage is not None:
            usage.peer.learn(response)
        return usage

    def _hears(self, usage: InviteUsage, response: Response, *, reliable: bool) -> bool:
        """Take the description in a provisional response. The latest fork with one is heard (RFC 3960 §3.1)."""
        try:
            body = session_body(response)
            if not body:
                return False
            if reliable and usage.negotiation.ours is not None:
                self.streams.take_answer(usage, body)
                return True
            return self.streams.preview(usage, body)
        except RemoteProtocolError:
            return False  # the 200 will show whether the two sides can talk

    def _drop_fork(self, tag: str) -> None:
        usage = self._forks.pop(tag, None)
        if usage is not None and usage is self.usage:
            self.usage = None

    def _failed(self, invite: Request, response: Response) -> None:
        # A later INVITE of this call: each fork starts anew.
        if self._stage is not _Stage.CANCELLED and not self.is_over and self._may_try_again(invite, response):
            number = self._last_cseq
            self._forks.clear()
            self.usage = None
            self._send_invite(number)
            return
        self._stage = _Stage.DONE
        if 300 <= response.status < 400:
            self.redirected = targets_of(response)
        self.finish(LegEnd.REFUSED, response.status, cause_of(response))

    def _may_try_again(self, invite: Request, response: Response) -> bool:
        if self._tries >= MAX_TRIES:
            return False
        if response.status == 422:
            return self.session.raise_minimum(response)
        if response.status in SOUND_REFUSED and self.streams.secrecy.insist(self._negotiation.ours):
            self._negotiation.withdraw()
            self._negotiation.offer(self.streams.offer(None))
            return True
        if response.status in (401, 407) and self.proof is not None and len(self._proofs) < MAX_PROOFS:
            source = self._transaction.answered_from if self._transaction is not None else None
            proof = self.proof(invite, response, source)
            if proof is not None:
                self._proofs = (*self._proofs, proof)
                return True
        return False

    def strayed(self, response: Response) -> None:
        """A 2xx to our INVITE that found no transaction: another fork's that comes late, or one whose Via was garbled.
        Then the transaction waits in vain."""
        if self._transaction is not None:
            self.endpoint.transactions.forsake(self._transaction)
        self.succeeded(response)

    def succeeded(self, response: Response) -> None:
        """A 2xx to our INVITE: the first, a retransmission, another fork's, or one that crossed our CANCEL."""
        try:
            self._succeeded(response)
        except RemoteProtocolError as error:
            # It cannot be acknowledged: where to, its Contact or its routes do not say.
            log.info("answer not understood", call_id=str(self.call_id), error=str(error))
            if not self.is_confirmed:  # else it was another fork's, and nothing to the call
                self._stage = _Stage.DONE
                self.finish(LegEnd.REFUSED, error.status)

    def _succeeded(self, response: Response) -> None:
        tag = response.to.tag or ""
        if tag in self._acks:  # a retransmission: our ACK was lost (§13.2.2.4)
            self.endpoint.transactions.send_stateless(self._acks[tag], self.flow)
            return
        if self._invite is None or len(self._acks) >= MAX_FORKS:
            return
        usage = self._forks.pop(tag, None)
        if usage is None:
            dialog = Dialog.from_uac(self._invite, response)
            usage = InviteUsage(dialog=dialog, negotiation=self._negotiation.forked())
        else:
            usage.dialog.confirm(response)
        usage.peer.learn(response)
        usage.negotiation.inviting = False
        number = response.cseq.number
        ack = usage.dialog.ack(number, via=self.endpoint.via(self.flow), headers=self._proofs[-1:])
        self._acks[tag] = ack
        self.endpoint.transactions.send_stateless(ack, self.flow)
        if self.is_over or self._stage is _Stage.DONE:
            # The 200 crossed our CANCEL, or a second fork answered: nobody owns that call. Take it down.
            cause = self._cancel_cause if self.is_over else ANSWERED_ELSEWHERE
            Asking(self, usage, "BYE", _unheard, headers=(cause.header,) if cause is not None else ())
            return
        self._confirm(usage, response)

    def _confirm(self, usage: InviteUsage, response: Response) -> None:
        self._stage = _Stage.DONE
        self.usage = usage
        self._forks.clear()  # the others: their 2xx get ACK and BYE, their requests 481
        try:
            body = session_body(response)
            if usage.negotiation.ours is not None and not body and usage.agreement is not None:
                self.streams.keep_preview(usage)
            elif usage.negotiation.ours is not None:
                self.streams.take_answer(usage, body)
            else:
                # A reliable 183 held the answer. §13.2.1: "The UAC MUST treat the first session description it
                # receives as the answer, and MUST ignore any session descriptions in subsequent responses to the
                # initial INVITE."
                self.streams.use(usage)
        except RemoteProtocolError as error:
            self.hang_up(LegEnd.REFUSED, Cause("SIP", error.status or 400, error.reason))
            return
        self.session.accepted(response)
        self.remember()
        if not self.answered.done():
            self.answered.set_result(None)
        self.changed()

    def _transaction_over(self, invite: Request, reason: Reason) -> None:
        if invite is not self._invite or self._stage is _Stage.DONE:
            return
        if reason is Reason.TIMEOUT:
            self.finish(LegEnd.TIMEOUT, 408)
        elif reason is Reason.TRANSPORT:
            self.finish(LegEnd.UNREACHABLE, 503)

    # ---- early dialogs ---------------------------------------------------------------------------------------------

    def usage_of(self, request: Request) -> InviteUsage | None:
        return super().usage_of(request) or self._forks.get(request.from_.tag or "")

    def has_dialog(self, remote_tag: str) -> bool:
        return super().has_dialog(remote_tag) or remote_tag in self._forks

    @property
    def _last_cseq(self) -> int:
        return max((fork.dialog.local_cseq or 0 for fork in self._forks.values()), default=0)

    def _hung_up(self, request: Request, server: ServerTransaction, usage: InviteUsage) -> None:
        if usage.is_confirmed:
            super()._hung_up(request, server, usage)
            return
        # RFC 3261 §15 forbids the callee a BYE in an early dialog; it comes all the same when its 2xx were lost.
        server.respond(reply(request, 200))
        self._drop_fork(usage.dialog.remote_tag)
        if not self._forks:
            self._cancel(None)
            self.finish(LegEnd.BYE, cause=cause_of(request))

    # ---- cookies ---------------------------------------------------------------------------------------------------

    def _bake_unanswered(self, cookie: Cookie) -> None:
        cookie.outbound = True
        if self._invite is not None:
            cookie.invite = head_of(self._invite)
            cookie.cseq = self._last_cseq


def _contact_user(caller: Identity) -> str:
    return caller.number if caller.number.isalnum() and not caller.withheld else "dzvin"


def targets_of(response: Response) -> tuple[str, ...]:
    """The user parts of a redirection's Contacts by q, each once (RFC 3261 §8.1.3.4); hostile text made readable."""
    try:
        contacts = sorted(response.contacts, key=lambda contact: -_preference(contact.parameters.get("q")))
    except RemoteProtocolError:
        return ()
    return tuple(dict.fromkeys(user for contact in contacts if (user := readable(contact.uri.number))))


def _preference(q: str | None) -> float:
    if q is None or len(q) > 5 or not q.isascii() or not q.replace(".", "", 1).isdigit():
        return 1.0
    return min(float(q), 1.0)


def _unheard(_: Response | None) -> None:
    """The answer changes nothing here."""
