"""A leg: one SIP dialog with its media, as the rooms above see it.

They ring, answer, hang up and listen for digits; they never see a Request. A leg ends exactly once (`ended`), whoever
ends it, and `close` gives its media back. Only the task of its call touches a leg; the network reaches it through the
user agent on the same loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import msgspec
import structlog

from pbx.endpoint import Endpoint
from pbx.media.client import Digit, Event, LegLost, MediaLeg, MediaSilent
from pbx.media.messages import CodecName, DirectionName
from pbx.net.transport import Flow
from pbx.sip import offer_answer
from pbx.sip.dialog import Dialog, DialogState, GiveUp, StopWaiting, SuccessRetransmission, Wait
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import readable
from pbx.sip.message import Request, Response
from pbx.sip.offer_answer import PCMA, PCMU, TELEPHONE_EVENT, Answer, Codec, Direction, NotAcceptable
from pbx.sip.reply import reply
from pbx.sip.sdp import Sdp
from pbx.sip.success_retransmission import RetransmissionEffect
from pbx.sip.transaction.effects import Send
from pbx.sip.uri import NameAddr, SipUri
from pbx.transactions import Overloaded, ServerTransaction

log = structlog.get_logger("pbx.leg")

CODECS = (PCMA, PCMU, TELEPHONE_EVENT)
"""Preferred first: A-law is what Ukrainian and European networks carry."""

_CODEC_NAMES: dict[str, CodecName] = {"PCMU": "pcmu", "PCMA": "pcma"}
_DIRECTION_NAMES: dict[Direction, DirectionName] = {
    Direction.SENDRECV: "sendrecv",
    Direction.SENDONLY: "sendonly",
    Direction.RECVONLY: "recvonly",
    Direction.INACTIVE: "inactive",
}

DIGITS_KEPT = 64


class LegEnd(StrEnum):
    HUNG_UP = "hung_up"  # we ended it
    BYE = "bye"  # the other side did
    CANCEL = "cancel"  # the caller gave up before the answer
    REFUSED = "refused"  # final failure response, ours or theirs
    TIMEOUT = "timeout"  # no answer to our INVITE, or no ACK to our 200
    UNREACHABLE = "unreachable"
    MEDIA_LOST = "media_lost"  # the media worker died, or no RTP for too long


@dataclass(frozen=True, slots=True)
class Ended:
    reason: LegEnd
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is shown: a SIP number or an outside number, and a display name (hostile text)."""

    number: str
    name: str = ""

    def name_addr(self, domain: str) -> str:
        """The value of a From or To. Whatever the number and the name hold, they stay inside it."""
        uri = SipUri(scheme="sip", user=self.number or "anonymous", host=domain)
        return str(NameAddr(display_name=readable(self.name), uri=uri))


class Cookie(msgspec.Struct, omit_defaults=True):
    """What the media worker keeps for the next core: enough to end this leg if we die. At most 4 KiB."""

    call_id: str
    leg: str
    flow: str = ""
    dialog: dict[str, str | int | list[str]] | None = None
    invite: str = ""  # head of an unanswered INVITE, theirs or ours
    outbound: bool = False


