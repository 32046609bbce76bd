"""A leg that we place: an INVITE of ours to a phone or a trunk, until its dialog ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from pbx.endpoint import ALLOW, Endpoint, token
from pbx.leg import Identity, Leg, LegEnd, head_of
from pbx.net.transport import Flow
from pbx.sip import offer_answer
from pbx.sip.dialog import Dialog
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.headers import Headers
from pbx.sip.message import Request, Response
from pbx.sip.offer_answer import Codec, NotAcceptable
from pbx.sip.sdp import Sdp
from pbx.sip.transaction.effects import Reason
from pbx.transactions import ClientTransaction


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an INVITE goes: the Request-URI, and the flow that leads there."""

    uri: str
    flow: Flow
    number: str  # user part of our To


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
        self, endpoint: Endpoint, *, call_id: UUID, leg_id: UUID, destination: Destination, caller: Identity
    ) -> None:
        called = Identity(destination.number)
        super().__init__(endpoint, call_id=call_id, leg_id=leg_id, flow=destination.flow, remote=called)
        self.destination = destination
        self.caller = caller
        self.local_tag = token()
        self.sip_call_id = endpoint.sip_call_id()
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_ringing: Callable[[], None] | None = None
        self._stage = _Stage.IDLE
        self._invite: Request | None = None
        self._transaction: ClientTransaction | None = None
        self._acks: dict[str, Request] = {}
        self.contact_user = caller.number if caller.number.isalnum() else "dzvin"

    # ---- placing the call ----------------------------------------------------------------------------------------

    def dial(self, codecs: Sequence[Codec]) -> None:
        """Send the INVITE. `open_media` comes first. Raises Overloaded."""
        self._offered = self._offer(codecs)
        self._invite = self._make_invite(self._offered.serialise())
        self._stage = _Stage.CALLING
        self._transaction = self.endpoint.transactions.request(
            self._invite, self.flow, on_response=self._responded, on_end=self._transaction_over
        )
        self.remember()

    def _make_invite(self, body: bytes) -> Request:
        headers = Headers()
        headers.add("Via", self.endpoint.via(self.flow))
        headers.add("Max-Forwards", "70")
        headers.add("From", f"{self.caller.name_addr(self.endpoint.domain)};tag={self.local_tag}")
        headers.add("To", Identity(self.destination.number).name_addr(self.endpoint.domain))
        headers.add("Call-ID", self.sip_call_id)
        headers.add("CSeq", "1 INVITE")
        headers.add("Contact", self.endpoint.contact(self.flow, self.contact_user))
        headers.add("Allow", ALLOW)
        headers.add("Content-Type", "application/sdp")
        return Request("INVITE", self.destination.uri, headers, body)

    def hang_up(self, reason: LegEnd = LegEnd.HUNG_UP) -> None:
        if self.is_over:
            return
        if self._stage is _Stage.PROCEEDING:
            self._cancel()
        elif self._stage is _Stage.CALLING:
            # §9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent".
            self._stage = _Stage.GIVEN_UP
        super().hang_up(reason)

    def _cancel(self) -> None:
        assert self._transaction is not None
        self._stage = _Stage.CANCELLED
        self.endpoint.transactions.cancel(self._transaction)

    # ---- from the network ----------------------------------------------------------------------------------------

    def _responded(self, response: Response) -> None:
        if response.is_success:
            self.succeeded(response)
        elif response.is_provisional:
            self._provisional(response)
        else:
            self._stage = _Stage.DONE
            self.finish(LegEnd.REFUSED, response.status)

    def _provisional(self, response: Response) -> None:
        if self._stage is _Stage.GIVEN_UP:
            self._cancel()
        elif self._stage in (_Stage.CALLING, _Stage.PROCEEDING):
            self._stage = _Stage.PROCEEDING
            if response.status > 100 and self.on_ringing is not None:
                self.on_ringing()

    def succeeded(self, response: Response) -> None:
        """A 2xx to our INVITE: the first, a retransmission, another branch's, or one that crossed our CANCEL."""
        tag = response.to.tag or ""
        if tag in self._acks:  # a retransmission: our ACK was lost (§13.2.2.4)
            self.endpoint.transactions.send_stateless(self._acks[tag], self.flow)
            return
        assert self._invite is not None
        dialog = Dialog.from_uac(self._invite, response)
        ack = dialog.ack(self._invite.cseq.number, via=self.endpoint.via(self.flow))
        self._acks[tag] = ack
        self.endpoint.transactions.send_stateless(ack, self.flow)
        if self.is_over or self.dialog is not None:
            # The 200 crossed our CANCEL, or a second branch answered: nobody owns that call. Take it down.
            self._send(dialog.request("BYE", via=self.endpoint.via(self.flow)))
            return
        self._confirm(dialog, response)

    def _confirm(self, dialog: Dialog, response: Response) -> None:
        assert self._offered is not None
        self._stage = _Stage.DONE
        self.dialog = dialog
        try:
            self.use(offer_answer.accept(self._offered, Sdp.parse(response.body)))
        except (RemoteProtocolError, NotAcceptable):
            self.hang_up(LegEnd.REFUSED)
            return
        self._offered = None
        self.remember()
        if not self.answered.done():
            self.answered.set_result(None)

    def _send(self, request: Request) -> None:
        """Send a request whose answer changes nothing here."""
        self.endpoint.transactions.request(request, self.flow, on_response=lambda _: None, on_end=lambda _: None)

    def _transaction_over(self, reason: Reason) -> None:
        if reason is Reason.TIMEOUT:
            self.finish(LegEnd.TIMEOUT, 408)
        elif reason is Reason.TRANSPORT:
            self.finish(LegEnd.UNREACHABLE, 503)

    def _pending_invite(self, dialog: object) -> tuple[str, bool]:
        if dialog is not None or self._invite is None:
            return "", True
        return head_of(self._invite), True
