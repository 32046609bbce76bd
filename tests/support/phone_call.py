"""One call of a fake phone: a dialog and its audio, from either end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pbx.sip.message import Request, Response
from tests.support import session
from tests.support.deadlines import DEADLINE, NotInTime, deadline
from tests.support.phone_transactions import Asking, NoAnswer, Repeat
from tests.support.session import Session

if TYPE_CHECKING:
    from tests.support.phone import FakePhone

CHALLENGES = (401, 407)


class Call:
    """Made by `FakePhone.dial` and `FakePhone.rings`. What waits raises NotInTime, with the phone's ladder."""

    def __init__(self, phone: FakePhone, *, sip_call_id: str, local: str, remote: str, cseq: int) -> None:
        self.phone = phone
        self.sip_call_id = sip_call_id
        self.audio = phone.new_audio()
        self.invite: Request | None = None  # the one that the call was made with
        self.responses: list[Response] = []  # to our INVITE
        self.reinvites: list[Request] = []  # from the other side
        self.direction = "sendrecv"  # ours
        self._local, self._remote = local, remote  # name-addr without tag
        self.local_tag, self.remote_tag = secrets.token_hex(4), ""
        self._target = ""
        self._routes: list[str] = []
        self._cseq = cseq
        self._version = 0
        self.offer: bytes | None = None  # to be sent as it is; empty: the offer shall come from the other side
        self._extra: tuple[tuple[str, str], ...] = ()
        loop = asyncio.get_running_loop()
        self._final: asyncio.Future[Response] = loop.create_future()
        self._acked: asyncio.Future[Request] = loop.create_future()
        self._ended: asyncio.Future[str] = loop.create_future()
        self._provisional = asyncio.Event()
        self._asking: Asking | None = None
        self._repeat: Repeat | None = None

    @classmethod
    def outgoing(
        cls,
        phone: FakePhone,
        number: str,
        caller: str,
        name: str,
        *,
        headers: Sequence[tuple[str, str]],
    ) -> Call:
        shown = f'"{name}" ' if name else ""
        call = cls(
            phone,
            sip_call_id=secrets.token_hex(12),
            local=f"{shown}<sip:{caller}@{phone.domain}>",
            remote=f"<sip:{number}@{phone.domain}>",
            cseq=0,
        )
        call._target = f"sip:{number}@{phone.domain}"
        call._extra = tuple(headers)
        return call

    @classmethod
    def incoming(cls, phone: FakePhone, invite: Request) -> Call:
        local, remote = invite.to, invite.from_
        call = cls(
            phone,
            sip_call_id=invite.sip_call_id,
            local=f"<{local.uri_text}>",
            remote=f"<{remote.uri_text}>",
            cseq=1000,
        )
        call.invite = invite
        call.remote_tag = remote.tag or ""
        assert invite.contact, "an INVITE without a Contact"
        call._target = invite.contact.uri_text
        call._routes = [f"<{route.uri_text}>" for route in invite.record_routes]
        return call

    # ---- who and how -------------------------------------------------------------------------------------------

    @property
    def caller(self) -> str:
        """Whom From names: the number shown to the called."""
        assert self.invite
        return self.invite.from_.uri.user or ""

    @property
    def caller_name(self) -> str:
        assert self.invite
        return self.invite.from_.display_name

    @property
    def is_over(self) -> bool:
        return self._ended.done()

    @property
    def is_up(self) -> bool:
        return bool(self.remote_tag) and not self.is_over and self._final.done() and not self._final.cancelled()

    def owns(self, request: Request) -> bool:
        if request.sip_call_id != self.sip_call_id:
            return False
        if request.method == "CANCEL":
            return self.invite is not None and self.invite.via.branch == request.via.branch
        return request.to.tag == self.local_tag

    # ---- the caller's side -------------------------------------------------------------------------------------

    def aim(self, uri: str | None) -> None:
        """Send the INVITE there, if that is anywhere else than To says."""
        self._target = uri or self._target

    def start(self) -> None:
        self._ask_invite(())

    def hears_early(self) -> None:
        """Listen to what the other side sends before it answers: its latest 18x has a description."""
        described = [response for response in self.responses if response.status < 200 and response.body]
        assert described, "no description before the answer"
        self._agree(session.read(described[-1].body))
        self.audio.start()

    async def ringing(self, seconds: float = DEADLINE) -> Response:
        """The first 18x."""
        async with self._soon("ringing", seconds):
            while not (rung := [response for response in self.responses if 180 <= response.status < 200]):
                if self._final.done():
                    raise AssertionError(f"{self._final.result().status} without ringing")
                self._provisional.clear()
                await self._provisional.wait()
        return rung[0]

    async def answered(self, seconds: float = DEADLINE) -> Response:
        """The 200. Raises Refused for any other end."""
        from tests.support.phone import Refused

        response = await self._outcome(seconds)
        if not response.is_success:
            raise Refused(response)
        return response

    async def refused(self, seconds: float = DEADLINE) -> int:
        """The status of the failure."""
        response = await self._outcome(seconds)
        assert not response.is_success, f"{response.status} where a refusal was expected"
        return response.status

    async def final(self, seconds: float = DEADLINE) -> int:
        """The status of the final response, whichever it is."""
        return (await self._outcome(seconds)).status

    async def cancel(self) -> None:
        """Give up before the answer; returns when the INVITE has its 487."""
        await self.send_cancel()
        assert await self.refused() == 487

    async def send_cancel(self) -> None:
        """Give up; the answer may cross it, so the INVITE may end either way."""
        assert self.invite is not None
        async with self._soon("a provisional response", DEADLINE):
            while not self.responses:
                self._provisional.clear()
                await self._provisional.wait()
        cancel = self.phone.request(
            "CANCEL", self.invite.uri, self._local, self.local_tag, self._remote, self.sip_call_id,
            self.invite.cseq.number, branch=self.invite.via.branch, contact=False,
        )  # fmt: skip
        response = await self.phone.ask(cancel)
        assert response.is_success, f"{response.status} to CANCEL"

    async def _outcome(self, seconds: float) -> Response:
        async with self._soon("a final response", seconds):
            return await asyncio.shield(self._final)

    def _ask_invite(self, credentials: Iterable[tuple[str, str]]) -> None:
        self._cseq += 1
        body = self._description("sendrecv") if self.offer is None else self.offer
        self.invite = self.phone.request(
            "INVITE", self._target, self._local, self.local_tag, self._remote, self.sip_call_id, self._cseq,
            headers=[*self._extra, *credentials], body=body,
        )  # fmt: skip
        asking = Asking(
            self.invite, self.phone.send, on_provisional=self._heard_provisional, on_final=self._heard_final
        )
        self._asking = self.phone.begin(asking)

    def _heard_provisional(self, response: Response) -> None:
        self.responses.append(response)
        self._provisional.set()

    def _heard_final(self, response: Response) -> Request:
        self.responses.append(response)
        if response.is_success:
            return self._established(response)
        ack = self._ack_of_failure(response)
        challenged = sum(earlier.status in CHALLENGES for earlier in self.responses)
        credentials = None
        if response.status in CHALLENGES and challenged < 3:
            assert self.invite
            credentials = self.phone.credentials(response, "INVITE", self.invite.uri)
        if credentials:
            # Soon, not now: the ACK goes out first.
            asyncio.get_running_loop().call_soon(self._ask_invite, [credentials])
        else:
            self._finish("refused")
            self._final.set_result(response)
            self._provisional.set()
        return ack

    def _ack_of_failure(self, response: Response) -> Request:
        # RFC 3261 §17.1.1.3: the ACK of a failure belongs to the INVITE's own transaction: same branch, same URI.
        assert self.invite
        return self.phone.request(
            "ACK", self.invite.uri, self._local, self.local_tag, response.headers.get("to") or "", self.sip_call_id,
            self.invite.cseq.number, branch=self.invite.via.branch, contact=False,
        )  # fmt: skip

    def _established(self, response: Response) -> Request:
        if not self._final.done():
            assert response.contact, "a 200 to INVITE without a Contact"
            self.remote_tag = response.to.tag or ""
            self._target = response.contact.uri_text
            self._routes = [f"<{route.uri_text}>" for route in reversed(response.record_routes)]
            self._agree(session.read(response.body))
            self.audio.start()
            self._final.set_result(response)
            self._provisional.set()
        offer = session.read(response.body)
        answer = self._description(offer.opposite, offer) if self.offer == b"" else b""
        return self.in_dialog("ACK", cseq=response.cseq.number, body=answer)

    # ---- the callee's side -------------------------------------------------------------------------------------

    def ring(self, status: int = 180) -> None:
        assert self.invite
        self.phone.answer(self.invite, status, to_tag=self.local_tag, headers=[("Contact", self.phone.contact)])

    def early(self) -> None:
        """183 with a description: sound before the answer (RFC 3960)."""
        assert self.invite
        offer = session.read(self.invite.body)
        self.phone.answer(
            self.invite, 183, to_tag=self.local_tag, headers=[("Contact", self.phone.contact)],
            body=self._description(offer.opposite, offer), content_type="application/sdp",
        )  # fmt: skip
        self._agree(offer)
        self.audio.start()

    async def answer(self) -> None:
        """Take the call; returns when the ACK came. It is repeated until then."""
        self.take()
        async with self._soon("the ACK", DEADLINE):
            await asyncio.shield(self._acked)

    def take(self) -> None:
        """Send the 200 and do not wait."""
        assert self.invite
        self._respond_with_session(self.invite)

    async def refuse(self, status: int = 486, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Returns when the ACK came."""
        self._repeat_final(status, headers=headers)
        async with self._soon("the ACK of our refusal", DEADLINE):
            await asyncio.shield(self._acked)
        self._finish("refused")

    async def redirect(self, number: str) -> None:
        """Send the caller on to another number (302); returns when the ACK came."""
        self._repeat_final(302, contact=f"<sip:{number}@{self.phone.domain}>")
        async with self._soon("the ACK of our redirection", DEADLINE):
            await asyncio.shield(self._acked)
        self._finish("refused")

    async def cancelled(self, seconds: float = DEADLINE) -> None:
        """The caller gave up, and our 487 was acknowledged."""
        async with self._soon("CANCEL", seconds):
            assert await asyncio.shield(self._ended) == "cancelled"
            await asyncio.shield(self._acked)

    def _respond_with_session(self, invite: Request) -> None:
        if invite.body:
            offer = session.read(invite.body)
            body = self._description(offer.opposite, offer)
            self._agree(offer)
        else:
            body = self._description("sendrecv")
        self._repeat_final(200, body)
        if not self._final.done():
            self._final.set_result(self.phone.log.sent("200 INVITE", self.sip_call_id)[-1].message)  # type: ignore[arg-type]  # a response by its name
        if self.audio.remote is not None:
            self.audio.start()

    def _repeat_final(
        self, status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = (), *, contact: str = ""
    ) -> None:
        invite = self.reinvites[-1] if self.reinvites else self.invite
        assert invite
        if self._acked.done():
            self._acked = asyncio.get_running_loop().create_future()
        contact = contact or (self.phone.contact if status < 300 else "")
        if contact:
            headers = [("Contact", contact)]

        def send() -> None:
            self.phone.answer(
                invite, status, to_tag=self.local_tag, headers=headers, body=body,
                content_type="application/sdp" if body else "",
            )  # fmt: skip

        if self._repeat is not None:
            self._repeat.stop()
        self._repeat = Repeat(send, lambda: None)

    # ---- both sides --------------------------------------------------------------------------------------------

    async def hang_up(self) -> None:
        """BYE; returns when it was answered."""
        self._finish("hung up")
        response = await self.phone.ask(self.in_dialog("BYE"))
        assert response.is_success, f"{response.status} to BYE"

    async def press_by_info(self, digit: str) -> None:
        """A digit as an INFO request; returns when it was answered."""
        body = f"Signal={digit}\r\nDuration=160\r\n".encode()
        info = self.in_dialog("INFO", headers=[("Content-Type", "application/dtmf-relay")], body=body)
        response = await self.phone.ask(info)
        assert response.is_success, f"{response.status} to INFO"

    async def ended(self, seconds: float = DEADLINE) -> None:
        """The other side hung up."""
        async with self._soon("BYE", seconds):
            assert await asyncio.shield(self._ended) == "bye"

    async def released(self, seconds: float = DEADLINE) -> None:
        """The call is over at this end, however it ended."""
        async with self._soon("an end", seconds):
            await asyncio.shield(self._ended)

    async def hold(self) -> str:
        """Hold by re-INVITE; the direction that the other side answered with."""
        return await self.renegotiate("sendonly")

    async def resume(self) -> str:
        return await self.renegotiate("sendrecv")

    async def renegotiate(self, direction: str) -> str:
        """A re-INVITE with our new direction. Raises AssertionError when it is refused."""
        request = self.in_dialog("INVITE", body=self._description(direction))
        asking = self.phone.begin(Asking(request, self.phone.send, on_final=self._ack_of_reinvite))
        async with self._soon("an answer to the re-INVITE", DEADLINE):
            response = await asking.final
        assert response.is_success, f"{response.status} to re-INVITE"
        answer = session.read(response.body)
        self._agree(answer)
        return answer.direction

    def _ack_of_reinvite(self, response: Response) -> Request:
        # The ACK of a success is a transaction of its own, that of a failure belongs to the INVITE's.
        branch = None if response.is_success else response.via.branch
        return self.in_dialog("ACK", cseq=response.cseq.number, branch=branch)

    async def drop(self) -> None:
        """End the call whatever its state, without complaint."""
        with suppress(NotInTime, NoAnswer, AssertionError):
            if self.is_over:
                return
            if self.is_up:
                await self.hang_up()
            elif self._asking is not None:
                await self.cancel()
            else:
                await self.refuse(480)

    def release(self) -> None:
        if self._repeat is not None:
            self._repeat.stop()
        self.audio.close()
        for future in (self._final, self._acked, self._ended):
            future.cancel()

    def receive(self, request: Request) -> None:
        """A request of the other side inside this call."""
        match request.method:
            case "ACK":
                self._acknowledged(request)
            case "CANCEL":
                self._heard_cancel(request)
            case "BYE":
                self.phone.answer(request, 200)
                self._finish("bye")
            case "INVITE":
                self.reinvites.append(request)
                self._respond_with_session(request)
            case _:
                self.phone.answer(request, 200)

    def _acknowledged(self, ack: Request) -> None:
        if self._repeat is not None:
            self._repeat.stop()
        if ack.body:
            self._agree(session.read(ack.body))
            self.audio.start()
        if not self._acked.done():
            self._acked.set_result(ack)

    def _heard_cancel(self, cancel: Request) -> None:
        self.phone.answer(cancel, 200, to_tag=self.local_tag)
        if not self._final.done() and not self.is_over:
            self._finish("cancelled")
            self._repeat_final(487)

    def in_dialog(
        self,
        method: str,
        *,
        cseq: int | None = None,
        branch: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Request:
        """A request of ours inside this call, not yet sent."""
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        return self.phone.request(
            method, self._target, self._local, self.local_tag, f"{self._remote};tag={self.remote_tag}",
            self.sip_call_id, cseq, headers=[*(("Route", route) for route in self._routes), *headers],
            branch=branch, body=body,
        )  # fmt: skip

    def _description(self, direction: str, offer: Session | None = None) -> bytes:
        """Our offer, or our answer: its codecs in the order of the offer, digits under the offer's number."""
        self._version += 1
        self.direction = direction
        ours = Session(
            address=(self.phone.media_host, self.audio.port), laws=self.phone.laws, direction=direction,
            version=self._version,
        )  # fmt: skip
        if offer is not None:
            laws = tuple(law for law in offer.laws if law in ours.laws)
            ours = replace(ours, laws=laws, digit_type=offer.digit_type)
        return ours.text()

    def _agree(self, theirs: Session) -> None:
        """Media as both sides now want it: ours by our last description, theirs by `theirs`."""
        allowed = theirs.opposite
        ours = self.direction
        common = [law for law in theirs.laws if law in self.phone.laws]
        assert common, "no codec in common"
        self.audio.agree(
            remote=theirs.address,
            law=common[0],
            digit_type=theirs.digit_type,
            sends="send" in ours and "send" in allowed,
            hears="recv" in ours and "recv" in allowed,
        )

    def _finish(self, how: str) -> None:
        if not self._ended.done():
            self._ended.set_result(how)

    def _soon(self, what: str, seconds: float) -> AbstractAsyncContextManager[None]:
        return deadline(lambda: f"{what}\n{self.phone.log.ladder()}\n", seconds)