class Leg:
    """Common ground of InboundLeg and OutboundLeg."""

    def __init__(self, endpoint: Endpoint, *, call_id: UUID, leg_id: UUID, flow: Flow, remote: Identity) -> None:
        self.endpoint = endpoint
        self.call_id = call_id
        self.leg_id = leg_id
        self._flow = flow
        self.remote = remote
        self.dialog: Dialog | None = None
        self.media: MediaLeg | None = None
        self.negotiated: Answer | None = None
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.digits: asyncio.Queue[str] = asyncio.Queue(DIGITS_KEPT)
        self.on_hold: Callable[[bool], None] | None = None
        self.held = False
        self.contact_user = "dzvin"
        self.inside: dict[str, Callable[[Request, ServerTransaction], None]] = {
            "BYE": self._hung_up,
            "INVITE": self._reinvited,
            "OPTIONS": self._asked_options,
        }
        self._sdp_version = 1
        self._session_id = int.from_bytes(leg_id.bytes[-6:], "big")
        self._unacknowledged: SuccessRetransmission | None = None
        self._offered: Sdp | None = None  # our offer, while its answer is to come
        self._on_released: list[Callable[[Leg], None]] = []
        self._closed = False

    @property
    def flow(self) -> Flow:
        """The way to the other side, now: a phone that lost its connection is found where it has registered since."""
        self._flow = self.endpoint.follow(self._flow)
        return self._flow

    @flow.setter
    def flow(self, flow: Flow) -> None:
        self._flow = flow

    # ---- state -------------------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        return self.ended.done()

    @property
    def is_confirmed(self) -> bool:
        return self.dialog is not None and self.dialog.state is DialogState.CONFIRMED

    def on_released(self, callback: Callable[[Leg], None]) -> None:
        """Called once, when the network can no longer reach this leg."""
        self._on_released.append(callback)

    def finish(self, reason: LegEnd, status: int | None = None) -> None:
        if self.ended.done():
            return
        if self.dialog is not None:
            self.dialog.terminate()
        if self._unacknowledged is not None:
            self._perform(self._unacknowledged.acknowledged())
            self._unacknowledged = None
        self.ended.set_result(Ended(reason, status))
        log.info("leg ended", call_id=str(self.call_id), leg=str(self.leg_id), reason=reason.value, status=status)

    async def close(self) -> None:
        """End the leg if it lives and give its media back. Safe to call twice."""
        self.hang_up()
        if self._closed:
            return
        self._closed = True
        for callback in self._on_released:
            callback(self)
        if self.media is not None:
            self.media.on_event = None
            await self.media.close()

    # ---- media -------------------------------------------------------------------------------------------------

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

    def use(self, negotiated: Answer) -> None:
        """Send to, and expect from, what offer and answer settled on."""
        assert self.media is not None
        self.negotiated = negotiated
        # On hold by an address of zeros nothing is sent, so where to does not matter.
        address = negotiated.remote_address or "0.0.0.0"
        if ":" in address:
            raise NotAcceptable("IPv6 media is not spoken here yet", 300)
        self.media.update(
            remote_address=address,
            remote_port=negotiated.remote_port,
            codec=_CODEC_NAMES[negotiated.codec.name.upper()],
            payload_type=negotiated.codec.payload_type,
            dtmf_payload_type=negotiated.dtmf_payload_type,
            direction=_DIRECTION_NAMES[negotiated.direction],
            # The SDP's address, or where the phone's signalling comes from (NAT): nobody else may speak.
            sources=tuple(dict.fromkeys((address, self.flow.host))),
            remote_rtcp_port=negotiated.remote_rtcp_port,
        )

    def _media_event(self, event: Event) -> None:
        match event:
            case Digit(digit=digit):
                if not self.digits.full():
                    self.digits.put_nowait(digit)
            case MediaSilent(lost=True) | LegLost():
                self.hang_up(LegEnd.MEDIA_LOST)
            case _:
                pass

    # ---- cookies -----------------------------------------------------------------------------------------------

    def cookie(self) -> bytes:
        dialog = self.dialog.to_state() if self.is_confirmed and self.dialog is not None else None
        cookie = Cookie(str(self.call_id), str(self.leg_id), str(self.flow), dialog, *self._pending_invite(dialog))
        data = msgspec.json.encode(cookie)
        if len(data) > 4096:  # a peer with huge headers: the call can still be told as interrupted
            data = msgspec.json.encode(Cookie(str(self.call_id), str(self.leg_id)))
        return data

    def _pending_invite(self, dialog: object) -> tuple[str, bool]:
        return "", False

    def remember(self) -> None:
        """Let the media worker keep the dialog as it is now."""
        if self.media is not None:
            self.media.set_cookie(self.cookie())

    # ---- requests inside the dialog ------------------------------------------------------------------------------

    def hang_up(self, reason: LegEnd = LegEnd.HUNG_UP) -> None:
        """End the leg whatever its state. The answer to our BYE is not waited for."""
        if self.is_over:
            return
        if self.is_confirmed:
            self._send_bye()
        self.finish(reason)

    def _send_bye(self) -> None:
        assert self.dialog is not None
        bye = self.dialog.request("BYE", via=self.endpoint.via(self.flow))
        try:
            self.endpoint.transactions.request(bye, self.flow, on_response=_ignore, on_end=_ignore)
        except Overloaded:
            self.endpoint.transactions.send_stateless(bye, self.flow)

    def receive(self, request: Request, server: ServerTransaction) -> None:
        """A request inside this dialog. Raises RemoteProtocolError with the status to answer."""
        assert self.dialog is not None
        self.dialog.receive(request)
        answer = self.inside.get(request.method)
        if answer is None:
            raise RemoteProtocolError(f"{request.method} inside a dialog", 405, headers=_ALLOW)
        answer(request, server)

    def _hung_up(self, request: Request, server: ServerTransaction) -> None:
        server.respond(reply(request, 200))
        self.finish(LegEnd.BYE)

    def _asked_options(self, request: Request, server: ServerTransaction) -> None:
        server.respond(reply(request, 200, headers=_ALLOW))

    def _reinvited(self, request: Request, server: ServerTransaction) -> None:
        """Answer a re-INVITE on the spot: hold, resume, a new address. The other leg's dialog is not disturbed."""
        if self._unacknowledged is not None:
            # RFC 3261 §14.2: a second INVITE before the first is done gets a 500 with Retry-After.
            raise RemoteProtocolError("INVITE within INVITE", 500, headers=(("Retry-After", "2"),))
        assert self.media is not None
        assert self.dialog is not None
        self._sdp_version += 1
        if request.body:
            try:
                body, negotiated = self._answer(request.body)
            except NotAcceptable as error:
                raise RemoteProtocolError(str(error), 488) from error
            self.use(negotiated)
            self._note_hold(negotiated.direction)
        else:
            body = self._offer().serialise()
        self._respond_success(request, server, body)
        self.remember()

    def _note_hold(self, ours: Direction) -> None:
        held = ours in (Direction.RECVONLY, Direction.INACTIVE)
        if held != self.held:
            self.held = held
            if self.on_hold is not None:
                self.on_hold(held)

    def acknowledged(self, ack: Request) -> None:
        """The ACK of a 2xx of ours."""
        unacknowledged = self._unacknowledged
        if unacknowledged is None or ack.cseq.number != unacknowledged.response.cseq.number:
            return
        self._unacknowledged = None
        self._perform(unacknowledged.acknowledged())
        if ack.body and self._offered is not None and not self.is_over:
            try:
                self.use(offer_answer.accept(self._offered, Sdp.parse(ack.body)))
            except (RemoteProtocolError, NotAcceptable):
                self.hang_up(LegEnd.REFUSED)
        self._offered = None

    # ---- offers, answers and the 2xx ------------------------------------------------------------------------------

    def _answer(self, body: bytes) -> tuple[bytes, Answer]:
        assert self.media is not None
        answered = offer_answer.answer(
            Sdp.parse(body),
            address=self.endpoint.sdp_address(self.flow, self.media.address),
            port=self.media.port,
            supported=CODECS,
            session_id=self._session_id,
            version=self._sdp_version,
        )
        return answered.sdp.serialise(), answered

    def _offer(self, codecs: Sequence[Codec] = CODECS) -> Sdp:
        assert self.media is not None
        self._offered = offer_answer.offer(
            address=self.endpoint.sdp_address(self.flow, self.media.address),
            port=self.media.port,
            codecs=codecs,
            direction=Direction.SENDRECV,
            session_id=self._session_id,
            version=self._sdp_version,
        )
        return self._offered

    def _respond_success(self, request: Request, server: ServerTransaction, body: bytes) -> None:
        assert self.dialog is not None
        response = reply(
            request,
            200,
            to_tag=self.dialog.local_tag,
            headers=(("Contact", self.endpoint.contact(self.flow, self.contact_user)), *_ALLOW),
            body=body,
            content_type="application/sdp",
        )
        server.respond(response)
        self._watch_success(response)

    def _watch_success(self, response: Response) -> None:
        self._unacknowledged = SuccessRetransmission(response)
        self._perform(self._unacknowledged.start())

    def _perform(self, effects: Sequence[RetransmissionEffect]) -> None:
        for effect in effects:
            match effect:
                case Send(message):
                    self.endpoint.transactions.send_stateless(message, self.flow)
                case Wait(seconds):
                    self.endpoint.timers.start((self, "2xx"), seconds, self._resend)
                case StopWaiting():
                    self.endpoint.timers.stop((self, "2xx"))
                case GiveUp():
                    # RFC 3261 §13.3.1.4: no ACK for 64*T1: the dialog is confirmed, but the session ends by BYE.
                    self.hang_up(LegEnd.TIMEOUT)

    def _resend(self) -> None:
        if self._unacknowledged is not None:
            self._perform(self._unacknowledged.fired())


_ALLOW = (("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS"),)


def head_of(request: Request) -> str:
    """A request without its body, as text for a cookie."""
    return Request(request.method, request.uri, request.headers).serialise().decode("utf-8", "surrogateescape")


def _ignore(_: object) -> None:
    """The answer to a BYE changes nothing: the leg is over."""
