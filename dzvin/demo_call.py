"""One call of a simulated phone: a dialog and a voice, from either end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dzvin.demo_voice import VoicePort
from pbx.endpoint import token
from pbx.sip import offer_answer
from pbx.sip.dialog import Dialog, GiveUp, StopWaiting, SuccessRetransmission, Wait
from pbx.sip.message import Request, Response
from pbx.sip.reply import reply
from pbx.sip.sdp import CONTENT_TYPE, Sdp
from pbx.sip.success_retransmission import RetransmissionEffect
from pbx.sip.transaction.effects import Reason, Send
from pbx.transactions import ClientTransaction, ServerTransaction

if TYPE_CHECKING:
    from dzvin.demo_phone import DemoPhone

CHALLENGES = (401, 407)


class DemoCall:
    """One call from the phone's side. `answered` and `ended` are set once each; `ended` comes whatever happens."""

    def __init__(self, phone: DemoPhone, sip_call_id: str) -> None:
        loop = asyncio.get_running_loop()
        self.phone = phone
        self.sip_call_id = sip_call_id
        self.local_tag = token()
        self.answered: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._audio = VoicePort(phone.host, phone.voice, phone.chance)
        self._session_id = phone.chance.getrandbits(32)
        self._version = 0
        self._dialog: Dialog | None = None
        self._offer: Sdp | None = None
        self._invite: Request | None = None
        self._client: ClientTransaction | None = None
        self._server: ServerTransaction | None = None
        self._ack: Request | None = None
        self._unacknowledged: SuccessRetransmission | None = None
        self._proceeding = self._gave_up = False

    # ---- placing -----------------------------------------------------------------------------------------------

    def place(self, number: str, caller: str, name: str, credentials: Sequence[tuple[str, str]] = ()) -> None:
        """Send the INVITE; a challenge is answered once."""
        phone = self.phone
        self._offer = self._offered()
        cseq = self._invite.cseq.number + 1 if self._invite else 1
        shown = f'"{name}" ' if name else ""
        request = phone.request(
            "INVITE", f"sip:{number}@{phone.domain}", f"{shown}<sip:{caller}@{phone.domain}>;tag={self.local_tag}",
            f"<sip:{number}@{phone.domain}>", self.sip_call_id, cseq, credentials, self._offer.serialise(),
        )  # fmt: skip

        def responded(response: Response) -> None:
            if response.status not in CHALLENGES or credentials:
                self._responded(response)
            elif proof := phone.credentials(response, request):
                self.place(number, caller, name, [proof])
            else:
                self.release()

        self._invite = request
        self._client = phone.transactions.request(request, phone.server, on_response=responded, on_end=self._over)

    def _responded(self, response: Response) -> None:
        if response.is_provisional:
            self._proceeding = True
            if self._gave_up:
                self._cancel()
        elif response.is_success:
            self._succeeded(response)
        else:
            self.release()

    def _succeeded(self, response: Response) -> None:
        assert self._invite is not None
        if self._ack is None:
            self._dialog = Dialog.from_uac(self._invite, response)
            self._ack = self._dialog.ack(self._invite.cseq.number, via=self.phone.via())
            assert self._offer is not None
            self._agree(offer_answer.accept(self._offer, Sdp.parse(response.body)))
        self.phone.transactions.send_stateless(self._ack, self.phone.server)
        if self._gave_up:
            self.hang_up()

    def _cancel(self) -> None:
        if self._client is not None:
            self.phone.transactions.cancel(self._client)
            self._client = None

    def _over(self, reason: Reason) -> None:
        if reason is not Reason.DONE:
            self.release()

    # ---- being called ------------------------------------------------------------------------------------------

    def arrived(self, server: ServerTransaction) -> None:
        self._invite, self._server = server.request, server
        server.respond(reply(server.request, 180, to_tag=self.local_tag, headers=[("Contact", self.phone.contact)]))

    def answer(self) -> None:
        """Take the call. Raises RemoteProtocolError when nothing can be agreed on."""
        if self.ended.done() or self._server is None:
            return
        body = self._described(self._server.request)
        response = self._success(self._server.request, body)
        self._dialog = Dialog.from_uas(self._server.request, response)
        self._send_success(self._server, response)

    def refuse(self, status: int) -> None:
        if not self.ended.done() and self._server is not None and self._dialog is None:
            self._server.respond(reply(self._server.request, status, to_tag=self.local_tag))
            self.release()

    def _described(self, invite: Request) -> bytes:
        """Our answer to the offer in an INVITE, or an offer where it makes none."""
        if not invite.body:
            self._offer = self._offered()
            return self._offer.serialise()
        self._version += 1
        agreed = offer_answer.answer(
            Sdp.parse(invite.body), address=self.phone.host, port=self._audio.port, session_id=self._session_id,
            version=self._version,
        )  # fmt: skip
        self._agree(agreed)
        return agreed.sdp.serialise()

    def _success(self, invite: Request, body: bytes) -> Response:
        contact = [("Contact", self.phone.contact)]
        return reply(invite, 200, to_tag=self.local_tag, headers=contact, body=body, content_type=CONTENT_TYPE)

    def _send_success(self, server: ServerTransaction, response: Response) -> None:
        server.respond(response)
        self._unacknowledged = SuccessRetransmission(response)
        self._perform(self._unacknowledged.start())

    def _perform(self, effects: Sequence[RetransmissionEffect]) -> None:
        for effect in effects:
            match effect:
                case Send(message):
                    self.phone.transactions.send_stateless(message, self.phone.server)
                case Wait(seconds):
                    self.phone.timers.start(self, seconds, self._again)
                case StopWaiting():
                    self.phone.timers.stop(self)
                case GiveUp():
                    self.hang_up()

    def _again(self) -> None:
        if self._unacknowledged is not None:
            self._perform(self._unacknowledged.fired())

    # ---- both --------------------------------------------------------------------------------------------------

    def hang_up(self) -> None:
        """End the call in whatever state it is."""
        if self.ended.done():
            return
        if self._dialog is not None:
            bye = self._dialog.request("BYE", via=self.phone.via())
            self.phone.transactions.request(bye, self.phone.server, on_response=_unheard, on_end=_unheard)
            self.release()
        elif self._server is not None:
            self.refuse(480)
        else:
            self._gave_up = True
            if self._proceeding:
                self._cancel()

    def press(self, digit: str) -> None:
        """Press a key of the keypad; heard only once the call is up."""
        self._audio.press(digit)

    def receive(self, request: Request, server: ServerTransaction) -> None:
        """A request inside this dialog, or the CANCEL of its INVITE."""
        match request.method:
            case "CANCEL":
                server.respond(reply(request, 200, to_tag=self.local_tag))
                self.refuse(487)
            case "BYE":
                server.respond(reply(request, 200))
                self.release()
            case "INVITE":
                self._send_success(server, self._success(request, self._described(request)))
            case _:
                server.respond(reply(request, 200))

    def acknowledged(self, ack: Request) -> None:
        if self._unacknowledged is not None:
            self._perform(self._unacknowledged.acknowledged())
            self._unacknowledged = None
        if ack.body and self._offer is not None:
            self._agree(offer_answer.accept(self._offer, Sdp.parse(ack.body)))

    def _offered(self) -> Sdp:
        self._version += 1
        return offer_answer.offer(
            address=self.phone.host, port=self._audio.port, session_id=self._session_id, version=self._version
        )

    def _agree(self, agreed: offer_answer.Answer) -> None:
        self._audio.speak(agreed)
        if not self.answered.done():
            self.answered.set_result(None)

    def release(self) -> None:
        """The call is over: be silent and forgotten. Nothing is sent."""
        if self.ended.done():
            return
        self.ended.set_result(None)
        self.answered.cancel()
        if self._unacknowledged is not None:
            self._perform(self._unacknowledged.acknowledged())
        self._audio.close()
        self.phone.forget(self)


def _unheard(_: object) -> None:
    """For requests whose answer changes nothing."""
